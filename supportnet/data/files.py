"""The user's own tickets: CSV, TSV and JSONL files, plain or gzipped."""

import os
from collections.abc import Sequence
from pathlib import Path

from supportnet.data.tables import Row, read_table
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket, TicketDataset
from supportnet.errors import UserError

_TEXT_COLUMNS = ("text", "message", "utterance", "query", "question", "sentence", "body", "content", "instruction")
_LABEL_COLUMNS = ("intent", "label", "category", "class", "topic")
_SPLIT_BY_VALUE = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
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
    attribute_columns: Sequence[str] = (),
    labelled: bool = True,
) -> TicketDataset:
    """Read a file of messages with labels, replies or both, or with neither.

    The ending says what the file is: `.csv`, `.tsv` or `.tab` with a header, `.jsonl`, `.ndjson` or `.json`
    with one object per line; `.gz` may follow. With a `delimiter` any other ending is read like `.csv`. Texts
    are kept as they are, empty ones too; labels are stripped and must be there, unless there are replies or further
    labels to learn from. The intents `oos` and `out_of_scope`, in any case, mean `OUT_OF_SCOPE`.

    Args:
        path: the file.
        text_column: column of the messages; by default the one with a usual name (text, message, query, ...).
        label_column: column of the intents; by default the one with a usual name (intent, label, ...). With
            `reply_column` or `attribute_columns` there need be none, and a label may be empty or missing: the ticket's
            intent is None then.
        split_column: column that says train (training), validation (val, valid, dev) or test; by default a
            column named split, where there is one. Without such a column all tickets are in the split `all`.
        delimiter: one character; by default a tab for `.tsv`, and for `.csv` the one of comma, semicolon and
            tab that splits the header.
        encoding: the file's encoding. A byte order mark is dropped.
        reply_column: column of the agents' replies, kept as they are; one of white space alone is None. No column
            is taken for it by its name.
        attribute_columns: columns of further labels, such as priority or channel; a ticket has none of a name where
            the value is empty or missing. A column that is named here is not taken for the intents by its name.
        labelled: False reads no labels, whether there are any or not.

    Returns:
        The tickets in the file's order, by split.

    Raises:
        UserError: names the file, and the row or line where there is one, and what would be right.

    Example:
        >>> load_file("tickets.csv", label_column="intent")["all"][0].text
        'Where is my parcel?'
    """
    path = Path(path)
    table = read_table(path, delimiter, encoding)
    text_column = table.column("text_column", text_column, _TEXT_COLUMNS)
    reply_column = table.optional_column("reply_column", reply_column)
    attributes = [table.column("attribute_columns", name) for name in attribute_columns if labelled]
    intent_optional = reply_column is not None or bool(attributes)
    if labelled:
        usual = tuple(name for name in _LABEL_COLUMNS if name not in map(str.lower, attributes))
        find_label = table.optional_column if intent_optional else table.column
        label_column = find_label("label_column", label_column, usual)
    columns = {"text_column": text_column, "label_column": label_column, "reply_column": reply_column}
    for attribute in (None, *attributes):
        table.check_different({**columns, "attribute_columns": attribute})
    split_column = table.optional_column("split_column", split_column, ("split",))
    tickets = [
        Ticket(
            text=row.string(text_column),
            intent=None if label_column is None else _intent(row, label_column, intent_optional),
            reply=reply if reply_column is not None and (reply := row.string(reply_column)).strip() else None,
            split=None if split_column is None else _split(row, split_column),
            labels={name: label for name in attributes if (label := row.optional_string(name))},
        )
        for row in table.rows
    ]
    names = ("train", "validation", "test")
    by_split = {split: members for split in names if (members := [one for one in tickets if one.split == split])}
    return TicketDataset(
        name=table.name,
        splits={"all": tickets} if split_column is None else by_split,
        description=f"{len(tickets):,} messages from {path.name}.",
        source=table.name,
    )


def _intent(row: Row, column: str, optional: bool) -> str | None:
    if optional and row.values.get(column) is None:
        return None
    label = row.string(column).strip()
    if not label and not optional:
        raise UserError(f"{row.place}: the label in column {column!r} is empty; every message must have one.")
    return OUT_OF_SCOPE if label.lower() in _OUT_OF_SCOPE_LABELS else label or None


def _split(row: Row, column: str) -> str:
    value = row.string(column)
    try:
        return _SPLIT_BY_VALUE[value.strip().lower()]
    except KeyError:
        raise UserError(f"{row.place}: {column!r} must be train, validation or test. Received: {value!r}") from None
