"""The notation that the sample is written in, and the files that hold it.

A template is one line: `[can i|how do i] return [the {item}|it]?`. Square brackets pick one alternative (an
empty one leaves the words out, and brackets nest), `{item}` is a slot that `values.py` fills. Each file in
`resources/intents/` is one category; each intent lists its templates apart for train, validation and test.

A reply is one line too. `balance|left => You can check ...` answers messages that hold one of these words; a line
without an arrow answers the others.
"""

import random
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: The files in `resources/intents/`, in the order in which they are read.
CATEGORIES = ("orders", "delivery", "returns", "payments", "account", "shopping", "problems", "service")

SPLITS = ("train", "validation", "test")

_RESOURCES = Path(__file__).with_name("resources")

SLOT = re.compile(r"\{(\w+)\}")

# Brackets that hold no brackets: working from the inside out needs no parser.
_INNERMOST = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True)
class Reply:
    """An agent's answer, with the words of a message that call for it; none means that it always fits."""

    text: str
    words: tuple[str, ...] = ()

    @classmethod
    def parse(cls, line: str) -> "Reply":
        """Read a line of the grammar: `word|word => text`, or the text alone."""
        condition, arrow, text = line.partition(" => ")
        return cls(text, tuple(condition.split("|"))) if arrow else cls(line)


@dataclass(frozen=True)
class Intent:
    """One intent of the grammar.

    Attributes:
        name: the label.
        category: the group that it belongs to, one of `CATEGORIES`.
        templates: split name -> templates; no template is in two splits.
        details: facts that a customer may add ("order {order_number}"), the same for a category.
        related: intents that a conversation may turn to next.
        replies: what an agent answers when no order number is known, or it doesn't matter.
        replies_with_order: what an agent answers once it is known; may be empty.
    """

    name: str
    category: str
    templates: Mapping[str, tuple[str, ...]]
    details: tuple[str, ...]
    related: tuple[str, ...]
    replies: tuple["Reply", ...]
    replies_with_order: tuple["Reply", ...]


def expand(template: str, rng: random.Random) -> str:
    """Pick one alternative in every pair of brackets.

    Example:
        >>> expand("[where is|where's] my {item}?", random.Random(0))
        "where's my {item}?"
    """
    while found := _INNERMOST.search(template):
        chosen = rng.choice(found[1].split("|"))
        template = template[: found.start()] + chosen + template[found.end() :]
    return _tidy_spaces(template)


def expansions(template: str) -> Iterator[str]:
    """Yield every text that `expand` can give, with slots left open.

    Example:
        >>> list(expansions("[where is|where's] my {item}?"))
        ['where is my {item}?', "where's my {item}?"]
    """
    found = _INNERMOST.search(template)
    if not found:
        yield _tidy_spaces(template)
        return
    for option in found[1].split("|"):
        yield from expansions(template[: found.start()] + option + template[found.end() :])


def fitting(replies: Sequence[Reply], message: str) -> list[str]:
    """Return the replies that a word of `message` calls for; without any, those that always fit.

    Example:
        >>> fitting([Reply("Hello."), Reply("Three years.", ("expire", "valid"))], "do gift cards expire?")
        ['Three years.']
    """
    called_for = [reply.text for reply in replies if any(word in message for word in reply.words)]
    return called_for or [reply.text for reply in replies if not reply.words]


def slots(text: str) -> list[str]:
    """Return the names of the slots in `text`, in order.

    Example:
        >>> slots("send the {item} to {address}")
        ['item', 'address']
    """
    return SLOT.findall(text)


def lines(block: str) -> tuple[str, ...]:
    """Split a block of one template a line; empty lines don't count."""
    return tuple(line.strip() for line in block.splitlines() if line.strip())


def read_resource(path: str) -> dict[str, Any]:
    """Read a TOML file of `resources/`."""
    return tomllib.loads((_RESOURCES / path).read_text(encoding="utf-8"))


def read_intents() -> dict[str, Intent]:
    """Read every intent of the grammar, by name, in the order of the files."""
    return {intent.name: intent for category in CATEGORIES for intent in _read_category(category)}


def _read_category(category: str) -> Iterator[Intent]:
    content = read_resource(f"intents/{category}.toml")
    for name, entry in content["intents"].items():
        yield Intent(
            name=name,
            category=category,
            templates={split: lines(entry[split]) for split in SPLITS},
            details=tuple(content["details"]),
            related=tuple(entry["related"]),
            replies=tuple(map(Reply.parse, lines(entry["replies"]))),
            replies_with_order=tuple(map(Reply.parse, lines(entry.get("replies_with_order", "")))),
        )


def _tidy_spaces(text: str) -> str:
    """Mend what an empty alternative leaves behind: double spaces, a space before a comma."""
    return re.sub(r" (?=[,?!.])", "", " ".join(text.split()))
