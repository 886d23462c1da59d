"""The task classify, beside TF-IDF with a linear SVM."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import keras
import numpy as np

from supportnet.backbones.texts import run_in_batches
from supportnet.compare.tasks.task import Scored, Task
from supportnet.config import NetworkConfig
from supportnet.data.splits import labelled
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket, TicketDataset, conversations_of
from supportnet.serving.export import export
from supportnet.tasks.classify.baseline import Svm, fitted
from supportnet.tasks.classify.evaluate import Classifier, intent_table
from supportnet.tasks.classify.learner import train
from supportnet.tasks.classify.model import IntentClassifier
from supportnet.tasks.classify.network import build_intent_network
from supportnet.tasks.classify.outcomes import confidence_figures, outcomes
from supportnet.training.config import TrainingConfig


class Classify(Task):
    """See `Task`."""

    config = TrainingConfig
    signature = "classify"

    def network(self, config: NetworkConfig, dataset: TicketDataset) -> keras.Model:
        intents = {ticket.intent for ticket in dataset["train"] if ticket.intent is not None}
        return build_intent_network(config, vocab_size=3, num_intents=len(intents))

    def train(self, dataset: TicketDataset, architecture: str, options: Mapping[str, Any]) -> Any:
        return train(dataset, architecture=architecture, progress_bar=False, **options)

    def score(self, model: Any, dataset: TicketDataset) -> Scored:
        tickets = labelled(dataset["test"], "evaluate on")
        scored = _scored(model, tickets)
        return Scored(
            {**scored.figures, "encoder_accuracy": _encoder_accuracy(model, tickets)},
            scored.values,
            scored.groups,
            scored.details,
        )

    def save(self, model: Any, dataset: TicketDataset, folder: Path) -> Path:
        return export(model, folder)

    def fit_baseline(self, dataset: TicketDataset, options: Mapping[str, Any]) -> Any:
        train_tickets = [t for t in dataset["train"] if t.intent not in (None, OUT_OF_SCOPE)]
        svm, validation = Svm(fitted(train_tickets)), labelled(dataset["validation"], "validate on")
        # The same promise as the models'.
        svm.calibrate(validation, cast(TrainingConfig, self.sizes("none", options)[1]))
        return svm

    def score_baseline(self, baseline: Any, dataset: TicketDataset) -> Scored:
        return _scored(baseline, labelled(dataset["test"], "evaluate on"))

    def answer_baseline(self, baseline: Any) -> Callable[[list[str]], object]:
        return cast(Callable[[list[str]], object], baseline.answers)


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
    """How often the encoder's tower is right by itself: in the vote, the others, alike in all architectures, help."""
    inside = [ticket for ticket in tickets if ticket.intent in model.intents]
    texts = [ticket.text for ticket in inside]
    found = run_in_batches(
        lambda batch: model.network(model.front_end(batch), training=False), texts, ["tower_logits"], 64
    )
    # The words' tower comes first, the encoder's second, and that of n-grams last.
    if found["tower_logits"].shape[1] < 3:
        return None
    predicted = found["tower_logits"][:, 1].argmax(axis=1)
    return float(np.mean([model.intents[i] == t.intent for i, t in zip(predicted.tolist(), inside, strict=True)]))
