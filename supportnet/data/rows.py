"""From the bytes of a CSV, TSV or JSONL file to rows; each row knows its place for error messages."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from supportnet.errors import UserError

#: The largest limit that the csv module takes on every platform (a C long has 32 bits on Windows).
_LARGEST_FIELD = 2**31 - 1
_CSV_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a file.

    Attributes:
        place: file and row, as an error message names it.
        values: column -> value. CSV and TSV hold strings only, JSONL whatever JSON holds.
    """

    place: str
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Table:
    """The columns of a file, in order, and its rows."""

    columns: list[str]
    rows: list[Row]


def decode(content: bytes, encoding: str, name: str) -> str:
    """Return `content` as text without a byte order mark.

    Args:
        content: what the file holds.
        encoding: a name that Python's codecs know.
        name: the file's name for error messages.

    Raises:
        UserError: if there is no such encoding, the bytes aren't in it, or the text holds a NUL.

    Example:
        >>> decode(b"\\xef\\xbb\\xbftext,intent", "utf-8", "tickets.csv")
        'text,intent'
    """
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].decode(encoding, errors="ignore").count("\n") + 1
        raise UserError(
            f"{name}, line {line}: byte 0x{content[error.start]:02x} isn't valid {encoding}. "
            "Name the file's encoding with encoding (--encoding), for example cp1252."
        ) from None
    except (LookupError, UnicodeError):
        raise UserError(
            f"encoding (--encoding) must be one that Python knows, such as utf-8. Received: {encoding=}"
        ) from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise UserError(
            f"{name}, line {line}: there is a NUL character. If the file is in UTF-16, "
            "say so with encoding (--encoding) utf-16."
        )
    return text.removeprefix("\ufeff")


def read_delimited(text: str, delimiter: str | None, name: str) -> Table:
    """Return the table that CSV or TSV text holds.

    Rows are counted as a spreadsheet counts them: the header is row 1, a quoted field with line breaks stays
    in its row. Blank lines are skipped, but counted.

    Args:
        text: the whole text; quoting as in RFC 4180.
        delimiter: one character; None takes the one of comma, semicolon and tab that splits the header most.
        name: the file's name for error messages.

    Raises:
        UserError: if there is no row, a row has too few or too many fields, or the quoting is broken.

    Example:
        >>> read_delimited("text;intent\\nHi;greeting\\n", None, "tickets.csv").rows[0].values
        {'text': 'Hi', 'intent': 'greeting'}
    """
    if delimiter is None:
        delimiter = max(_CSV_DELIMITERS, key=lambda candidate: len(_header(text, candidate)))
    records = _records(text, delimiter, name)
    _, header = next(records, (0, None))
    if header is None:
        raise UserError(f"{name} is empty.")
    columns = [column.strip() for column in header]
    rows = [_row(columns, record, f"{name}, row {number}") for number, record in records]
    if not rows:
        raise UserError(f"{name} has a header, but no rows.")
    return Table(columns, rows)


def read_json_lines(text: str, name: str) -> Table:
    """Return the table that JSON lines hold: one object per line. Its columns are the keys of all objects.

    Raises:
        UserError: if there is no line, or a line isn't a JSON object.

    Example:
        >>> read_json_lines('{"text": "Hi", "intent": "greeting"}', "tickets.jsonl").columns
        ['text', 'intent']
    """
    rows = [
        Row(f"{name}, line {number}", _json_object(line, f"{name}, line {number}"))
        # Not splitlines: JSON strings may hold U+2028 and other characters that it takes for line ends.
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip()
    ]
    if not rows:
        raise UserError(f"{name} is empty.")
    return Table(list(dict.fromkeys(key for row in rows for key in row.values)), rows)


def _records(text: str, delimiter: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and fields of every record that isn't a blank line."""
    number = 0
    with _unlimited_fields():
        try:
            # Strict: otherwise a quote that is never closed swallows the rest of the file without a word.
            for number, record in enumerate(_reader(text, delimiter, strict=True), start=1):
                if record:
                    yield number, record
        except csv.Error as error:
            raise UserError(f"{name}, row {number + 1}: the quoting is broken ({error}).") from None


def _header(text: str, delimiter: str) -> list[str]:
    with _unlimited_fields():
        return next(_reader(text.lstrip("\r\n"), delimiter, strict=False), [])


def _reader(text: str, delimiter: str, *, strict: bool) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict)


@contextmanager
def _unlimited_fields() -> Iterator[None]:
    """Lift the csv module's limit of 131,072 characters a field; it is global, so put it back."""
    limit = csv.field_size_limit(_LARGEST_FIELD)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def _row(columns: list[str], record: list[str], place: str) -> Row:
    if len(record) != len(columns):
        raise UserError(f"{place}: there must be {len(columns)} fields as in the header, but there are {len(record)}.")
    return Row(place, dict(zip(columns, record, strict=True)))


def _json_object(line: str, place: str) -> dict[str, object]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{place}: this isn't JSON, each line must hold one object ({error}).") from None
    if not isinstance(value, dict):
        raise UserError(f"{place}: each line must hold one JSON object. Received: a {type(value).__name__}")
    return value
