"""From messages and their replies to a trained suggestion model in a run folder."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from supportnet.data import load
from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.embeddings import Coverage
from supportnet.errors import UserError
from supportnet.models.config import NetworkConfig
from supportnet.models.suggester import Suggester
from supportnet.models.towers import Towers
from supportnet.text.vocabulary import Vocabulary
from supportnet.training.config import SuggestionConfig
from supportnet.training.learner import Course, Learner, train_alone
from supportnet.training.loop import Lesson, best_metrics
from supportnet.training.options import split_options
from supportnet.training.pairs import Pairs
from supportnet.training.relevance import fit_relevance
from supportnet.training.reply_splits import pair_facts, reply_splits
from supportnet.training.scales import fit_labels, fit_scales
from supportnet.training.start import Start
from supportnet.training.suggestion_fit import fit_suggester, pair_lesson
from supportnet.training.suggestion_run import save_suggester

#: What suits pairs better than the classifier's defaults; chosen on STAR's validation data.
NETWORK_DEFAULTS = {"head_dropout_rate": 0.1}
#: Validation messages that the towers' scales and the relevance are fitted to, at most.
MAX_ASKED = 2000


@dataclass(frozen=True)
class TrainedSuggester:
    """What `train_suggester` returns.

    Attributes:
        model: the model, with the weights of the best epoch and its relevance.
        metrics: on validation (None without it) `accuracy`, the share of replies that rank first among those of the
            same batch of 256 messages, and `loss`; and `best_epoch`, counted from 1.
        history: one dictionary of metrics an epoch.
        coverage: how much of the vocabulary the given word vectors hold; None where none were given.
    """

    model: Suggester
    metrics: dict[str, Any]
    history: list[dict[str, float]]
    coverage: Coverage | None = None


def train_suggester(
    data: str | os.PathLike[str] | TicketDataset,
    out: str | os.PathLike[str] | None = None,
    *,
    preset: str | None = None,
    init: str | os.PathLike[str] | None = None,
    embeddings: str | os.PathLike[str] | None = None,
    require_coverage: float | None = None,
    resume: bool = False,
    progress_bar: bool = True,
    data_options: Mapping[str, Any] | None = None,
    **options: Any,
) -> TrainedSuggester:
    """Train a model that finds the right answers to a message.

    Args:
        data: a data set, or the name or path of one (see `supportnet.load`), with replies; messages without one are
            left out. Without a validation split, one is cut off, conversation by conversation where they are known.
        out, preset, init, embeddings, require_coverage, resume, progress_bar, data_options: as for
            `supportnet.training.train.train`.
        **options: fields of `NetworkConfig` and `SuggestionConfig`. With a `label_weight` above 0, the intents of the
            messages are learned as labels of their replies.

    Returns:
        The model, with the weights of the best epoch on validation, what each tower counts and its relevance fitted
        there (see `supportnet.training.scales`, `supportnet.training.relevance`), and how training went.

    Raises:
        UserError: as for `train`; or there are fewer than two different replies, or labels are asked for and there
            are none.

    The random generators of Python, NumPy and Keras are seeded, for the whole process.

    Example (needs a training run):
        >>> trained = train_suggester("tickets.csv", out="runs/answers", data_options={"reply_column": "answer"})
        >>> trained.metrics["accuracy"]
    """
    start = Start.of(init, embeddings, require_coverage)
    network, training = split_options(options, SuggestionConfig, {**NETWORK_DEFAULTS, **start.network_options}, preset)
    start.check(network)
    dataset = data if isinstance(data, TicketDataset) else load(data, **(data_options or {}))
    learner = PairLearner(dataset, training)
    folder = None if out is None else Path(out)
    return TrainedSuggester(*train_alone(learner, network, start, folder, resume, progress_bar))


class PairLearner(Learner):
    """The task suggest.

    Args:
        dataset: messages with replies.
        config: how to train.

    Raises:
        UserError: there are fewer than two different replies, or labels are asked for and there are none.
    """

    task = "suggest"

    def __init__(self, dataset: TicketDataset, config: SuggestionConfig) -> None:
        self.config: SuggestionConfig = config
        self.tickets, self.validation = reply_splits(dataset, config.validation_share, config.seed)
        self.labels = _labels(self.tickets) if config.label_weight else []
        self.pairs = Pairs.of(self.tickets, self.labels)
        if len(self.pairs.replies) < 2:
            raise UserError(f"{dataset.name} must have at least two different replies to train on. It has one.")
        self.held_out = Pairs.of(self.validation, self.labels) if self.validation else None
        self.facts = pair_facts(dataset, self.tickets, self.validation)

    @property
    def texts(self) -> list[str]:
        return [*super().texts, *(ticket.reply or "" for ticket in self.tickets)]

    def model(self, network: NetworkConfig, vocabulary: Vocabulary, towers: Towers | None = None) -> Suggester:
        return Suggester(network, vocabulary, self.labels, towers=towers)

    def lesson(self, model: Suggester) -> Lesson:
        return pair_lesson(model, self.pairs, self.held_out, self.config)

    def fit(self, model: Suggester, folder: Path | None, progress_bar: bool) -> Course:
        progress = fit_suggester(model, self.pairs, self.held_out, self.config, folder, progress_bar)
        return progress.history, progress.best_epoch

    def finish(self, model: Suggester, course: Course) -> dict[str, Any]:
        if self.held_out is not None:
            chosen = np.random.default_rng(self.config.seed).permutation(len(self.validation))[:MAX_ASKED]
            asked = Pairs.of([self.validation[i] for i in chosen], self.labels)
            fit_scales(model, asked, self.config.batch_size)
            if self.labels:
                fit_labels(model, asked)
            model.relevance = fit_relevance(model, self.pairs, asked)
        return best_metrics(*course)

    def save(self, folder: Path, model: Suggester) -> None:
        save_suggester(folder, model)


def _labels(tickets: Sequence[Ticket]) -> list[str]:
    labels = sorted({ticket.intent for ticket in tickets if ticket.intent is not None})
    if not labels:
        raise UserError("label_weight must be 0 where no message has a label (--label-column).")
    return labels
