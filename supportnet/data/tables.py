"""Tables of users and of public data sets: CSV, TSV and JSONL files, plain or gzipped; their columns and their values.

Each row knows its place for error messages.
"""

import csv
import gzip
import io
import json
import os
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from supportnet.errors import UserError

_JSON_ENDINGS = (".jsonl", ".ndjson", ".json")
_DELIMITER_BY_ENDING = {".csv": None, ".tsv": "\t", ".tab": "\t"}
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

    def string(self, column: str) -> str:
        """Return the string in `column` as it is; a missing value or one of another type is a `UserError`."""
        value = self.values.get(column)
        if value is None:
            raise UserError(f"{self.place}: there is no value for {column!r}.")
        return self._as_string(value, column)

    def filled_string(self, column: str) -> str:
        """Return the string in `column` as it is; one of white space alone is a `UserError` too."""
        value = self.string(column)
        if not value.strip():
            raise UserError(f"{self.place}: {column!r} is empty; every row must have one.")
        return value

    def optional_string(self, column: str | None) -> str:
        """Return the string in `column`, stripped; empty where there is no column or no value."""
        return "" if column is None or self.values.get(column) is None else self.string(column).strip()

    def strings(self, column: str | None) -> tuple[str, ...]:
        """Return the different strings in `column`, stripped, without empty ones; none where there is no column.

        They are a list in JSON, or one string that `|`, `,` or `;` divides; a missing value holds none.

        Example:
            >>> Row("bank.csv, row 2", {"tags": "refund; billing|refund"}).strings("tags")
            ('refund', 'billing')
        """
        value = None if column is None else self.values.get(column)
        if column is None or value is None:
            return ()
        parts = value if isinstance(value, list) else re.split("[|,;]", self._as_string(value, column))
        stripped = [self._as_string(part, column).strip() for part in parts]
        return tuple(dict.fromkeys(part for part in stripped if part))

    def _as_string(self, value: object, column: str) -> str:
        # Whole numbers are common as labels. To Python, true and false are whole numbers as well.
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise UserError(f"{self.place}: {column!r} must be a string. Received: a {type(value).__name__}")
        # JSON can hold half of a surrogate pair, where an export cut an emoji in two: that can't be encoded.
        return re.sub("[\ud800-\udfff]", "\ufffd", str(value))


@dataclass(frozen=True, slots=True)
class Table:
    """The name of a file for error messages, its columns, in order, and its rows."""

    name: str
    columns: list[str]
    rows: list[Row]

    def column(self, option: str, chosen: str | None, usual: tuple[str, ...] = ()) -> str:
        """Return the column to use: the chosen one, or the only one with a usual name.

        Raises:
            UserError: if there is no such column, or there are several; it names `option` and the columns there are.
        """
        found = self._named_like(usual) if chosen is None else [c for c in self.columns if c == chosen]
        if len(found) == 1:
            return found[0]
        if chosen is not None:
            problem = f"{f'{len(found)} columns are named' if found else 'there is no column'} {chosen!r}"
        else:
            problem = f"several columns could be meant ({', '.join(found)})" if found else "no column has a usual name"
        columns = ", ".join(repr(column) for column in self.columns)
        flag = f"{option} (--{option.replace('_', '-')})"
        raise UserError(f"{self.name}: {problem}. Set {flag} to one of the columns: {columns}.")

    def optional_column(self, option: str, chosen: str | None, usual: tuple[str, ...] = ()) -> str | None:
        """Return the column to use as `column` does, or None if none was chosen and none has a usual name."""
        return None if chosen is None and not self._named_like(usual) else self.column(option, chosen, usual)

    def check_different(self, column_by_option: Mapping[str, str | None]) -> None:
        """Raise a `UserError` if two options name the same column."""
        for (option, column), (other, other_column) in combinations(column_by_option.items(), 2):
            if column is not None and column == other_column:
                raise UserError(f"{self.name}: {option} and {other} must differ. Received: {column!r} for both")

    def _named_like(self, names: tuple[str, ...]) -> list[str]:
        return [column for column in self.columns if column.lower() in names]


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
        # In a shell, a tab is easiest to give as backslash and t.
        delimiter = "\t" if delimiter == "\\t" else delimiter
        if len(delimiter) != 1 or delimiter in '"\r\n':
            raise UserError(f"delimiter (--delimiter) must be one character, such as ';'. Received: {delimiter=}")
        return read_delimited(text, delimiter, str(path))
    if ending not in _DELIMITER_BY_ENDING:
        known = ", ".join((*_DELIMITER_BY_ENDING, *_JSON_ENDINGS))
        raise UserError(f"{path}: the ending must be one of {known}, or give a delimiter (--delimiter).")
    return read_delimited(text, _DELIMITER_BY_ENDING[ending], str(path))


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
        problem = f"must be one that Python knows, such as utf-8. Received: {encoding=}"
        raise UserError(f"encoding (--encoding) {problem}") from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise UserError(
            f"{name}, line {line}: there is a NUL character. If the file is in UTF-16, "
            "say so with encoding (--encoding) utf-16."
        )
    return text.removeprefix("\ufeff")


