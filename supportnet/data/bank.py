"""A bank: the answers that may be suggested, such as replies, templates and help articles; and judgements of them."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from supportnet.data.splits import with_reply
from supportnet.data.tables import Row, read_table
from supportnet.data.ticket import Ticket, grouped, same_text
from supportnet.errors import UserError

_USUAL_COLUMNS = {
    "id": ("id", "answer_id", "article_id"),
    "text": ("text", "reply", "answer", "body", "template", "content"),
    "title": ("title", "subject", "question"),
    "tags": ("tags", "tag", "category"),
    "language": ("language", "lang", "locale"),
    "uses": ("uses", "count", "frequency"),
}
_QUERY_COLUMNS = ("query", "text", "message", "question")
_RELEVANT_COLUMNS = ("relevant", "relevant_ids", "ids", "answers")


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


@dataclass(frozen=True, slots=True)
class Judgement:
    """One query and the answers that are right for it.

    Attributes:
        text: what the customer wrote.
        relevant: ids of the answers that are right; any other is wrong.
        place: file and row that it was read from, as an error message names it.
    """

    text: str
    relevant: tuple[str, ...]
    place: str = ""


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
    table = read_table(Path(path), delimiter, encoding)
    chosen = (id_column, text_column, title_column, tags_column, language_column, uses_column)
    columns: dict[str, str] = {}
    for (field, usual), column in zip(_USUAL_COLUMNS.items(), chosen, strict=True):
        find = table.column if field == "text" else table.optional_column
        if (found := find(f"{field}_column", column, usual)) is not None:
            columns[field] = found
    table.check_different({f"{field}_column": column for field, column in columns.items()})
    answers = [_answer(row, columns, number) for number, row in enumerate(table.rows, start=1)]
    places: dict[str, str] = {}
    for answer, row in zip(answers, table.rows, strict=True):
        if (first := places.setdefault(answer.id, row.place)) != row.place:
            raise UserError(f"{row.place}: the id {answer.id!r} is already that of {first}.")
    return Bank(name=table.name, answers=answers, source=table.name)


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
    groups = grouped(with_reply(tickets), key=lambda ticket: same_text(ticket.reply or "")).values()
    if not groups:
        raise UserError(f"{name}: no message has a reply. Is there a column of replies (--reply-column)?")
    answers = []
    for number, same in enumerate(groups, start=1):
        spelling, tags = (_most_frequent(map(attrgetter(name), same)) for name in ("reply", "intent"))
        answers.append(Answer(str(number), spelling[0], tags=tags, uses=len(same)))
    return Bank(name, answers)


def load_judgements(
    path: str | os.PathLike[str],
    *,
    text_column: str | None = None,
    relevant_column: str | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8",
) -> list[Judgement]:
    """Read a file of queries with the ids of their right answers: CSV, TSV or JSONL, told apart as `load_file` does.

    Args:
        path: the file.
        text_column: column of the queries; by default query, text, message or question.
        relevant_column: column of the ids; by default relevant, relevant_ids, ids or answers. Several ids are a list
            in JSONL, or one string that `|`, `,` or `;` divides.
        delimiter: one character; by default as for `load_file`.
        encoding: the file's encoding. A byte order mark is dropped.

    Returns:
        The judgements, in the file's order.

    Raises:
        UserError: names the file, and the row or line where there is one, and what would be right.

    Example:
        >>> load_judgements("queries.csv")[0]
        Judgement(text='Where is my money?', relevant=('m1', 'm7'), place='queries.csv, row 2')
    """
    table = read_table(Path(path), delimiter, encoding)
    text_column = table.column("text_column", text_column, _QUERY_COLUMNS)
    relevant_column = table.column("relevant_column", relevant_column, _RELEVANT_COLUMNS)
    table.check_different({"text_column": text_column, "relevant_column": relevant_column})
    judgements = []
    for row in table.rows:
        if not (relevant := row.strings(relevant_column)):
            raise UserError(f"{row.place}: {relevant_column!r} is empty; every query needs the id of an answer.")
        judgements.append(Judgement(row.filled_string(text_column), relevant, row.place))
    return judgements


def check_judged(judgements: Sequence[Judgement], bank: Bank) -> None:
    """Check that `bank` has every answer that `judgements` name.

    Raises:
        UserError: names the first id that the bank lacks, and its place.

    Example:
        >>> check_judged([Judgement("Where is my money?", ("m9",), "queries.csv, row 2")], Bank("macros", []))
        Traceback (most recent call last):
        supportnet.errors.UserError: queries.csv, row 2: there is no answer 'm9' in macros.
    """
    known = {answer.id for answer in bank.answers}
    for number, judgement in enumerate(judgements, start=1):
        if unknown := [answer_id for answer_id in judgement.relevant if answer_id not in known]:
            place = judgement.place or f"Query {number}"
            raise UserError(f"{place}: there is no answer {unknown[0]!r} in {bank.name}.")


def _most_frequent(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(value for value, _ in Counter(filter(None, values)).most_common(1))


def _answer(row: Row, columns: Mapping[str, str], number: int) -> Answer:
    return Answer(
        id=row.filled_string(columns["id"]).strip() if "id" in columns else str(number),
        text=row.filled_string(columns["text"]),
        title=row.optional_string(columns.get("title")),
        tags=row.strings(columns.get("tags")),
        language=row.optional_string(columns.get("language")),
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
