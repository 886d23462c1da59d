"""Messages with what each model made of them: right, wrong, and where they don't agree; of the first seed."""

from typing import Any

from supportnet.compare.report.material import Part
from supportnet.tasks import get_task
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
    found, compared = part.first(), get_task(part.task).compared
    tickets, rights = compared.examples(part.dataset)
    said = {model: compared.said(own) for model, own in found.items()}
    shown = min(len(tickets), *map(len, said.values()))
    return [
        {
            "text": redact(tickets[row].text),
            "right": rights[row],
            "answers": [
                {"model": part.label(model), "said": said[model][row], "good": compared.is_good(own, row)}
                for model, own in found.items()
            ],
        }
        for row in range(shown)
    ]
