"""From messages and their replies to a model that writes replies, in a run folder."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras

from supportnet.data import load
from supportnet.data.ticket import Ticket, TicketDataset, conversations_of
from supportnet.embeddings import Coverage
from supportnet.models.encoders import DECODER_ONLY
from supportnet.models.replier import Replier
from supportnet.text.byte_pairs import BytePairVocabulary
from supportnet.text.slots import constants_of, slotted_all
from supportnet.training.checkpoint import Progress
from supportnet.training.config import ReplyConfig
from supportnet.training.folder import begin, check_folder, save_course
from supportnet.training.handoff import fit_handoff
from supportnet.training.loop import best_metrics
from supportnet.training.options import split_options
from supportnet.training.reply_fit import fit_replier
from supportnet.training.reply_pairs import ReplyPairs
from supportnet.training.reply_pretrain import pretrain_replier
from supportnet.training.reply_run import save_replier
from supportnet.training.reply_splits import pair_facts, reply_splits
from supportnet.training.splits import build_vocabulary
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

    Example:
        >>> trained = train_replier("tickets.csv", out="runs/replies", data_options={"reply_column": "answer"})
        >>> trained.model.reply(["where is my parcel?"])[0].text
    """
    start = Start.of(init, embeddings, require_coverage)
    of_architecture = DEFAULTS_BY_ARCHITECTURE.get(str(options.get("architecture")), {})
    defaults = {**NETWORK_DEFAULTS, **of_architecture, **start.network_options}
    network, training = split_options(options, ReplyConfig, defaults, preset)
    start.check(network)
    dataset = data if isinstance(data, TicketDataset) else load(data, **(data_options or {}))
    train_tickets, validation = reply_splits(dataset, training.validation_share, training.seed)
    folder = None if out is None else Path(out)
    made = {"task": "reply", "network": asdict(network), "training": asdict(training), "start": start.facts}
    made["data"] = pair_facts(dataset, train_tickets, validation)
    if folder is not None:
        check_folder(folder, made, resume)

    keras.utils.set_random_seed(training.seed)
    texts = [ticket.text for ticket in train_tickets]
    pieces = _pieces(train_tickets, network.num_pieces, training.min_count)
    model = Replier(network, start.vocabulary or build_vocabulary(texts, network, training.min_count), pieces)
    model.warn_if_cut([*texts, *(ticket.text for ticket in validation)])
    coverage = start.apply(model, texts, training.seed, progress_bar)
    if folder is not None:
        begin(folder, made)
    pretrained = None
    if training.pretraining_epochs:
        pretrained = pretrain_replier(model, train_tickets, validation, training, folder, progress_bar)
    held_out = ReplyPairs.of(validation, model) if validation else None
    progress = fit_replier(model, ReplyPairs.of(train_tickets, model), held_out, training, folder, progress_bar)
    if validation:
        model.handoff = fit_handoff(model, validation, training.quality, training.seed)
    metrics = {**best_metrics(progress.history, progress.best_epoch), "perplexity": _perplexity(progress)}
    if pretrained is not None:
        metrics["pretraining_perplexity"] = _perplexity(pretrained)
    model.origin = {"data": made["data"], "validation": metrics}
    if folder is not None:
        save_replier(folder, model)
        save_course(folder, model, progress.history, metrics)
    return TrainedReplier(model, metrics, progress.history, coverage)


def _pieces(tickets: Sequence[Ticket], num_pieces: int, min_count: int) -> BytePairVocabulary:
    replies = [ticket.reply or "" for ticket in tickets]
    constants = constants_of(zip((ticket.text for ticket in tickets), replies, conversations_of(tickets), strict=True))
    return BytePairVocabulary.train(slotted_all(replies, constants), num_pieces, min_count, constants)


def _perplexity(progress: Progress) -> float | None:
    """That of the best epoch on validation."""
    log_loss = progress.history[progress.best_epoch].get("val_log_loss")
    return None if log_loss is None else math.exp(log_loss)
