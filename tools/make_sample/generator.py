"""Writes the sample: conversations by intent and split, each message once, then what is out of scope."""

import random
from collections.abc import Iterator, Sequence

from supportnet.data.ticket import OUT_OF_SCOPE, Ticket

from .grammar import (
    SPLITS,
    Intent,
    expand,
    fitting,
    lines,
    read_intents,
    read_resource,
    slots,
)
from .priority import priority
from .voice import registers, say, write

#: Messages per intent.
MESSAGES_PER_INTENT = {"train": 275, "validation": 42, "test": 55}

#: Out-of-scope messages.
OUT_OF_SCOPE_MESSAGES = {"validation": 100, "test": 300, "train": 200}

#: The slots that a reply may hold; whoever sends the reply puts the shop's own data in.
REPLY_SLOTS = (
    "address",
    "amount",
    "carrier",
    "date",
    "email",
    "item",
    "name",
    "order_number",
    "phone",
    "tracking_number",
    "voucher",
)

# How many customer turns a conversation has.
_TURNS, _TURN_WEIGHTS = (1, 2, 3), (86, 10, 4)


def write_tickets(seed: int = 0) -> dict[str, list[Ticket]]:
    """Write the tickets of every split, out-of-scope messages last.

    The splits share no template: a test message is a paraphrase that training never saw. The same seed gives the same
    tickets in every process and Python version.

    Args:
        seed: any other seed gives other messages from the same templates.

    Returns:
        Split name -> tickets. Replies may hold `REPLY_SLOTS`.

    Example:
        >>> [len(tickets) for tickets in write_tickets().values()]
        [8725, 1402, 2005]
    """
    writer = _Writer(seed, read_intents())
    tickets = {split: writer.conversations(split) for split in SPLITS}
    # Training's out-of-scope messages come last, so that a reader who leaves them out has the same other messages.
    for split in ("validation", "test", "train"):
        tickets[split] += writer.out_of_scope(split)
    return tickets


class _Writer:
    """Writes tickets and remembers every text, so that none comes twice in the whole data set."""

    def __init__(self, seed: int, intents: dict[str, Intent]) -> None:
        self._seed = seed
        self._intents = intents
        self._seen: set[str] = set()
        # Chance of its own, so that the priorities change nothing else.
        self._priorities = random.Random(f"{seed} priority")

    def conversations(self, split: str) -> list[Ticket]:
        """Write the same number of messages for each intent, some as turns of one conversation."""
        # Seeding with a string goes through SHA-512, never through `hash`.
        rng = random.Random(f"{self._seed} {split}")
        left = dict.fromkeys(self._intents, MESSAGES_PER_INTENT[split])
        openings = [name for name, count in left.items() for _ in range(count)]
        rng.shuffle(openings)
        tickets: list[Ticket] = []
        for number, opening in enumerate(openings):
            # A later turn of an earlier conversation may have used this intent up.
            if left[opening]:
                subjects = self._subjects(opening, left, rng)
                tickets += self._conversation(subjects, f"{split}-{number:05}", split, rng)
        return tickets

    def _subjects(self, opening: str, left: dict[str, int], rng: random.Random) -> list[str]:
        """Choose the intent of each turn: it stays or goes to a related one; counts them off in `left`."""
        left[opening] -= 1
        subjects = [opening]
        for _ in range(rng.choices(_TURNS, _TURN_WEIGHTS)[0] - 1):
            subject = rng.choice((subjects[-1], *self._intents[subjects[-1]].related))
            if left[subject]:
                left[subject] -= 1
                subjects.append(subject)
        return subjects

    def _conversation(self, subjects: Sequence[str], name: str, split: str, rng: random.Random) -> Iterator[Ticket]:
        order_known, previous = False, ""
        for turn, subject in enumerate(subjects):
            intent = self._intents[subject]
            answers = subject == previous and not order_known and bool(intent.replies_with_order)
            lead = self._lead(turn, answers, rng)
            core, said, text = self._message(intent.templates[split], rng, intent.details, lead)
            order_known = order_known or "order_number" in slots(said)
            replies = (order_known and intent.replies_with_order) or intent.replies
            reply = rng.choice(fitting(replies, core))
            yield Ticket(text, subject, reply, name, turn, split, self._labels(said, subject))
            previous = subject

    def _lead(self, turn: int, answers: bool, rng: random.Random) -> str:
        """Return what a later turn opens with: the order number that the agent asked for, or a bridge."""
        if turn == 0:
            return ""
        lead: str = rng.choice(registers()["turn"]["answer" if answers else "follow_up"])
        return lead

    def _message(
        self, templates: Sequence[str], rng: random.Random, details: Sequence[str] = (), lead: str = ""
    ) -> tuple[str, str, str]:
        """Write a message that isn't there yet; return the template's choice, what is said, what is typed."""
        while True:
            core = expand(rng.choice(templates), rng)
            said = say(core, rng, details, lead)
            text = write(said, rng)
            if text.casefold() not in self._seen:
                self._seen.add(text.casefold())
                return core, said, text

    def out_of_scope(self, split: str) -> list[Ticket]:
        """Write out-of-scope messages, chit-chat and post for other departments in turn."""
        rng = random.Random(f"{self._seed} {split} {OUT_OF_SCOPE}")
        content = read_resource("out_of_scope.toml")
        tickets = []
        for number in range(OUT_OF_SCOPE_MESSAGES[split]):
            kind = ("unrelated", "near")[number % 2]
            _, said, text = self._message(lines(content[kind][split]), rng)
            reply = rng.choice(lines(content["replies"][kind]))
            conversation, labels = f"{split}-{OUT_OF_SCOPE}-{number:03}", self._labels(said, OUT_OF_SCOPE)
            tickets.append(Ticket(text, OUT_OF_SCOPE, reply, conversation, 0, split, labels))
        return tickets

    def _labels(self, said: str, intent: str) -> dict[str, str]:
        return {"priority": priority(said, intent, self._priorities)}
