"""The user's own bank: CSV, TSV and JSONL files of answers, plain or gzipped."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from supportnet.data.bank import Answer, Bank
from supportnet.data.rows import Row, Table
from supportnet.data.tables import (
    check_different,
    filled_string,
    find_column,
    find_optional_column,
    read_table,
    string,
    strings,
)
from supportnet.errors import UserError

_USUAL_COLUMNS = {
    "id": ("id", "answer_id", "article_id"),
    "text": ("text", "reply", "answer", "body", "template", "content"),
    "title": ("title", "subject", "question"),
    "tags": ("tags", "tag", "category"),
    "language": ("language", "lang", "locale"),
    "uses": ("uses", "count", "frequency"),
}


def load_bank(
    path: str | os.PathLike[str],
    *,
    id_column: str | None = None,
    text_column: str | None = None,
    title_column: str | None = None,
    tags_column: str | None = None,
    language_column: str | None = None,
    uses_column: str | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8",
) -> Bank:
    """Read a file of answers: CSV, TSV or JSONL, told apart as `load_file` does.

    Only the texts must be there, and are kept as they are. Every other column, and a value in it, may be missing,
    but for ids: where one answer has an id, all must.

    Args:
        path: the file.
        id_column: column of the ids; by default the one with a usual name (id, answer_id, article_id). Without
            such a column the answers are numbered from 1.
        text_column: column of the answers; by default text, reply, answer, body, template or content.
        title_column: column of the titles; by default title, subject or question.
        tags_column: column of the tags; by default tags, tag or category. Several are a list in JSONL, or one string
            that `|`, `,` or `;` divides.
        language_column: column of the languages; by default language, lang or locale.
        uses_column: column that says how often an answer was sent; by default uses, count or frequency.
        delimiter: one character; by default as for `load_file`.
        encoding: the file's encoding. A byte order mark is dropped.

    Returns:
        The bank, in the file's order.

    Raises:
        UserError: names the file, and the row or line where there is one, and what would be right.

    Example:
        >>> load_bank("macros.csv").answers[0]
        Answer(id='m1', text='Your refund is on its way.', title='', tags=('refund', 'billing'), language='', uses=7)
    """
    path = Path(path)
    table = read_table(path, delimiter, encoding)
    chosen = {
        "id": id_column,
        "text": text_column,
        "title": title_column,
        "tags": tags_column,
        "language": language_column,
        "uses": uses_column,
    }
    columns = _columns(table, chosen, path)
    answers = [_answer(row, columns, number) for number, row in enumerate(table.rows, start=1)]
    _check_ids(answers, table.rows)
    return Bank(name=str(path), answers=answers, source=str(path))


def _columns(table: Table, chosen: Mapping[str, str | None], path: Path) -> dict[str, str]:
    """Return the column of each field that the file has."""
    found = {}
    for field, usual in _USUAL_COLUMNS.items():
        find = find_column if field == "text" else find_optional_column
        if (column := find(table, chosen[field], usual, f"{field}_column", path)) is not None:
            found[field] = column
    check_different({f"{field}_column": column for field, column in found.items()}, path)
    return found


def _answer(row: Row, columns: Mapping[str, str], number: int) -> Answer:
    return Answer(
        id=filled_string(row, columns["id"]).strip() if "id" in columns else str(number),
        text=filled_string(row, columns["text"]),
        title=_optional(row, columns.get("title")),
        tags=strings(row, columns["tags"]) if "tags" in columns else (),
        language=_optional(row, columns.get("language")),
        uses=_uses(row, columns["uses"]) if "uses" in columns else 1,
    )


def _optional(row: Row, column: str | None) -> str:
    return "" if column is None or row.values.get(column) is None else string(row, column).strip()


def _uses(row: Row, column: str) -> int:
    value = row.values.get(column)
    if value is None or value == "":
        return 1
    try:
        uses = int(str(value))
    except ValueError:
        uses = 0
    if uses < 1:
        raise UserError(f"{row.place}: {column!r} must be a whole number of at least 1. Received: {value!r}")
    return uses


def _check_ids(answers: Sequence[Answer], rows: Sequence[Row]) -> None:
    places: dict[str, str] = {}
    for answer, row in zip(answers, rows, strict=True):
        first = places.setdefault(answer.id, row.place)
        if first != row.place:
            raise UserError(f"{row.place}: the id {answer.id!r} is already that of {first}.")
