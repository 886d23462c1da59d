"""The one record that every data source yields, the data set that holds them, groups of them, and their context."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Literal, NamedTuple, TypeVar

from supportnet.checks import check_positive
from supportnet.errors import UserError

Item = TypeVar("Item")
Key = TypeVar("Key")

#: The intent of a message that none of the trained intents covers. It is a class of the model
#: only where training messages have it, as `--train-oos` asks for.
OUT_OF_SCOPE = "out_of_scope"

#: Who takes part in a conversation.
SPEAKERS = ("customer", "agent")


@dataclass(frozen=True, slots=True)
class Ticket:
    """One customer message and what is known of it.

    Attributes:
        text: what the customer wrote, as it was written.
        intent: what the message is about; `OUT_OF_SCOPE` where no intent covers it; None where unlabelled.
        reply: what the agent answered; may hold slots such as `{order_number}`.
        conversation: id of the conversation that the message belongs to.
        turn: position in the conversation, counted from 0.
        split: `train`, `validation` or `test`, where the source says so.
        labels: further labels by the name of their attribute, such as `{"priority": "high"}`; don't change them.

    Example:
        >>> ticket = Ticket("My card was charged twice!", "double_charge", labels={"priority": "high"})
        >>> ticket.labels.get("priority"), ticket.labels.get("channel")
        ('high', None)
    """

    text: str
    intent: str | None = None
    reply: str | None = None
    conversation: str | None = None
    turn: int | None = None
    split: str | None = None
    # Compared, but not part of the hash: a dictionary has none, and equal tickets still have equal ones.
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, repr=False)
class TicketDataset:
    """Tickets by split, with their origin. It iterates over the names of its splits.

    Attributes:
        name: the name or path it was loaded by.
        splits: split name -> tickets. A file without a split column has one split, `all`.
        description: one line that says what it is.
        licence: SPDX id or name of the licence; "unknown" for a user's own file.
        source: where it comes from: an address with its commit, or the file's path.
        categories: intent -> group of intents (CLINC150's domains, the sample's categories); may be empty.
        files: for each file or source, what reads it again by `supportnet.load`: its `path`, and the options `reading`;
            JSON can hold it. Empty for a data set that wasn't loaded.

    Example:
        >>> from supportnet import load
        >>> dataset = load("sample")
        >>> dataset
        TicketDataset('sample', train: 8525, validation: 1402, test: 2005, 31 intents)
        >>> dataset["train"][0].intent
        'update_account'
        >>> "validation" in dataset, "all" in dataset
        (True, False)
    """

    name: str
    splits: Mapping[str, Sequence[Ticket]]
    description: str = ""
    licence: str = "unknown"
    source: str = ""
    categories: Mapping[str, str] = field(default_factory=dict)
    # The same messages are the same data set, wherever they were read.
    files: Sequence[Mapping[str, Any]] = field(default=(), compare=False)

    def __getitem__(self, split: str) -> Sequence[Ticket]:
        """Return the tickets of `split`; a split that isn't there is a `UserError` that lists those that are."""
        if split not in self.splits:
            known = ", ".join(self.splits)
            raise UserError(f"{self.name} has no split named {split!r}. It has: {known}.")
        return self.splits[split]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the splits, which `in` looks among too."""
        return iter(self.splits)

    def __repr__(self) -> str:
        counts = "".join(f", {split}: {len(tickets)}" for split, tickets in self.splits.items())
        return f"TicketDataset({self.name!r}{counts}, {len(self.intents)} intents)"

    @property
    def intents(self) -> list[str]:
        """Every intent that occurs, sorted, without `OUT_OF_SCOPE`."""
        return intents_of(chain.from_iterable(self.splits.values()))


def intents_of(tickets: Iterable[Ticket]) -> list[str]:
    """Return every intent that occurs, sorted, without `OUT_OF_SCOPE`.

    Example:
        >>> intents_of([Ticket("hi", "greet"), Ticket("hello", "greet"), Ticket("?", OUT_OF_SCOPE), Ticket("where?")])
        ['greet']
    """
    found = {ticket.intent for ticket in tickets}
    return sorted(intent for intent in found if intent not in (None, OUT_OF_SCOPE))


def grouped(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """Return lists of the items that have the same key, in their order.

    Example:
        >>> grouped(["refund", "track", "return"], len)
        {6: ['refund', 'return'], 5: ['track']}
    """
    groups: dict[Key, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def same_text(text: str) -> str:
    """Return `text` lower-cased, its white space collapsed: messages and replies are the same if this is.

    Example:
        >>> same_text(" Thank  you,\\nAnna ")
        'thank you, anna'
    """
    return " ".join(text.lower().split())


def conversations_of(tickets: Iterable[Ticket]) -> list[str]:
    """Return the conversation of each ticket; one without is a conversation of its own.

    Example:
        >>> conversations_of([Ticket("hi", conversation="7"), Ticket("hello")])
        ['7', 'row 1']
    """
    return [ticket.conversation or f"row {row}" for row, ticket in enumerate(tickets)]


class Turn(NamedTuple):
    """What one side said before the other one spoke, or the same one again.

    Attributes:
        speaker: `customer` or `agent`.
        text: what was said.
    """

    speaker: Literal["customer", "agent"]
    text: str


def context(turns: Sequence[Turn], num_turns: int) -> str:
    """Return the newest turns of a conversation, one a line, the newest first.

    The newest comes first because a model cuts what is too long at the end. Where there are several turns, each line
    says who speaks; a single one is the bare message, so that a conversation's first message looks like any message.

    Args:
        turns: the conversation so far, in its order; pairs of speaker and text will do.
        num_turns: how many turns to take at most, at least 1.

    Returns:
        The lines, joined by newlines. Newlines within a turn are spaces. Empty if there is no turn.

    Raises:
        UserError: if `num_turns` is below 1, or a speaker is neither `customer` nor `agent`.

    Example:
        >>> turns = [Turn("customer", "hi"), Turn("agent", "How can I help?"), Turn("customer", "where is my parcel?")]
        >>> context(turns, 2)
        'customer: where is my parcel?\\nagent: How can I help?'
        >>> context(turns, 1)
        'where is my parcel?'
    """
    check_positive("num_turns", num_turns)
    for speaker, _ in turns[-num_turns:]:
        if speaker not in SPEAKERS:
            raise UserError(f"A turn's speaker must be customer or agent. Received: {speaker=}")
    lines = [(speaker, " ".join(text.splitlines())) for speaker, text in turns[-num_turns:]]
    if len(lines) == 1:
        return lines[0][1]
    return "\n".join(f"{speaker}: {text}" for speaker, text in reversed(lines))


def newest_turn(text: str) -> tuple[str, str]:
    """Part what `context` returned: the newest turn, and the context of those before it.

    A message without speakers is one turn, whatever its lines.

    Example:
        >>> newest_turn("customer: where is my parcel?\\nagent: How can I help?")
        ('customer: where is my parcel?', 'agent: How can I help?')
        >>> newest_turn("where is my parcel?\\nregards, Ann")
        ('where is my parcel?\\nregards, Ann', '')
    """
    if not text.startswith(tuple(f"{speaker}: " for speaker in SPEAKERS)):
        return text, ""
    newest, _, before = text.partition("\n")
    return newest, before
