"""From messages and their replies to a model that writes replies, in a run folder."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supportnet.data import load
from supportnet.data.ticket import Ticket, TicketDataset, conversations_of
from supportnet.embeddings import Coverage
from supportnet.models.config import NetworkConfig
from supportnet.models.encoders import DECODER_ONLY
from supportnet.models.replier import Replier
from supportnet.models.towers import Towers
from supportnet.text.byte_pairs import BytePairVocabulary
from supportnet.text.slots import constants_of, slotted_all
from supportnet.text.vocabulary import Vocabulary
from supportnet.training.checkpoint import Progress
from supportnet.training.config import ReplyConfig
from supportnet.training.handoff import fit_handoff
from supportnet.training.learner import Course, Learner, train_alone
from supportnet.training.loop import Lesson, best_metrics
from supportnet.training.options import split_options
from supportnet.training.reply_fit import fit_replier, reply_lesson
from supportnet.training.reply_pairs import ReplyPairs
from supportnet.training.reply_pretrain import pretrain_replier
from supportnet.training.reply_run import save_replier
from supportnet.training.reply_splits import pair_facts, reply_splits
from supportnet.training.start import Start

#: What suits writing better than the classifier's defaults; chosen on STAR's validation data.
NETWORK_DEFAULTS = {"num_layers": 2, "hidden_dim": 256}
#: The same, of one architecture.
DEFAULTS_BY_ARCHITECTURE: Mapping[str, Mapping[str, int]] = {DECODER_ONLY: {"pretraining_epochs": 2}}


@dataclass(frozen=True)
class TrainedReplier:
    """What `train_replier` returns.

    Attributes:
        model: the model, with the weights of the best epoch and its threshold.
        metrics: on validation (None without it) `accuracy`, the share of the pieces of replies that are told from
            those before, `loss`, `perplexity`, where it was pre-trained `pretraining_perplexity`, that of the messages;
            and `best_epoch`, counted from 1.
        history: one dictionary of metrics an epoch.
        coverage: how much of the vocabulary the given word vectors hold; None where none were given.
    """

    model: Replier
    metrics: dict[str, Any]
    history: list[dict[str, float]]
    coverage: Coverage | None = None


def train_replier(
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
) -> TrainedReplier:
    """Train a model that writes replies.

    Personal data in the replies are slots to it (see `supportnet.text.slots`): it can name one, and never invents a
    number.

    `gpt`, or whatever has `pretraining_epochs`, first learns to say what is said in the messages.

    Args:
        data: a data set, or the name or path of one (see `supportnet.load`), with replies; messages without one are
            left out. Without a validation split, one is cut off, conversation by conversation where they are known.
        out, preset, init, embeddings, require_coverage, resume, progress_bar, data_options: as for
            `supportnet.training.train.train`.
        **options: fields of `NetworkConfig` and `ReplyConfig`.

    Returns:
        The model, with the weights of the best epoch on validation and its threshold fitted there (see
        `supportnet.training.handoff`), and how training went.

    Raises:
        UserError: as for `train`; or no message has a reply.

    Warns:
        UserWarning: messages are longer than what is read of them; or as for `reply_splits` and `choose_handoff`.

    The random generators of Python, NumPy and Keras are seeded, for the whole process.

    Example (needs a training run):
        >>> trained = train_replier("tickets.csv", out="runs/replies", data_options={"reply_column": "answer"})
        >>> trained.model.reply(["where is my parcel?"])[0].text
    """
    start = Start.of(init, embeddings, require_coverage)
    of_architecture = DEFAULTS_BY_ARCHITECTURE.get(str(options.get("architecture")), {})
    defaults = {**NETWORK_DEFAULTS, **of_architecture, **start.network_options}
    network, training = split_options(options, ReplyConfig, defaults, preset)
    start.check(network)
    dataset = data if isinstance(data, TicketDataset) else load(data, **(data_options or {}))
    learner = ReplyLearner(dataset, training)
    folder = None if out is None else Path(out)
    return TrainedReplier(*train_alone(learner, network, start, folder, resume, progress_bar))


class ReplyLearner(Learner):
    """The task reply.

    Args:
        dataset: messages with replies.
        config: how to train.

    Raises:
        UserError: no message has a reply.
    """

    task = "reply"

    def __init__(self, dataset: TicketDataset, config: ReplyConfig) -> None:
        self.config: ReplyConfig = config
        self.tickets, self.validation = reply_splits(dataset, config.validation_share, config.seed)
        self.facts = pair_facts(dataset, self.tickets, self.validation)
        self.pretrained: Progress | None = None

    def model(self, network: NetworkConfig, vocabulary: Vocabulary, towers: Towers | None = None) -> Replier:
        pieces = _pieces(self.tickets, network.num_pieces, self.config.min_count)
        model = Replier(network, vocabulary, pieces, towers=towers)
        model.warn_if_cut([ticket.text for ticket in (*self.tickets, *self.validation)])
        return model

    def lesson(self, model: Replier) -> Lesson:
        return reply_lesson(model, *self.pairs(model), self.config)

    def fit(self, model: Replier, folder: Path | None, progress_bar: bool) -> Course:
        if self.config.pretraining_epochs:
            held_out = self.validation
            self.pretrained = pretrain_replier(model, self.tickets, held_out, self.config, folder, progress_bar)
        progress = fit_replier(model, *self.pairs(model), self.config, folder, progress_bar)
        return progress.history, progress.best_epoch

    def pairs(self, model: Replier) -> tuple[ReplyPairs, ReplyPairs | None]:
        """What is learned, and what is held out."""
        held_out = ReplyPairs.of(self.validation, model) if self.validation else None
        return ReplyPairs.of(self.tickets, model), held_out

    def finish(self, model: Replier, course: Course) -> dict[str, Any]:
        if self.validation:
            model.handoff = fit_handoff(model, self.validation, self.config.quality, self.config.seed)
        metrics = {**best_metrics(*course), "perplexity": _perplexity(course)}
        if self.pretrained is not None:
            metrics["pretraining_perplexity"] = _perplexity((self.pretrained.history, self.pretrained.best_epoch))
        return metrics

    def save(self, folder: Path, model: Replier) -> None:
        save_replier(folder, model)


def _pieces(tickets: Sequence[Ticket], num_pieces: int, min_count: int) -> BytePairVocabulary:
    replies = [ticket.reply or "" for ticket in tickets]
    constants = constants_of(zip((ticket.text for ticket in tickets), replies, conversations_of(tickets), strict=True))
    return BytePairVocabulary.train(slotted_all(replies, constants), num_pieces, min_count, constants)


def _perplexity(course: Course) -> float | None:
    """That of the best epoch on validation."""
    history, best_epoch = course
    log_loss = history[best_epoch].get("val_log_loss")
    return None if log_loss is None else math.exp(log_loss)
