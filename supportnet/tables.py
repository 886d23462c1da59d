"""Tables of plain text, for the terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def table_lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lines of a table with a header, of dictionaries with the same keys; numbers are right-aligned.

    Example:
        >>> print(*table_lines([{"intent": "refund", "f1": 0.5}, {"intent": "track", "f1": 0.75}]), sep=chr(10))
        intent     f1
        refund  0.500
        track   0.750
    """
    columns = list(rows[0]) if rows else []
    cells = [columns, *([_cell(row[column]) for column in columns] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    sides = [">" if isinstance(rows[0][column], int | float) else "<" for column in columns]
    for line in cells:
        yield "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(line, sides, widths, strict=True)).rstrip()


def one_line(value: Any, most: int = 60) -> Any:
    """Put a message on one line of a table, cut where it is long; what isn't a string stays as it is.

    Example:
        >>> one_line("where is my parcel?", most=10)
        'where i...'
    """
    if not isinstance(value, str):
        return value
    line = " ".join(value.split())
    return line if len(line) <= most else line[: most - 3] + "..."


def _cell(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
