"""How well a model classifies: scores, the table by intent, what it confuses, where it errs."""

import os
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from sklearn.metrics import precision_recall_fscore_support

from supportnet.data.splits import check_known_intents, labelled
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket
from supportnet.errors import UserError
from supportnet.tasks.classify.answers import Answers
from supportnet.tasks.classify.fitted import Confidence
from supportnet.tasks.classify.outcomes import confidence_figures, outcomes
from supportnet.text.redaction import redact

#: Messages that the latency is measured on, and that run before, unmeasured.
TIMED_MESSAGES, UNTIMED_MESSAGES = 100, 5


class Classifier(Protocol):
    """What evaluation needs of a model: a trained one and an exported one both have it."""

    intents: list[str]
    confidence: Confidence

    def answers(self, texts: Sequence[str], batch_size: int = 64) -> Answers:
        """Return all that is said of every message."""

    def probabilities(self, texts: Sequence[str], batch_size: int = 64) -> npt.NDArray[np.float32]:
        """Return the probability of every intent for every message, `[N, K]`."""


def evaluate_model(
    model: Classifier, test_data: Sequence[Ticket], plots: str | os.PathLike[str] | None = None
) -> dict[str, Any]:
    """Score `model` on labelled messages: the article's function (section 4.4).

    The scores are over the messages whose intent is in scope; of the others, `out_of_scope_recall` says how many
    a model finds that was trained on such messages. Macro F1 is the mean over the intents that occur in
    `test_data`.

    Args:
        model: a trained or an exported model.
        test_data: labelled tickets; their intents must be the model's, or `OUT_OF_SCOPE`. Those without an intent are
            left out, with a warning.
        plots: a folder for `reliability.png` and `risk_coverage.png`; None draws nothing.

    Returns:
        A dictionary that JSON can hold: `task`, `accuracy`, `macro_f1`, `top5_accuracy`, `num_examples` (in
        scope), `num_out_of_scope`, `out_of_scope_recall` (None if the model has no such intent, or the data no
        such message), `milliseconds_per_message` (one message at a time, median), `per_intent` (precision,
        recall, F1, support), `confusions` (the most frequent first), `errors` (the most confident first;
        their texts are redacted), and those of `confidence_figures`.

    Raises:
        UserError: no messages in scope, none with an intent, or an intent that training never saw.
        OSError: the plots can't be written.

    Example (needs a trained model):
        >>> evaluate_model(model, supportnet.load("sample")["test"])["accuracy"]
    """
    test_data = labelled(test_data, "evaluate on")
    check_known_intents(model.intents, test_data)
    texts = [ticket.text for ticket in test_data if ticket.intent != OUT_OF_SCOPE]
    if not texts:
        raise UserError("There is nothing to score: every message is out of scope.")
    answers = model.answers([ticket.text for ticket in test_data])
    outcome = outcomes(answers, model.confidence, test_data)
    scored, predicted = outcome.in_scope, answers.predicted
    targets, probabilities = outcome.targets[scored], answers.probabilities[scored]
    if plots is not None:
        # Drawing takes a library that nothing else needs.
        from supportnet.tasks.classify.plots import save_plots

        save_plots(plots, outcome)
    per_intent = intent_table(model.intents, targets, predicted[scored])
    return {
        "task": "classify",
        "accuracy": float(np.mean(predicted[scored] == targets)),
        "macro_f1": float(np.mean([row["f1"] for row in per_intent])),
        "top5_accuracy": top_k_accuracy(targets, probabilities, k=5),
        "num_examples": len(texts),
        "num_out_of_scope": len(test_data) - len(texts),
        "out_of_scope_recall": out_of_scope_recall(model.intents, predicted[~scored]),
        **confidence_figures(outcome),
        "milliseconds_per_message": milliseconds_per_message(model, texts),
        "per_intent": per_intent,
        "confusions": confusions(model.intents, targets, predicted[scored]),
        "errors": errors(model.intents, texts, targets, probabilities),
    }


def out_of_scope_recall(intents: Sequence[str], predicted: npt.NDArray[np.int64]) -> float | None:
    """Return the share of out-of-scope messages that the model says are such, None where it can't or there are none."""
    if not len(predicted) or OUT_OF_SCOPE not in intents:
        return None
    return float(np.mean(predicted == intents.index(OUT_OF_SCOPE)))


def top_k_accuracy(targets: npt.NDArray[np.int64], probabilities: npt.NDArray[np.float32], k: int) -> float:
    """Return the share of messages whose intent is among the `k` most probable.

    Example:
        >>> top_k_accuracy(np.array([2]), np.array([[0.5, 0.3, 0.2]]), k=2)
        0.0
    """
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return float(np.mean((best == targets[:, None]).any(axis=1)))


def intent_table(
    intents: Sequence[str], targets: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64]
) -> list[dict[str, Any]]:
    """Return precision, recall, F1 and support of each intent that occurs in `targets`, the lowest F1 first."""
    labels = sorted(set(targets.tolist()))
    columns = precision_recall_fscore_support(targets, predicted, labels=labels, zero_division=0.0)
    rows = [
        {"intent": intents[i], "precision": float(p), "recall": float(r), "f1": float(f), "support": int(n)}
        for i, p, r, f, n in zip(labels, *columns, strict=True)
    ]
    return sorted(rows, key=lambda row: (row["f1"], row["intent"]))


def confusions(
    intents: Sequence[str], targets: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64], most: int = 20
) -> list[dict[str, Any]]:
    """Return the pairs of intents that are confused most: what was right, what the model said, how often."""
    wrong = targets != predicted
    pairs = zip(targets[wrong].tolist(), predicted[wrong].tolist(), strict=True)
    counts = Counter((intents[target], intents[prediction]) for target, prediction in pairs)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [{"intent": intent, "predicted": other, "count": count} for (intent, other), count in ordered[:most]]


def errors(
    intents: Sequence[str],
    texts: Sequence[str],
    targets: npt.NDArray[np.int64],
    probabilities: npt.NDArray[np.float32],
    most: int = 100,
) -> list[dict[str, Any]]:
    """Return messages that the model gets wrong, without personal data, the most confident error first."""
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != targets)
    wrong = wrong[np.argsort(-confidence[wrong], kind="stable")][:most]
    return [
        {
            "text": redact(texts[i]),
            "intent": intents[targets[i]],
            "predicted": intents[predicted[i]],
            "confidence": float(confidence[i]),
        }
        for i in wrong.tolist()
    ]


def milliseconds_per_message(model: Classifier, texts: Sequence[str]) -> float:
    """Return the median time of one message alone, in milliseconds, from Python."""
    return median_milliseconds(lambda text: model.probabilities([text], batch_size=1), texts)


def median_milliseconds(run: Callable[[str], object], texts: Sequence[str]) -> float:
    """Return the median time that `run` takes for one text, in milliseconds; the first few count for nothing."""
    times = []
    for text in texts[: UNTIMED_MESSAGES + TIMED_MESSAGES]:
        start = time.perf_counter()
        run(text)
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times[UNTIMED_MESSAGES:] or times)
