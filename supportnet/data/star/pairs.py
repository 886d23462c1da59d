"""From a dialogue of STAR to pairs of context and reply."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from supportnet.data.context import Turn, context
from supportnet.data.rows import decode
from supportnet.errors import UserError

#: What of the events is said, and by whom. What an agent types to be shown suggestions (`request_suggestions`) is a
#: draft: the customer reads the suggestion that is picked then.
_SPEAKERS: dict[str, Literal["customer", "agent"]] = {
    "User utter": "customer",
    "Wizard utter": "agent",
    "Wizard pick_suggestion": "agent",
}
_SPLIT_BY_REMAINDER = {0: "test", 1: "validation"}


class Pair(NamedTuple):
    """A reply and what it replies to.

    Attributes:
        text: the context, see `context`.
        reply: what the agent answered.
        label: the action of the reply, such as `ask_name`; empty where it has none.
        dialogue: the dialogue's number.
    """

    text: str
    reply: str
    label: str
    dialogue: str


def split_of(dialogue: str) -> str:
    """Return the split of a dialogue: about a tenth each for test and validation, by a hash of its number.

    Example:
        >>> split_of("1"), split_of("4"), split_of("19")
        ('train', 'test', 'validation')
    """
    remainder = int(hashlib.sha1(dialogue.encode()).hexdigest(), 16) % 10
    return _SPLIT_BY_REMAINDER.get(remainder, "train")


def read_pairs(content: bytes, name: str, num_turns: int) -> list[Pair]:
    """Return a pair for every reply of the agent that comes right after a turn of the customer.

    Turns without text don't count, and white space around a text is dropped. A second reply in a row makes no pair,
    but belongs to the context of later ones.

    Args:
        content: what a dialogue's file holds: a JSON object with DialogueID and Events.
        name: the file's name for error messages.
        num_turns: how many turns a context has at most.

    Raises:
        UserError: if the file isn't of that form.
    """
    dialogue, events = _dialogue(content, name)
    turns: list[Turn] = []
    pairs = []
    for turn, label in _said(events, name):
        if turn.speaker == "agent" and turns and turns[-1].speaker == "customer":
            pairs.append(Pair(context(turns, num_turns), turn.text, label, dialogue))
        turns.append(turn)
    return pairs


def _dialogue(content: bytes, name: str) -> tuple[str, list[Any]]:
    text = decode(content, "utf-8", name)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{name} isn't JSON ({error}).") from None
    match value:
        case {"DialogueID": int(number), "Events": list(events)}:
            return str(number), events
    raise UserError(f"{name} must hold one JSON object with a number DialogueID and a list Events.")


def _said(events: list[Any], name: str) -> Iterator[tuple[Turn, str]]:
    """Yield every turn that has text, with the label of its action."""
    for index, event in enumerate(events):
        if not isinstance(event, dict):
            raise UserError(f"{name}: event {index} must be a JSON object. Received: a {type(event).__name__}")
        speaker = _SPEAKERS.get(f"{event.get('Agent')} {event.get('Action')}")
        if speaker is None:
            continue
        match event.get("Text", ""), event.get("ActionLabel", ""):
            case str(text), str(label):
                if text.strip():
                    yield Turn(speaker, text.strip()), label
            case _:
                raise UserError(f"{name}: Text and ActionLabel of event {index} must be strings.")
