"""The user's own tickets: CSV, TSV and JSONL files, plain or gzipped."""

import gzip
import os
import re
import zlib
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

from supportnet.data.rows import Row, Table, decode, read_delimited, read_json_lines
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket, TicketDataset
from supportnet.errors import UserError

_TEXT_COLUMNS = (
    "text",
    "message",
    "utterance",
    "query",
    "question",
    "sentence",
    "body",
    "content",
    "instruction",
)
_LABEL_COLUMNS = ("intent", "label", "category", "class", "topic")
_SPLIT_COLUMNS = ("split",)

_JSON_ENDINGS = (".jsonl", ".ndjson", ".json")
_DELIMITER_BY_ENDING = {".csv": None, ".tsv": "\t", ".tab": "\t"}

_SPLIT_BY_VALUE = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
}
_OUT_OF_SCOPE_LABELS = ("oos", OUT_OF_SCOPE)


def load_file(
    path: str | os.PathLike[str],
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    split_column: str | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    reply_column: str | None = None,
    labelled: bool = True,
) -> TicketDataset:
    """Read a file of messages with labels, replies or both, or with neither.

    The ending says what the file is: `.csv`, `.tsv` or `.tab` with a header, `.jsonl`, `.ndjson` or `.json`
    with one object per line; `.gz` may follow. With a `delimiter` any other ending is read like `.csv`. Texts
    are kept as they are, empty ones too; labels are stripped and must be there, unless there are replies to learn
    from. The labels `oos` and `out_of_scope`, in any case, mean `OUT_OF_SCOPE`.

    Args:
        path: the file.
        text_column: column of the messages; by default the one with a usual name (text, message, query, ...).
        label_column: column of the intents; by default the one with a usual name (intent, label, ...). With
            `reply_column` there need be none, and a label may be empty or missing: the ticket's intent is None then.
        split_column: column that says train (training), validation (val, valid, dev) or test; by default a
            column named split, where there is one. Without such a column all tickets are in the split `all`.
        delimiter: one character; by default a tab for `.tsv`, and for `.csv` the one of comma, semicolon and
            tab that splits the header.
        encoding: the file's encoding. A byte order mark is dropped.
        reply_column: column of the agents' replies, kept as they are; one of white space alone is None. No column
            is taken for it by its name.
        labelled: False reads no labels, whether there are any or not.

    Returns:
        The tickets in the file's order, by split.

    Raises:
        UserError: names the file, and the row or line where there is one, and what would be right.

    Example:
        >>> dataset = load_file("tickets.csv", label_column="topic")
        >>> dataset["all"][0]
        Ticket(text='Where is my parcel?', intent='track_order', ...)
    """
    path = Path(path)
    table = _read_table(path, delimiter, encoding)
    text_column = _column(table, text_column, _TEXT_COLUMNS, "text_column", path)
    if reply_column is not None:
        reply_column = _column(table, reply_column, (), "reply_column", path)
    needed = reply_column is None or label_column is not None
    if labelled and (needed or _named_like(table.columns, _LABEL_COLUMNS)):
        label_column = _column(table, label_column, _LABEL_COLUMNS, "label_column", path)
    _check_different({"text_column": text_column, "label_column": label_column, "reply_column": reply_column}, path)
    if split_column is not None or _named_like(table.columns, _SPLIT_COLUMNS):
        split_column = _column(table, split_column, _SPLIT_COLUMNS, "split_column", path)
    tickets = [_ticket(row, text_column, label_column, reply_column, split_column) for row in table.rows]
    return TicketDataset(
        name=str(path),
        splits=_by_split(tickets),
        description=f"{len(tickets):,} messages from {path.name}.",
        source=str(path),
    )


def _read_table(path: Path, delimiter: str | None, encoding: str) -> Table:
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


def _named_like(columns: Iterable[str], names: tuple[str, ...]) -> list[str]:
    return [column for column in columns if column.lower() in names]


def _column(table: Table, chosen: str | None, usual: tuple[str, ...], option: str, path: Path) -> str:
    """Return the column to use: the chosen one, or the only one with a usual name."""
    found = _named_like(table.columns, usual) if chosen is None else [c for c in table.columns if c == chosen]
    if len(found) == 1:
        return found[0]
    flag = f"{option} (--{option.replace('_', '-')})"
    columns = ", ".join(repr(column) for column in table.columns)
    if chosen is not None:
        problem = f"{len(found)} columns are named" if found else "there is no column"
        raise UserError(f"{path}: {problem} {chosen!r}. Set {flag} to one of the columns: {columns}.")
    problem = f"several columns could be meant ({', '.join(found)})" if found else "no column has a usual name"
    raise UserError(f"{path}: {problem}. Set {flag} to one of the columns: {columns}.")


def _check_different(column_by_option: dict[str, str | None], path: Path) -> None:
    for (option, column), (other, other_column) in combinations(column_by_option.items(), 2):
        if column is not None and column == other_column:
            raise UserError(f"{path}: {option} and {other} must differ. Received: {column!r} for both")


def _ticket(
    row: Row, text_column: str, label_column: str | None, reply_column: str | None, split_column: str | None
) -> Ticket:
    reply = None if reply_column is None else _string(row, reply_column)
    return Ticket(
        text=_string(row, text_column),
        intent=None if label_column is None else _intent(row, label_column, optional=reply_column is not None),
        reply=reply if reply and reply.strip() else None,
        split=None if split_column is None else _split(row, split_column),
    )


def _intent(row: Row, column: str, optional: bool) -> str | None:
    if optional and row.values.get(column) is None:
        return None
    label = _string(row, column).strip()
    if not label and not optional:
        raise UserError(f"{row.place}: the label in column {column!r} is empty; every message must have one.")
    return OUT_OF_SCOPE if label.lower() in _OUT_OF_SCOPE_LABELS else label or None


def _string(row: Row, column: str) -> str:
    value = row.values.get(column)
    if value is None:
        raise UserError(f"{row.place}: there is no value for {column!r}.")
    # Whole numbers are common as labels. To Python, true and false are whole numbers as well.
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise UserError(f"{row.place}: {column!r} must be a string. Received: a {type(value).__name__}")
    # JSON can hold half of a surrogate pair, where an export cut an emoji in two: that can't be encoded.
    return re.sub("[\ud800-\udfff]", "\ufffd", str(value))


def _split(row: Row, column: str) -> str:
    value = _string(row, column)
    try:
        return _SPLIT_BY_VALUE[value.strip().lower()]
    except KeyError:
        raise UserError(f"{row.place}: {column!r} must be train, validation or test. Received: {value!r}") from None


def _by_split(tickets: list[Ticket]) -> dict[str, list[Ticket]]:
    if tickets[0].split is None:
        return {"all": tickets}
    by_split: dict[str, list[Ticket]] = {"train": [], "validation": [], "test": []}
    for ticket in tickets:
        by_split[ticket.split or ""].append(ticket)
    return {split: members for split, members in by_split.items() if members}
