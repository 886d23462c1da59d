"""A task that is learned from a data set, and how the training of any one becomes a run."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import keras

from supportnet.backbones.backbone import Towers
from supportnet.config import NetworkConfig
from supportnet.data.ticket import Ticket
from supportnet.embeddings import Coverage
from supportnet.text.vocabulary import Vocabulary
from supportnet.training.config import RunConfig
from supportnet.training.initial_weights import Start
from supportnet.training.loop import Lesson
from supportnet.training.run_folder import begin, check_folder, save_course
from supportnet.training.splits import build_vocabulary

#: One dictionary of metrics an epoch, and the epoch (from 0) whose weights were kept.
Course = tuple[list[dict[str, float]], int]


class Learner(ABC):
    """One task: what it learns from, its model, what that learns by, and what is fitted and written afterwards.

    Attributes:
        task: its name.
        config: how to train.
        tickets: what is learned from.
        facts: what the run's files say of the data, with a `fingerprint`.
    """

    task: ClassVar[str]
    config: RunConfig
    tickets: Sequence[Ticket]
    facts: dict[str, Any]

    @property
    def texts(self) -> list[str]:
        """What the vocabulary is counted in."""
        return [ticket.text for ticket in self.tickets]

    @abstractmethod
    def model(self, network: NetworkConfig, vocabulary: Vocabulary, towers: Towers | None = None) -> Any:
        """Make a fresh model."""

    @abstractmethod
    def lesson(self, model: Any) -> Lesson:
        """Return what the model learns by, beside other tasks."""

    @abstractmethod
    def fit(self, model: Any, folder: Path | None, progress_bar: bool) -> Course:
        """Train the model alone."""

    @abstractmethod
    def finish(self, model: Any, course: Course) -> dict[str, Any]:
        """Fit on validation data what the model decides by; return what validation says of the best epoch."""

    @abstractmethod
    def save(self, folder: Path, model: Any) -> None:
        """Write the parts of the model that training made."""

    def made(self, network: NetworkConfig, start: Start) -> dict[str, Any]:
        """Return what the run's configuration says."""
        made = {"task": self.task, "network": asdict(network), "training": asdict(self.config)}
        return {**made, "start": start.facts, "data": self.facts}

    def end(self, model: Any, course: Course, folder: Path | None) -> dict[str, Any]:
        """Do what comes after training, and write all of it where there is a folder; return the metrics."""
        metrics = self.finish(model, course)
        model.origin = {"data": self.facts, "validation": metrics}
        if folder is not None:
            self.save(folder, model)
            save_course(folder, model, course[0], metrics)
        return metrics


def train_alone(
    learner: Learner, network: NetworkConfig, start: Start, folder: Path | None, resume: bool, progress_bar: bool
) -> tuple[Any, dict[str, Any], list[dict[str, float]], Coverage | None]:
    """Train a model of one task.

    Args:
        learner: the task.
        network: what its network is built from.
        start: where its weights begin.
        folder: the run folder to write, or None.
        resume: go on with the run that is there.
        progress_bar: show one on standard error.

    Returns:
        The model, the metrics, the history, and how much of the vocabulary the given word vectors hold.
    """
    made = learner.made(network, start)
    if folder is not None:
        check_folder(folder, made, resume)
    keras.utils.set_random_seed(learner.config.seed)
    texts = learner.texts
    model = learner.model(network, start.vocabulary or build_vocabulary(texts, network, learner.config.min_count))
    coverage = start.apply(model, texts, learner.config.seed, progress_bar)
    if folder is not None:
        # Not before there is a model: word vectors that don't fit leave nothing behind.
        begin(folder, made)
    course = learner.fit(model, folder, progress_bar)
    return model, learner.end(model, course, folder), course[0], coverage
