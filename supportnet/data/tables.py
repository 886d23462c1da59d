"""Tables that users bring: CSV, TSV and JSONL files, plain or gzipped; their columns and their values."""

import gzip
import re
import zlib
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

from supportnet.data.rows import Row, Table, decode, read_delimited, read_json_lines
from supportnet.errors import UserError

_JSON_ENDINGS = (".jsonl", ".ndjson", ".json")
_DELIMITER_BY_ENDING = {".csv": None, ".tsv": "\t", ".tab": "\t"}


def read_table(path: Path, delimiter: str | None, encoding: str) -> Table:
    """Return the columns and rows of a file; its ending says what it is, and `.gz` may follow.

    Raises:
        UserError: if the file is missing, can't be read, is damaged or empty, or `delimiter` doesn't fit it.

    Example:
        >>> read_table(Path("tickets.csv"), None, "utf-8").columns
        ['text', 'intent']
    """
    text = decode(_content(path), encoding, str(path))
    ending = Path(path.name.lower().removesuffix(".gz")).suffix
    if ending in _JSON_ENDINGS:
        if delimiter is not None:
            raise UserError(f"delimiter (--delimiter) is for CSV and TSV. Received: {delimiter=} for {path}")
        return read_json_lines(text, str(path))
    if delimiter is not None:
        return read_delimited(text, _checked_delimiter(delimiter), str(path))
    if ending not in _DELIMITER_BY_ENDING:
        known = ", ".join((*_DELIMITER_BY_ENDING, *_JSON_ENDINGS))
        raise UserError(f"{path}: the ending must be one of {known}, or give a delimiter (--delimiter).")
    return read_delimited(text, _DELIMITER_BY_ENDING[ending], str(path))


def find_column(table: Table, chosen: str | None, usual: tuple[str, ...], option: str, path: Path) -> str:
    """Return the column to use: the chosen one, or the only one with a usual name.

    Raises:
        UserError: if there is no such column, or there are several; it names `option` and the columns there are.
    """
    found = _named_like(table, usual) if chosen is None else [c for c in table.columns if c == chosen]
    if len(found) == 1:
        return found[0]
    flag = f"{option} (--{option.replace('_', '-')})"
    columns = ", ".join(repr(column) for column in table.columns)
    if chosen is not None:
        problem = f"{len(found)} columns are named" if found else "there is no column"
        raise UserError(f"{path}: {problem} {chosen!r}. Set {flag} to one of the columns: {columns}.")
    problem = f"several columns could be meant ({', '.join(found)})" if found else "no column has a usual name"
    raise UserError(f"{path}: {problem}. Set {flag} to one of the columns: {columns}.")


def find_optional_column(
    table: Table, chosen: str | None, usual: tuple[str, ...], option: str, path: Path
) -> str | None:
    """Return the column to use as `find_column` does, or None if none was chosen and none has a usual name."""
    if chosen is None and not _named_like(table, usual):
        return None
    return find_column(table, chosen, usual, option, path)


def check_different(column_by_option: Mapping[str, str | None], path: Path) -> None:
    """Raise a `UserError` if two options name the same column."""
    for (option, column), (other, other_column) in combinations(column_by_option.items(), 2):
        if column is not None and column == other_column:
            raise UserError(f"{path}: {option} and {other} must differ. Received: {column!r} for both")


def string(row: Row, column: str) -> str:
    """Return the string in `column` as it is; a missing value or one of another type is a `UserError`."""
    value = row.values.get(column)
    if value is None:
        raise UserError(f"{row.place}: there is no value for {column!r}.")
    return _as_string(value, row, column)


def filled_string(row: Row, column: str) -> str:
    """Return the string in `column` as it is; one of white space alone is a `UserError` too."""
    value = string(row, column)
    if not value.strip():
        raise UserError(f"{row.place}: {column!r} is empty; every row must have one.")
    return value


def optional_string(row: Row, column: str | None) -> str:
    """Return the string in `column`, stripped; empty where there is no column or no value."""
    return "" if column is None or row.values.get(column) is None else string(row, column).strip()


def strings(row: Row, column: str) -> tuple[str, ...]:
    """Return the different strings in `column`, stripped, without empty ones.

    They are a list in JSON, or one string that `|`, `,` or `;` divides; a missing value holds none.

    Example:
        >>> strings(Row("bank.csv, row 2", {"tags": "refund; billing|refund"}), "tags")
        ('refund', 'billing')
    """
    value = row.values.get(column)
    if value is None:
        return ()
    parts = value if isinstance(value, list) else re.split("[|,;]", _as_string(value, row, column))
    stripped = [_as_string(part, row, column).strip() for part in parts]
    return tuple(dict.fromkeys(part for part in stripped if part))


def _checked_delimiter(delimiter: str) -> str:
    # In a shell, a tab is easiest to give as backslash and t.
    delimiter = "\t" if delimiter == "\\t" else delimiter
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise UserError(f"delimiter (--delimiter) must be one character, such as ';'. Received: {delimiter=}")
    return delimiter


def _content(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise UserError(f"{path} is a folder. Give a file: CSV, TSV or JSONL.")
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix.lower() == ".gz" else content
    except FileNotFoundError:
        raise UserError(f"{path} is missing.") from None
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise UserError(f"{path} isn't a whole gzip file.") from None
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}.") from None


def _named_like(table: Table, names: tuple[str, ...]) -> list[str]:
    return [column for column in table.columns if column.lower() in names]


def _as_string(value: object, row: Row, column: str) -> str:
    # Whole numbers are common as labels. To Python, true and false are whole numbers as well.
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise UserError(f"{row.place}: {column!r} must be a string. Received: a {type(value).__name__}")
    # JSON can hold half of a surrogate pair, where an export cut an emoji in two: that can't be encoded.
    return re.sub("[\ud800-\udfff]", "\ufffd", str(value))
