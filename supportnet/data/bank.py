"""A bank: the answers that may be suggested, such as earlier replies, templates and help articles."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from supportnet.data.rows import Row, Table
from supportnet.data.tables import (
    check_different,
    filled_string,
    find_column,
    find_optional_column,
    optional_string,
    read_table,
    strings,
)
from supportnet.data.ticket import Ticket
from supportnet.errors import UserError

_USUAL_COLUMNS = {
    "id": ("id", "answer_id", "article_id"),
    "text": ("text", "reply", "answer", "body", "template", "content"),
    "title": ("title", "subject", "question"),
    "tags": ("tags", "tag", "category"),
    "language": ("language", "lang", "locale"),
    "uses": ("uses", "count", "frequency"),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One entry of a bank: a reply, a template, a help article.

    Attributes:
        id: what names it in its bank.
        text: what the customer would read, as it was written.
        title: an article's title or question; empty where there is none.
        tags: what it is about.
        language: its language as the bank writes it; empty where unknown.
        uses: how often it was sent.
    """

    id: str
    text: str
    title: str = ""
    tags: tuple[str, ...] = ()
    language: str = ""
    uses: int = 1

    @property
    def searched(self) -> str:
        """What a model reads of it: the title, where there is one, and the text."""
        return f"{self.title}\n{self.text}" if self.title else self.text


@dataclass(frozen=True)
class Bank:
    """The answers that may be suggested, with their origin.

    Attributes:
        name: the name or path it was loaded by.
        answers: its entries; no two have the same id.
        licence: SPDX id or name of the licence; "unknown" for a user's own file.
        source: where it comes from: an address with its commit, or the file's path.
    """

    name: str
    answers: Sequence[Answer]
    licence: str = "unknown"
    source: str = ""


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


def bank_of_replies(name: str, tickets: Sequence[Ticket]) -> Bank:
    """Return the different replies of `tickets` as a bank, in the order of their first use.

    Replies that `same_text` can't tell apart are one, in its most frequent spelling (the first of equals). Its tag is
    the intent that it has most often, where it has one.

    Args:
        name: the bank's name.
        tickets: those without a reply are left out.

    Raises:
        UserError: if no ticket has a reply.

    Example:
        >>> tickets = [Ticket("Hi", reply="Hello!"), Ticket("Bye", reply="See you."), Ticket("Hey", reply="hello!")]
        >>> [(answer.id, answer.text, answer.uses) for answer in bank_of_replies("greetings", tickets).answers]
        [('1', 'Hello!', 2), ('2', 'See you.', 1)]
    """
    spellings: dict[str, Counter[str]] = {}
    intents: dict[str, Counter[str]] = {}
    for ticket in tickets:
        if ticket.reply and (reply := same_text(ticket.reply)):
            spellings.setdefault(reply, Counter())[ticket.reply] += 1
            intents.setdefault(reply, Counter()).update([ticket.intent] if ticket.intent else [])
    if not spellings:
        raise UserError(f"{name}: no message has a reply. Is there a column of replies (--reply-column)?")
    return Bank(
        name,
        [
            Answer(str(number), _most_frequent(counts)[0], tags=_most_frequent(intents[reply]), uses=counts.total())
            for number, (reply, counts) in enumerate(spellings.items(), start=1)
        ],
    )


def same_text(text: str) -> str:
    """Return `text` lower-cased, its white space collapsed: replies are equal if this is.

    Example:
        >>> same_text(" Thank  you,\\nAnna ")
        'thank you, anna'
    """
    return " ".join(text.lower().split())


def _most_frequent(counts: Counter[str]) -> tuple[str, ...]:
    return tuple(value for value, _ in counts.most_common(1))


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
        title=optional_string(row, columns.get("title")),
        tags=strings(row, columns["tags"]) if "tags" in columns else (),
        language=optional_string(row, columns.get("language")),
        uses=_uses(row, columns["uses"]) if "uses" in columns else 1,
    )


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
