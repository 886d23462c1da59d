"""Which labels are doubtful: confident learning, and equal messages with unlike labels."""

import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.special import softmax
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import LinearSVC
from tqdm import tqdm

from supportnet.data.splits import check_trainable, labelled
from supportnet.data.ticket import Ticket
from supportnet.errors import UserError
from supportnet.metrics.calibration import fit_temperature, tempered
from supportnet.tasks.classify.answers import Floats, Ints
from supportnet.text.redaction import redact
from supportnet.training.svm import tfidf

#: A doubtful label: its kind and row, the intent that is suggested, and the probabilities of that one and its own.
_Found = tuple[str, int, str, float | None, float | None]


class _Message(NamedTuple):
    """What tickets say that differ only in case, white space and personal data; `rows` are counted from 0."""

    text: str
    rows: list[int]
    intents: list[str]


def find_doubtful_labels(
    tickets: Sequence[Ticket], folds: int = 5, seed: int = 0, progress_bar: bool = True
) -> dict[str, Any]:
    """List the tickets whose label is doubtful, for a person to read.

    A `conflict` is a message that stands there again with another label. A `doubt` is one of which a model that was
    fitted without it is confident that it has another intent (see `confident_others`). Messages are the same if they
    differ only in case, white space and personal data; each is judged once, so that no model judges what it learned,
    and conflicting ones take no part in that.

    The model is a linear one, see `out_of_fold_probabilities`: the list says what is worth reading, not what is
    wrong.

    Args:
        tickets: labelled tickets; `OUT_OF_SCOPE` is an intent like any other. Those without an intent are left out,
            with a warning.
        folds: parts of the cross-validation, at least 2; fewer are made if no intent has so many messages.
        seed: of the folds; 0 to 2^32 - 1.
        progress_bar: show one on standard error.

    Returns:
        A dictionary that JSON can hold: `num_messages`, `num_intents` (those that were checked),
        `unchecked_intents` (they have fewer than two different messages), `small_intents` (fewer than `folds`),
        `accuracy` (how often the model agrees with the label), `num_conflicts`, `num_doubts`, and `labels`: the
        conflicts, message by message, then the doubts, the widest margin first. A label is a dictionary of `kind`,
        `row` (position in `tickets`, from 1), `text` (redacted), `intent`, `suggested_intent`,
        `suggested_probability` and `probability` (that of `intent`; both None for a conflict).

    Raises:
        UserError: data that can't be trained on, fewer than two intents that can be checked, or `folds` or `seed`
            out of range.

    Source: Northcutt, Jiang & Chuang 2021, Confident Learning, https://arxiv.org/abs/1911.00068

    Example (needs a training run):
        >>> find_doubtful_labels(supportnet.load("tickets.csv")["all"])["labels"][0]["suggested_intent"]
        'refund'
    """
    if folds < 2:
        raise UserError(f"folds must be at least 2. Received: folds={folds}")
    if not 0 <= seed < 2**32:
        raise UserError(f"seed must be at least 0 and below 2^32. Received: seed={seed}")
    checked = labelled(tickets, "check")
    check_trainable(checked)
    messages = _distinct(tickets)
    sizes = Counter(message.intents[0] for message in messages if len(message.intents) == 1)
    intents = sorted(intent for intent, size in sizes.items() if size > 1)
    if len(intents) < 2:
        raise UserError("Labels are checked against each other: two intents at least need two different messages each.")
    judged = [message for message in messages if len(message.intents) == 1 and message.intents[0] in intents]
    targets = np.array([intents.index(message.intents[0]) for message in judged])
    probabilities = out_of_fold_probabilities(
        [message.text for message in judged], targets, min(folds, max(sizes.values())), seed, progress_bar
    )
    conflicts = list(_conflicts(tickets, messages))
    doubts = list(_doubts(judged, intents, targets, probabilities))
    return {
        "num_messages": len(checked),
        "num_intents": len(intents),
        "unchecked_intents": sorted({str(ticket.intent) for ticket in checked} - set(intents)),
        "small_intents": [intent for intent in intents if sizes[intent] < folds],
        "accuracy": float(np.mean(probabilities.argmax(axis=1) == targets)),
        "num_conflicts": len(conflicts),
        "num_doubts": len(doubts),
        "labels": [
            {
                "kind": kind,
                "row": row + 1,
                "text": redact(tickets[row].text),
                "intent": tickets[row].intent,
                "suggested_intent": suggested,
                "suggested_probability": probability,
                "probability": given,
            }
            for kind, row, suggested, probability, given in conflicts + doubts
        ],
    }


