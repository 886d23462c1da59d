"""Classifiers in a comparison; the baseline is TF-IDF with a linear SVM.

It is given the confidence that the package fits for its own models.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import keras
import numpy as np
from sklearn.pipeline import Pipeline

from supportnet.backbones.backbone import Backbone
from supportnet.backbones.texts import run_in_batches
from supportnet.config import NetworkConfig
from supportnet.data.splits import labelled
from supportnet.data.ticket import Ticket, TicketDataset, conversations_of
from supportnet.tasks.classify import TASK
from supportnet.tasks.classify.answers import Answers, Classifier
from supportnet.tasks.classify.baselines import in_scope_svm
from supportnet.tasks.classify.calibrate import Confidence, answers_of, fit_confidence
from supportnet.tasks.classify.config import ClassifyConfig
from supportnet.tasks.classify.evaluate import confidence_figures, intent_table, outcomes
from supportnet.tasks.classify.model import IntentClassifier
from supportnet.tasks.classify.network import build_network
from supportnet.tasks.comparison import Compared, Scored


class Svm(Classifier):
    """A fitted SVM that answers as this package's models do: its margins stand where their logits do.

    So it is judged by the same code: the score of scope and of routing is the largest probability of the softmax of
    the margins, untempered, and the probabilities are those at the fitted temperature.

    Attributes:
        pipeline: the SVM with its TF-IDF.
        intents: the names of the intents, in the order of the margins.
        confidence: temperature and thresholds.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.intents = [str(intent) for intent in pipeline.classes_]
        self.confidence = Confidence()

    def calibrate(self, validation: Sequence[Ticket], config: ClassifyConfig) -> None:
        """Fit temperature and thresholds on messages that the SVM hasn't seen, as `supportnet.train` does."""
        self.confidence = Confidence()
        answers = self.answers([ticket.text for ticket in validation])
        self.confidence = fit_confidence(answers, validation, config.precision, config.out_of_scope_share)

    def answers(self, texts: Iterable[str], batch_size: int = 64) -> Answers:
        logits = self.pipeline.decision_function(list(texts)).astype("float32")
        # Of coverage, margins and words it knows nothing: with whole ones, only the probability counts.
        outputs = {"logits": logits, "margins": np.ones_like(logits), "coverage": np.ones_like(logits)}
        return answers_of({**outputs, "known_words": np.ones(len(logits))}, self.confidence, self.intents)


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
    baseline = TASK.baseline_names["svm"]
    has_confidence = True
    is_binary = True

    def network(self, config: NetworkConfig, dataset: TicketDataset) -> keras.Model:
        intents = {ticket.intent for ticket in dataset["train"] if ticket.intent is not None}
        return build_network(config, Backbone(config, vocab_size=3), num_intents=len(intents))

    def score(self, model: Any, dataset: TicketDataset) -> Scored:
        tickets = self.messages(dataset)
        scored = _scored(model, tickets)
        return replace(scored, figures={**scored.figures, "encoder_accuracy": _encoder_accuracy(model, tickets)})

    def fit_baseline(self, dataset: TicketDataset, config: ClassifyConfig) -> Any:
        svm = Svm(in_scope_svm(dataset["train"]))
        # The same promise as the models'.
        svm.calibrate(labelled(dataset["validation"], "validate on"), config)
        return svm

    def score_baseline(self, baseline: Any, dataset: TicketDataset) -> Scored:
        return _scored(baseline, self.messages(dataset))

    def answer_baseline(self, baseline: Any) -> Any:
        return baseline.answers

    def messages(self, dataset: TicketDataset) -> list[Ticket]:
        return labelled(dataset["test"], "evaluate on")

    def right(self, ticket: Ticket) -> str:
        return str(ticket.intent)

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
    if model.backbone.encoder is None:
        return None
    inside = [ticket for ticket in tickets if ticket.intent in model.intents]
    texts = [ticket.text for ticket in inside]
    found = run_in_batches(
        lambda batch: model.network(model.preprocessor(batch), training=False), texts, ["branch_logits"], 64
    )
    # The words' branch comes first, the encoder's second, and that of n-grams last; a pretrained encoder has no words'.
    predicted = found["branch_logits"][:, -2].argmax(axis=1)
    return float(np.mean([model.intents[i] == t.intent for i, t in zip(predicted.tolist(), inside, strict=True)]))


COMPARED = ComparedClassifiers()
