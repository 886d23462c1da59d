"""A bank: the answers that may be suggested, such as earlier replies, templates and help articles."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from supportnet.data.ticket import Ticket
from supportnet.errors import UserError


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


def _most_frequent(counts: Counter[str]) -> tuple[str, ...]:
    return tuple(value for value, _ in counts.most_common(1))


def same_text(text: str) -> str:
    """Return `text` lower-cased, its white space collapsed: replies are equal if this is.

    Example:
        >>> same_text(" Thank  you,\\nAnna ")
        'thank you, anna'
    """
    return " ".join(text.lower().split())
