"""What a user would pick instead of a classifier, scored on the same messages: an SVM, and the most frequent intent."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import compress
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sklearn.pipeline import Pipeline

from supportnet.data import load
from supportnet.data.splits import check_trainable, labelled
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket, TicketDataset
from supportnet.errors import UserError
from supportnet.metrics.intervals import Bools, paired_interval
from supportnet.training.svm import fit_svm

if TYPE_CHECKING:
    from supportnet.tasks.classify.cross_validation import OutOfFold
    from supportnet.tasks.classify.data import Split
    from supportnet.tasks.classify.model import IntentClassifier
    from supportnet.training.loop import History

#: What baselines are fitted on: tickets, a data set, of which it is the training split, or the name or path of one.
Learned = Sequence[Ticket] | TicketDataset | str | os.PathLike[str]

#: Training messages that the SVM is fitted on, at most, so that it takes seconds.
MOST_MESSAGES = 20_000


def in_scope_svm(tickets: Sequence[Ticket]) -> Pipeline:
    """Fit TF-IDF and a linear SVM to the tickets that an intent covers."""
    inside = [ticket for ticket in tickets if ticket.intent not in (None, OUT_OF_SCOPE)]
    return fit_svm([ticket.text for ticket in inside], [str(ticket.intent) for ticket in inside])


def baseline_figures(learned: Sequence[Ticket], judged: Sequence[Ticket], right: Bools) -> dict[str, dict[str, Any]]:
    """Score the baselines beside a model.

    Neither of them knows of messages out of scope: those are left out.

    Args:
        learned: training messages with intents, at least two of them in scope. The SVM is fitted on a seeded draw of
            20,000 where there are more.
        judged: N in-scope messages with intents.
        right: whether the model is right about each of them, `[N]`.

    Returns:
        `svm` and `majority`, the intent that most training messages have -> `accuracy`, and `difference`: the 95%
        interval of the model's accuracy less this one (see `paired_interval`). Without `svm` where no message has a
        word for it to go by.

    Example:
        >>> learned = [Ticket("my parcel", "track"), Ticket("my money", "refund"), Ticket("money back", "refund")]
        >>> figures = baseline_figures(learned, [Ticket("the parcel", "track")], np.array([True]))
        >>> {name: found["accuracy"] for name, found in figures.items()}
        {'svm': 1.0, 'majority': 0.0}
    """
    return _compared(_said(learned, judged), judged, right)


def _said(learned: Sequence[Ticket], judged: Sequence[Ticket]) -> dict[str, npt.NDArray[Any]]:
    """Fit the baselines, and return the intents that each gives to the judged messages."""
    drawn: Sequence[Ticket] = learned
    if len(learned) > MOST_MESSAGES:
        drawn = [learned[i] for i in np.random.default_rng(0).permutation(len(learned))[:MOST_MESSAGES].tolist()]
    said: dict[str, Any] = {}
    # Where no message holds a word of two letters, TF-IDF has nothing to count.
    with suppress(ValueError):
        said["svm"] = in_scope_svm(drawn).predict([ticket.text for ticket in judged])
    counts = Counter(ticket.intent for ticket in learned if ticket.intent != OUT_OF_SCOPE)
    said["majority"] = np.full(len(judged), max(sorted(map(str, counts)), key=lambda intent: counts[intent]))
    return said


def _compared(
    said: Mapping[str, npt.NDArray[Any]], judged: Sequence[Ticket], right: Bools
) -> dict[str, dict[str, Any]]:
    targets = np.array([ticket.intent for ticket in judged])
    return {
        name: {
            "accuracy": float(np.mean(predicted == targets)),
            "difference": paired_interval(right, predicted == targets),
        }
        for name, predicted in said.items()
    }


def learned_messages(data: Learned) -> list[Ticket]:
    """Return the labelled training messages of what `evaluate_model` is given.

    Raises:
        UserError: they can't be read, none has an intent, or fewer than two intents are in scope.
    """
    if isinstance(data, str | os.PathLike):
        data = load(data)
    if isinstance(data, TicketDataset):
        data = data["all" if "all" in data.splits else "train"]
    try:
        tickets = labelled(data, "fit them to")
        check_trainable(tickets)
    except UserError as error:
        raise UserError(f"The baselines (--baseline) can't be fitted. {error}") from None
    return tickets


def validation_baselines(model: "IntentClassifier", split: "Split", history: "History") -> dict[str, dict[str, Any]]:
    """Score the baselines as the model was validated; see `supportnet.tasks.task.Task.baselines`.

    In a cross-validation, they are fitted for each fold as the model is.
    """
    found = history.cross_validation
    if found is not None:
        return _cross_validated(split, found)
    judged = _in_scope(split.validation, split)
    if not judged:
        return {}
    said = model.probabilities([ticket.text for ticket in judged]).argmax(axis=1)
    right = np.array([model.intents[i] == ticket.intent for i, ticket in zip(said.tolist(), judged, strict=True)])
    return baseline_figures(split.tickets, judged, right)


def _cross_validated(split: "Split", found: "OutOfFold") -> dict[str, dict[str, Any]]:
    parts, inside = [], np.array([ticket.intent != OUT_OF_SCOPE for ticket in split.at(found.rows)])
    for fold in np.unique(found.folds):
        learned = list(compress(split.tickets, np.asarray(split.folds) != fold))
        rows = found.rows[(found.folds == fold) & inside]
        parts.append(_said(learned, split.at(rows)))
    names = [name for name in parts[0] if all(name in part for part in parts)]
    said = {name: np.concatenate([part[name] for part in parts]) for name in names}
    right = found.outputs["logits"].argmax(axis=1) == split.labelled.best[found.rows]
    # Their order is that of the folds.
    return _compared(said, split.at(found.rows[inside]), right[inside])


def _in_scope(tickets: Sequence[Ticket], split: "Split") -> list[Ticket]:
    return [ticket for ticket in tickets if ticket.intent in split.intents and ticket.intent != OUT_OF_SCOPE]
