"""The package in a notebook: one object from training to export."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.evaluation.classify import evaluate_model
from supportnet.models.answers import Classification
from supportnet.models.intent_classifier import IntentClassifier
from supportnet.serving.export import export
from supportnet.training.run import load_run
from supportnet.training.train import Trained
from supportnet.training.train import train as train_run


class SupportModel:
    """A trained model with everything that is done with one.

    Attributes:
        classifier: the model itself: front end, network, intents.
        trained: how training went, or None for a model that was loaded.

    Example (needs a training run):
        >>> model = supportnet.train("sample")
        >>> model.classify(["where is my parcel?"])[0].intent
        'track_order'
        >>> model.evaluate(supportnet.load("sample")["test"])["accuracy"]
        >>> model.export("saved_models/support")
    """

    def __init__(self, classifier: IntentClassifier, trained: Trained | None = None) -> None:
        self.classifier = classifier
        self.trained = trained

    @property
    def intents(self) -> list[str]:
        """Names of the intents, in the order of the probabilities."""
        return self.classifier.intents

    def classify(self, texts: Iterable[str], top_k: int = 5) -> list[Classification]:
        """Classify a list or a pandas Series of messages; see `IntentClassifier.classify`."""
        return self.classifier.classify(texts, top_k)

    def embed(self, texts: Iterable[str]) -> npt.NDArray[np.float32]:
        """Return one vector a message, float32 `[N, D]`."""
        return self.classifier.embed(texts)

    def evaluate(self, test_data: Sequence[Ticket], plots: str | os.PathLike[str] | None = None) -> dict[str, Any]:
        """Score the model on labelled messages, and draw `plots` into a folder; see `evaluate_model`."""
        return evaluate_model(self.classifier, test_data, plots)

    def export(self, path: str | os.PathLike[str], version: int | None = None, overwrite: bool = False) -> Path:
        """Write a SavedModel for TensorFlow Serving; see `supportnet.serving.export.export`."""
        return export(self.classifier, path, version, overwrite)

    def __repr__(self) -> str:
        config = self.classifier.config
        return f"SupportModel({config.architecture}, {len(self.intents)} intents)"


def train(
    data: str | os.PathLike[str] | TicketDataset, out: str | os.PathLike[str] | None = None, **options: Any
) -> SupportModel:
    """Train a model; the arguments are those of `supportnet.training.train.train`.

    Example (needs a training run):
        >>> model = supportnet.train(supportnet.load("tickets.csv"), epochs=10)
    """
    trained = train_run(data, out, **options)
    return SupportModel(trained.model, trained)


def load_model(run: str | os.PathLike[str]) -> SupportModel:
    """Load the model of a run folder; see `supportnet.training.run.load_run`."""
    return SupportModel(load_run(run))
