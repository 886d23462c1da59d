"""Classifiers in a comparison, beside TF-IDF with a linear SVM."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, cast

import keras
import numpy as np

from supportnet.backbones.backbone import Backbone
from supportnet.backbones.texts import run_in_batches
from supportnet.config import NetworkConfig
from supportnet.data.splits import labelled
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket, TicketDataset, conversations_of
from supportnet.tasks.classify.baseline import Svm, fitted
from supportnet.tasks.classify.config import ClassifyConfig
from supportnet.tasks.classify.evaluate import Classifier, intent_table
from supportnet.tasks.classify.model import IntentClassifier
from supportnet.tasks.classify.network import build_network
from supportnet.tasks.classify.outcomes import confidence_figures, outcomes
from supportnet.tasks.comparison import Compared, Scored


class ComparedClassifiers(Compared):
    """See `Compared`."""

    figures: ClassVar[Mapping[str, str]] = {
        "accuracy": "accuracy",
        "macro_f1": "macro F1",
        "encoder_accuracy": "encoder alone",
        "ece": "calibration error",
        "coverage_at_precision": "routed",
        "precision_at_threshold": "routed right",
        "oos_auroc": "out-of-scope AUROC",
    }
    decisive = ("accuracy",)
    meaning: ClassVar[Mapping[str, str]] = {"accuracy": "sorts {share} of 100 messages right"}
    baseline = "TF-IDF + linear SVM"
    has_confidence = True
    is_binary = True

    def network(self, config: NetworkConfig, dataset: TicketDataset) -> keras.Model:
        intents = {ticket.intent for ticket in dataset["train"] if ticket.intent is not None}
        return build_network(config, Backbone(config, vocab_size=3), num_intents=len(intents))

    def score(self, model: Any, dataset: TicketDataset) -> Scored:
        tickets = labelled(dataset["test"], "evaluate on")
        scored = _scored(model, tickets)
        return Scored(
            {**scored.figures, "encoder_accuracy": _encoder_accuracy(model, tickets)},
            scored.values,
            scored.groups,
            scored.details,
        )

    def fit_baseline(self, dataset: TicketDataset, config: ClassifyConfig) -> Any:
        train_tickets = [t for t in dataset["train"] if t.intent not in (None, OUT_OF_SCOPE)]
        svm, validation = Svm(fitted(train_tickets)), labelled(dataset["validation"], "validate on")
        # The same promise as the models'.
        svm.calibrate(validation, config)
        return svm

    def score_baseline(self, baseline: Any, dataset: TicketDataset) -> Scored:
        return _scored(baseline, labelled(dataset["test"], "evaluate on"))

    def answer_baseline(self, baseline: Any) -> Callable[[list[str]], object]:
        return cast(Callable[[list[str]], object], baseline.answers)

    def examples(self, dataset: TicketDataset) -> tuple[Sequence[Ticket], list[str]]:
        tickets = labelled(dataset["test"], "evaluate on")
        return tickets, [str(ticket.intent) for ticket in tickets]

    def said(self, found: Mapping[str, Any]) -> list[str]:
        return [found["details"]["intents"][i] for i in found["details"]["predicted"]]


def _scored(model: Classifier, tickets: Sequence[Ticket]) -> Scored:
    answers = model.answers([ticket.text for ticket in tickets])
    outcome = outcomes(answers, model.confidence, tickets)
    inside, right = outcome.in_scope, outcome.correct
    per_intent = intent_table(model.intents, outcome.targets[inside], answers.predicted[inside])
    figures = {
        "accuracy": float(right[inside].mean()),
        "macro_f1": float(np.mean([row["f1"] for row in per_intent])),
        **confidence_figures(outcome),
    }
    order = answers.routing_order
    details = {
        "intents": list(model.intents),
        "predicted": answers.predicted.tolist(),
        "confidence": answers.probabilities.max(axis=1).round(4).tolist(),
        # JSON has no infinity: None is never routed.
        "routing": [round(float(score), 6) if np.isfinite(score) else None for score in order],
        "route": answers.route.tolist(),
        "promised": model.confidence.promised_precision,
    }
    values = {"accuracy": np.where(inside, right.astype(float), np.nan)}
    return Scored(figures, values, conversations_of(tickets), details)


def _encoder_accuracy(model: IntentClassifier, tickets: Sequence[Ticket]) -> float | None:
    """Return the accuracy of the encoder's branch alone: in the vote, the others help, alike in all architectures."""
    inside = [ticket for ticket in tickets if ticket.intent in model.intents]
    texts = [ticket.text for ticket in inside]
    found = run_in_batches(
        lambda batch: model.network(model.preprocessor(batch), training=False), texts, ["branch_logits"], 64
    )
    # The words' branch comes first, the encoder's second, and that of n-grams last.
    if found["branch_logits"].shape[1] < 3:
        return None
    predicted = found["branch_logits"][:, 1].argmax(axis=1)
    return float(np.mean([model.intents[i] == t.intent for i, t in zip(predicted.tolist(), inside, strict=True)]))


COMPARED = ComparedClassifiers()
