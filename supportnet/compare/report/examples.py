"""Messages with what each model made of them: right, wrong, and where they don't agree; of the first seed."""

from collections.abc import Mapping
from typing import Any

from supportnet.compare.report.material import Part
from supportnet.compare.results import DECISIVE
from supportnet.data.splits import labelled, with_reply
from supportnet.text.redaction import redact

#: Messages of each kind.
MOST = 4


def examples(part: Part) -> list[dict[str, Any]]:
    """Return the messages that are shown, without personal data.

    Returns:
        Dictionaries with `text`, `right`, and `answers`, one a model: `model`, `said` and `good`, whether it is right
        (a reply counts as right where it is the agent's, a suggestion where it is the first).
    """
    rows = _rows(part)
    chosen = []
    for kind in (all, _divided, _none):
        chosen += [row for row in rows if kind([answer["good"] for answer in row["answers"]])][:MOST]
    return chosen


def _divided(good: list[bool]) -> bool:
    return any(good) and not all(good)


def _none(good: list[bool]) -> bool:
    return not any(good)


def _rows(part: Part) -> list[dict[str, Any]]:
    found = part.first()
    if part.task == "classify":
        tickets = labelled(part.dataset["test"], "evaluate on")
        said = {m: [f["details"]["intents"][i] for i in f["details"]["predicted"]] for m, f in found.items()}
        rights = [str(ticket.intent) for ticket in tickets]
    else:
        tickets = with_reply(part.dataset["test"])
        said = {model: list(own["details"]["said"]) for model, own in found.items()}
        rights = [redact(ticket.reply or "") for ticket in tickets]
    shown = min(len(tickets), *map(len, said.values()))
    return [
        {
            "text": redact(tickets[row].text),
            "right": rights[row],
            "answers": [
                {"model": part.label(model), "said": said[model][row], "good": _good(part.task, own, row)}
                for model, own in found.items()
            ],
        }
        for row in range(shown)
    ]


def _good(task: str, found: Mapping[str, Any], row: int) -> bool:
    if task == "reply":
        return bool(found["values"]["exact_match"][row] == 1)
    return bool(next(found["values"][name] for name in DECISIVE[task][::-1] if name in found["values"])[row] == 1)