@contextmanager
def _unlimited_fields() -> Iterator[None]:
    """Lift the csv module's limit of 131,072 characters a field; it is global, so put it back."""
    limit = csv.field_size_limit(_LARGEST_FIELD)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


@_unlimited_fields()
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
    rows = []
    for number, record in records:
        place = f"{name}, row {number}"
        if len(record) != len(columns):
            problem = f"there must be {len(columns)} fields as in the header, but there are {len(record)}."
            raise UserError(f"{place}: {problem}")
        rows.append(Row(place, dict(zip(columns, record, strict=True))))
    if not rows:
        raise UserError(f"{name} has a header, but no rows.")
    return Table(name, columns, rows)


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
    return Table(name, list(dict.fromkeys(key for row in rows for key in row.values)), rows)


def _records(text: str, delimiter: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and fields of every record that isn't a blank line."""
    number = 0
    try:
        # Strict: otherwise a quote that is never closed swallows the rest of the file without a word.
        for number, record in enumerate(_reader(text, delimiter, strict=True), start=1):
            if record:
                yield number, record
    except csv.Error as error:
        raise UserError(f"{name}, row {number + 1}: the quoting is broken ({error}).") from None


def _header(text: str, delimiter: str) -> list[str]:
    return next(_reader(text.lstrip("\r\n"), delimiter, strict=False), [])


def _reader(text: str, delimiter: str, *, strict: bool) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict)


def parse_json(content: str | bytes, name: str, problem: str = " isn't JSON") -> Any:
    """Return what JSON holds; a `UserError` that names the file if it isn't JSON."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{name}{problem} ({error}).") from None


def _json_object(line: str, place: str) -> dict[str, object]:
    value = parse_json(line, place, ": this isn't JSON, each line must hold one object")
    if not isinstance(value, dict):
        raise UserError(f"{place}: each line must hold one JSON object. Received: a {type(value).__name__}")
    return value


def _content(path: Path) -> bytes:
    if os.path.isdir(path):  # noqa: PTH112  (Path.is_dir raises where the path can't be looked up)
        raise UserError(f"{path} is a folder. Give a file: CSV, TSV or JSONL.")
    content = read_bytes(path)
    try:
        return gzip.decompress(content) if path.suffix.lower() == ".gz" else content
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise UserError(f"{path} isn't a whole gzip file.") from None


def read_bytes(path: Path, url: str = "") -> bytes:
    """Return what a file holds, such as the user's copy of the one at `url`.

    Raises:
        UserError: if it is missing (it says where to get it, if there is an `url`) or can't be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path} is missing.{url and f' It can be downloaded from {url}'}") from None
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}.") from None