def confident_others(targets: Ints, probabilities: Floats) -> list[tuple[int, int]]:
    """Return which messages' labels are doubtful, with the intent that they seem to have.

    The threshold of an intent is the mean of its probability over the messages that are labelled with it: what a
    typical message of the intent gets, label errors among them. A label is doubtful if another intent reaches its
    own threshold and is more probable than the label; of several such intents the most probable counts.

    Args:
        targets: the labels, `[N]`, 0 to K - 1; each occurs.
        probabilities: `[N, K]`, from a model that hasn't seen the message.

    Returns:
        Pairs of message and intent, the widest margin between the two probabilities first.

    Source: Northcutt, Jiang & Chuang 2021, equations 1 and 2. They also count an intent that is less probable
        than the label; with a fitted temperature there are next to none.

    Example:
        >>> probabilities = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.9, 0.1]])
        >>> confident_others(np.array([0, 0, 1, 1]), probabilities)
        [(3, 0)]
    """
    given = probabilities[np.arange(len(targets)), targets]
    thresholds = np.bincount(targets, weights=given) / np.bincount(targets)
    confident = np.where(probabilities >= thresholds, probabilities, 0.0)
    confident[np.arange(len(targets)), targets] = 0.0
    margins = confident.max(axis=1) - given
    order = np.argsort(-margins, kind="stable")
    return [(int(i), int(confident[i].argmax())) for i in order[margins[order] > 0]]


def _distinct(tickets: Sequence[Ticket]) -> list[_Message]:
    rows = defaultdict(list)
    for row, ticket in enumerate(tickets):
        if ticket.intent is not None:
            rows[" ".join(redact(ticket.text).casefold().split())].append(row)
    return [_Message(text, same, sorted({str(tickets[row].intent) for row in same})) for text, same in rows.items()]


def _conflicts(tickets: Sequence[Ticket], messages: Sequence[_Message]) -> Iterator[_Found]:
    """Suggest the label that most of the other copies have."""
    for message in messages:
        counts = Counter(str(tickets[row].intent) for row in message.rows)
        for row in message.rows if len(counts) > 1 else []:
            others = [intent for intent in message.intents if intent != tickets[row].intent]
            yield "conflict", row, max(others, key=counts.__getitem__), None, None


def _doubts(
    judged: Sequence[_Message], intents: Sequence[str], targets: Ints, probabilities: Floats
) -> Iterator[_Found]:
    for i, other in confident_others(targets, probabilities):
        suggested, given = float(probabilities[i, other]), float(probabilities[i, targets[i]])
        for row in judged[i].rows:
            yield "doubt", row, intents[other], suggested, given


def out_of_fold_probabilities(
    texts: Sequence[str], targets: Ints, folds: int = 5, seed: int = 0, progress_bar: bool = True
) -> Floats:
    """Return the probability of every intent for every message, from models that were fitted without the message.

    The model is TF-IDF of words (1, 2) and characters (2, 5) with a linear support vector machine. The benchmark has
    it a point behind this package's network, and sixty times as quick to fit: it can be fitted once a fold. One
    temperature turns its margins into probabilities (Guo et al. 2017); it is fitted on the margins of all folds.

    Args:
        texts: N messages. Equal ones would be seen by the model that judges them: give each once.
        targets: `[N]`, 0 to K - 1. Every intent occurs at least twice.
        folds: how many parts the messages are cut into, stratified by intent; no more than the commonest intent
            has messages.
        seed: of the cut and of the fit.
        progress_bar: show one on standard error.

    Returns:
        float64 `[N, K]`; every row sums to 1.

    Raises:
        UserError: no message holds a word.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks, https://arxiv.org/abs/1706.04599

    Example:
        >>> texts = ["my parcel", "the parcel", "my money", "the money"]
        >>> probabilities = out_of_fold_probabilities(texts, np.array([0, 0, 1, 1]), folds=2, progress_bar=False)
        >>> probabilities.argmax(axis=1)
        array([0, 0, 1, 1])
    """
    features = _features(texts)
    margins = np.zeros((len(texts), targets.max() + 1))
    for train, held_out in tqdm(_cut(targets, folds, seed), disable=not progress_bar, desc="checking", unit="fold"):
        svm = LinearSVC(C=1, random_state=seed).fit(features[train], targets[train])
        found = svm.decision_function(features[held_out])
        # Of two intents, the margin of the second is all there is.
        margins[held_out] = found if found.ndim == 2 else np.stack([-found, found], axis=1)
    untempered = softmax(margins, axis=1)
    return tempered(untempered, fit_temperature(untempered, targets))


def _features(texts: Sequence[str]) -> Any:
    """All messages at once: TF-IDF counts words and sees no label, so that nothing leaks from fold to fold."""
    try:
        return tfidf().fit_transform(texts).tocsr()
    except ValueError:
        raise UserError(
            "No message holds a word of two letters or more: there is nothing to tell intents by."
        ) from None


def _cut(targets: Ints, folds: int, seed: int) -> list[tuple[Ints, Ints]]:
    # scikit-learn warns of intents with fewer messages than folds; whoever calls knows their names.
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        return list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(targets, targets))
