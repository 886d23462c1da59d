"""How urgent a message is: a second label beside the intent, from what is asked and how it is said.

The rule counts points:

1. the intent: 2 where money or a parcel is gone (`PRESSING`), 1 where something is wrong or has to be done in time
   (`TIMELY`), 0 for questions, requests that can wait and what is out of scope;
2. the wording: 1 each for a hurry (`_HURRY`), for a repeated problem or an unanswered message (`_REPEATED`), and for
   anger (a phrase of the angry mood in `resources/registers.toml`).

No point is `low`, one is `normal`, two and more are `high`. People disagree: one label in twelve (`DISAGREEMENT`) is a
step higher or lower, if there is such a step. The wording is judged before slips of the keyboard, which don't make a
message less urgent.
"""

import random
import re

from .voice import registers

PRIORITIES = ("low", "normal", "high")

PRESSING = {"double_charge", "late_delivery", "missing_parcel", "payment_failed"}
TIMELY = {
    "cancel_order",
    "change_address",
    "change_order",
    "damaged_item",
    "exchange_item",
    "missing_parts",
    "order_confirmation",
    "refund_status",
    "reset_password",
    "return_request",
    "speak_to_agent",
    "track_order",
    "warranty_claim",
    "wrong_item",
}

_HURRY = re.compile(
    r"\b(urgent|urgently|asap|immediately|right away|fix this now|answer today|please today|by (now|tomorrow)"
    r"|before (it|you) (ships?|leaves?|sends?|process))\b"
)
_REPEATED = re.compile(
    r"\b(third time|three times|twice|(declined|failed|delayed|date) again|no answer"
    r"|still (get|no|not|nothing|waiting|haven't|hasn't|don't))\b"
)

#: Share of labels that the rule doesn't explain.
DISAGREEMENT = 1 / 12


def points(said: str, intent: str) -> int:
    """Return the points of a message.

    Example:
        >>> points("what sizes are there?", "size_advice")
        0
        >>> points("i need the {item} urgently, it should have come by now", "late_delivery")
        3
    """
    angry = any(phrase in said for phrases in registers()["angry"].values() for phrase in phrases)
    wording = (bool(_HURRY.search(said)), bool(_REPEATED.search(said)), angry)
    return 2 * (intent in PRESSING) + (intent in TIMELY) + sum(wording)


def priority(said: str, intent: str, rng: random.Random) -> str:
    """Return the priority of a message, one of `PRIORITIES`.

    Args:
        said: the message, slots still open, without slips.
        intent: its intent.
        rng: the source of disagreement.
    """
    step = rng.choice((-1, 1)) if rng.random() < DISAGREEMENT else 0
    most = len(PRIORITIES) - 1
    return PRIORITIES[min(max(min(points(said, intent), most) + step, 0), most)]
