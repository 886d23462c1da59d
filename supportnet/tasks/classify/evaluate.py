"""How well a model classifies: scores, the table by intent, what it confuses, where it errs.

And what its confidence is worth: calibration, scope, and what can be routed without a human.
"""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

from supportnet.data.splits import check_known_intents, labelled
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket
from supportnet.errors import UserError
from supportnet.metrics.calibration import (
    expected_calibration_error,
    out_of_scope_auroc,
    out_of_scope_fpr,
    perfect_calibration_error,
    tempered,
)
from supportnet.metrics.intervals import share_interval
from supportnet.metrics.thresholds import RoutingCurve, lowest_point, routing_curve
from supportnet.tasks.classify.answers import Answers, Bools, Classifier, Floats, Ints
from supportnet.tasks.classify.baselines import Learned, baseline_figures, learned_messages
from supportnet.tasks.classify.calibrate import Confidence
from supportnet.tasks.classify.data import intent_indices
from supportnet.tasks.comparison import median_milliseconds
from supportnet.text.redaction import redact
from supportnet.training.seen import seen_figures


def evaluate_model(
    model: Classifier,
    test_data: Sequence[Ticket],
    plots: str | os.PathLike[str] | None = None,
    baseline: Learned | None = None,
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
        baseline: the training messages, to fit baselines to: tickets, a data set, or the name or path of one; None has
            no baselines.

    Returns:
        A dictionary that JSON can hold: `task`, `accuracy` and its 95% interval `accuracy_interval`, `macro_f1`,
        `top5_accuracy`, `num_examples` (in scope), `num_out_of_scope`, `out_of_scope_recall` (None if the model has no
        such intent, or the data no such message), `seen_in_training` (`count` and `share` of all messages that the
        model was trained or validated on; None if unknown, as of an export), `baselines` (see `baseline_figures`; None
        without any), `precision_interval` (95%, of the routed messages; None if there are none),
        `milliseconds_per_message` (one message at a time, median), `per_intent` (precision, recall, F1, support),
        `confusions` (the most frequent first), `errors` (the most confident first; their texts are redacted), and those
        of `confidence_figures`.

    Raises:
        UserError: no messages in scope, none with an intent, an intent that training never saw, or training messages
            that no baseline can be fitted to.

    Warns:
        UserWarning: more than 10% of the messages were there in training.

        OSError: the plots can't be written.

    Example (needs a trained model):
        >>> evaluate_model(model, supportnet.load("sample")["test"])["accuracy"]
    """
    test_data = labelled(test_data, "evaluate on")
    check_known_intents(model.intents, test_data)
    inside = [ticket for ticket in test_data if ticket.intent != OUT_OF_SCOPE]
    if not inside:
        raise UserError("There is nothing to score: every message is out of scope.")
    texts = [ticket.text for ticket in inside]
    # Exports and baselines have no such list.
    seen = seen_figures(getattr(model, "seen", None), [ticket.text for ticket in test_data])
    answers = model.answers([ticket.text for ticket in test_data])
    outcome = outcomes(answers, model.confidence, test_data)
    scored, predicted = outcome.in_scope, answers.predicted
    targets, probabilities = outcome.targets[scored], answers.probabilities[scored]
    if plots is not None:
        # Drawing takes a library that nothing else needs.
        from supportnet.tasks.classify.plots import save_plots

        save_plots(plots, outcome)
    per_intent = intent_table(model.intents, targets, predicted[scored])
    right = outcome.correct[scored]
    return {
        "task": "classify",
        "accuracy": float(np.mean(right)),
        "accuracy_interval": share_interval(right),
        "baselines": None if baseline is None else baseline_figures(learned_messages(baseline), inside, right),
        "seen_in_training": seen,
        "macro_f1": float(np.mean([row["f1"] for row in per_intent])),
        "top5_accuracy": top_k_accuracy(targets, probabilities, k=5),
        "num_examples": len(texts),
        "num_out_of_scope": len(test_data) - len(texts),
        "out_of_scope_recall": out_of_scope_recall(model.intents, predicted[~scored]),
        **confidence_figures(outcome),
        "precision_interval": share_interval(outcome.correct[answers.route]),
        "milliseconds_per_message": milliseconds_per_message(model, texts),
        "per_intent": per_intent,
        "confusions": confusions(model.intents, targets, predicted[scored]),
        "errors": errors(model.intents, texts, targets, probabilities),
    }


def out_of_scope_recall(intents: Sequence[str], predicted: Ints) -> float | None:
    """Return the share of out-of-scope messages that the model says are such, None where it can't or there are none."""
    if not len(predicted) or OUT_OF_SCOPE not in intents:
        return None
    return float(np.mean(predicted == intents.index(OUT_OF_SCOPE)))


def top_k_accuracy(targets: Ints, probabilities: Floats, k: int) -> float:
    """Return the share of messages whose intent is among the `k` most probable.

    Example:
        >>> top_k_accuracy(np.array([2]), np.array([[0.5, 0.3, 0.2]]), k=2)
        0.0
    """
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return float(np.mean((best == targets[:, None]).any(axis=1)))


def intent_table(intents: Sequence[str], targets: Ints, predicted: Ints) -> list[dict[str, Any]]:
    """Return precision, recall, F1 and support of each intent that occurs in `targets`, the lowest F1 first."""
    labels = sorted(set(targets.tolist()))
    columns = precision_recall_fscore_support(targets, predicted, labels=labels, zero_division=0.0)
    rows = [
        {"intent": intents[i], "precision": float(p), "recall": float(r), "f1": float(f), "support": int(n)}
        for i, p, r, f, n in zip(labels, *columns, strict=True)
    ]
    return sorted(rows, key=lambda row: (row["f1"], row["intent"]))


def confusions(intents: Sequence[str], targets: Ints, predicted: Ints, most: int = 20) -> list[dict[str, Any]]:
    """Return the pairs of intents that are confused most: what was right, what the model said, how often."""
    wrong = targets != predicted
    pairs = zip(targets[wrong].tolist(), predicted[wrong].tolist(), strict=True)
    counts = Counter((intents[target], intents[prediction]) for target, prediction in pairs)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [{"intent": intent, "predicted": other, "count": count} for (intent, other), count in ordered[:most]]


def errors(
    intents: Sequence[str], texts: Sequence[str], targets: Ints, probabilities: Floats, most: int = 100
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


@dataclass(frozen=True)
class Outcomes:
    """What a model said of N labelled messages, and what is true of them.

    Attributes:
        answers: what it said.
        confidence: its temperature and thresholds.
        targets: index of each true intent, int64 `[N]`; -1 for an out-of-scope message that has none.
        in_scope: whether an intent covers the message, bool `[N]`.
    """

    answers: Answers
    confidence: Confidence
    targets: Ints
    in_scope: Bools

    @property
    def correct(self) -> Bools:
        """Whether routing the message by its best intent would be right, bool `[N]`."""
        return self.in_scope & (self.answers.predicted == self.targets)

    @property
    def curve(self) -> RoutingCurve:
        """What routing more and more of the messages would give."""
        return routing_curve(self.answers.routing_order, self.correct)

    @property
    def oracle(self) -> int | None:
        """The lowest point of `curve` with the promised precision, else that asked for; None if there is none."""
        promised = self.confidence.promised_precision or self.confidence.asked_precision
        return None if promised is None else lowest_point(self.curve, promised)


def outcomes(answers: Answers, confidence: Confidence, tickets: Sequence[Ticket]) -> Outcomes:
    """Put a model's answers beside the labels of the messages, in the same order."""
    in_scope = np.array([ticket.intent != OUT_OF_SCOPE for ticket in tickets])
    return Outcomes(answers, confidence, intent_indices(answers.intents, tickets), in_scope)


def confidence_figures(outcome: Outcomes) -> dict[str, Any]:
    """Measure calibration in scope, and scope and routing over all messages.

    Returns:
        `ece`, `ece_uncalibrated` (at temperature 1) and `ece_perfect` (see `perfect_calibration_error`);
        `oos_auroc` and `oos_fpr95`, None without out-of-scope messages; `out_of_scope_share` of the data;
        `promised_precision`; `coverage_at_precision`, the share of all messages that the fitted threshold routes;
        `precision_at_threshold`, the share of those that is right, None if there are none; `oracle_coverage`,
        what the best threshold for the promise on these very data would route. Without a promise the three that
        depend on it are None.

    Example (needs a trained model):
        >>> confidence_figures(outcomes(model.answers(texts), model.confidence, tickets))["ece"]
    """
    answers, in_scope, correct = outcome.answers, outcome.in_scope, outcome.correct
    probabilities, right = answers.probabilities[in_scope], correct[in_scope]
    sure = probabilities.max(axis=1)
    untempered = tempered(probabilities, 1 / outcome.confidence.temperature).max(axis=1)
    promised, oracle = outcome.confidence.promised_precision, outcome.oracle
    oracle_coverage = 0.0 if oracle is None else float(outcome.curve.coverage[oracle])
    return {
        "ece": expected_calibration_error(sure, right),
        "ece_uncalibrated": expected_calibration_error(untempered, right),
        "ece_perfect": perfect_calibration_error(sure),
        "oos_auroc": out_of_scope_auroc(answers.in_scope_score, in_scope),
        "oos_fpr95": out_of_scope_fpr(answers.in_scope_score, in_scope),
        "out_of_scope_share": float(1 - in_scope.mean()),
        "promised_precision": promised,
        "coverage_at_precision": None if promised is None else float(answers.route.mean()),
        "precision_at_threshold": float(correct[answers.route].mean()) if answers.route.any() else None,
        "oracle_coverage": None if promised is None else oracle_coverage,
    }
