"""How a customer says it: greeting, mood, facts added, punctuation and case, slips."""

import random
import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from .grammar import SLOT, expand, read_resource, slots
from .noise import misspell, run_on
from .values import fill


@cache
def registers() -> dict[str, Any]:
    """Return openings and closings by mood (`resources/registers.toml`)."""
    return read_resource("registers.toml")


def say(core: str, rng: random.Random, details: Sequence[str] = (), lead: str = "") -> str:
    """Turn an expanded template into a message, slots still open.

    Args:
        core: what the message says, an expanded template.
        rng: the source of chance.
        details: facts that may be added; one whose slots the message has already is left out.
        lead: what a later turn starts with, in place of a greeting.
    """
    mood = rng.choices(("neutral", "polite", "angry"), weights=(68, 18, 14))[0]
    before, after = _wrapping(mood, rng)
    opening = lead or (rng.choice(registers()["greeting"]) if rng.random() < 0.3 else "")
    detail = expand(rng.choice(details), rng) if details and rng.random() < 0.16 else ""
    if set(slots(detail)) & set(slots(lead + core)):
        detail = ""
    return _sentences(opening, before, core, detail, after)


def write(said: str, rng: random.Random) -> str:
    """Write a message down as somebody types it: style, slips, then values for the slots."""
    style = rng.choices(STYLES, weights=(40, 20, 35, 5))[0]
    if rng.random() < 0.2:
        said = misspell(said, rng, count=rng.choice((1, 1, 2)))
    if rng.random() < 0.06:
        said = run_on(said, rng)
    return style(said, rng)


def tidy(said: str, rng: random.Random) -> str:
    """Write sentences: capital letters and a full stop."""
    text = re.sub(r"\bi\b", "I", said)
    text = re.sub(r"(^|[.!?] )([a-z])", lambda found: found[1] + found[2].upper(), text)
    return fill(text if text[-1] in "?!." else text + ".", rng)


def lower(said: str, rng: random.Random) -> str:
    """Write in lower case, with what punctuation there is."""
    return fill(said, rng, str.lower)


def bare(said: str, rng: random.Random) -> str:
    """Write in lower case without any punctuation between words."""
    return fill(re.sub(r"[.,?!:]+(?= |$)", "", said), rng, str.lower)


def shouted(said: str, rng: random.Random) -> str:
    """Write in capital letters; slots keep their names, personal data its form."""
    # A `{slot}`, or what is between two of them.
    pieces = re.sub(rf"{SLOT.pattern}|[^{{]+", lambda piece: piece[0] if piece[1] else piece[0].upper(), said)
    return fill(pieces, rng, str.upper)


STYLES: tuple[Callable[[str, random.Random], str], ...] = (tidy, lower, bare, shouted)


def _wrapping(mood: str, rng: random.Random) -> tuple[str, str]:
    """Draw what comes before and after; a neutral message mostly has neither, a mood shows at least once."""
    likely = 0.12 if mood == "neutral" else 0.4
    before = rng.choice(registers()[mood]["before"]) if rng.random() < likely else ""
    must_show = mood != "neutral" and not before
    after = rng.choice(registers()[mood]["after"]) if must_show or rng.random() < likely else ""
    return before, after


def _sentences(*parts: str) -> str:
    """Join parts that aren't empty; one without a final mark gets a full stop before the next."""
    present = [part for part in parts if part]
    ended = [part if part[-1] in "?!.,:" else part + "." for part in present[:-1]]
    return " ".join([*ended, present[-1]])
