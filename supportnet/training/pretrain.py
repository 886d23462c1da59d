"""Pre-training on messages without labels: some words are hidden, and the network says which they were."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from supportnet.backbones.backbone import build_preprocessor
from supportnet.backbones.heads import BranchCrossentropy, vote_accuracy, vote_log_loss
from supportnet.config import PretrainingConfig, split_options
from supportnet.data.ticket import TicketDataset
from supportnet.errors import UserError
from supportnet.text.graph import as_strings
from supportnet.text.preprocessor import TextFrontEnd
from supportnet.training.examples import epoch_order
from supportnet.training.initial_weights import PRETRAINING, Encoder, InitialWeights
from supportnet.training.loop import Loop, Objective
from supportnet.training.run_folder import begin, check_folder, fingerprint, save_network, write_metrics
from supportnet.training.splits import Sources, build_vocabulary, texts_of, unlabelled_sets

#: Of the chosen words, the share that is hidden, and the share that another word of the batch takes the place of; the
#: rest stays, but is asked for as well (Devlin et al. 2019, BERT).
HIDDEN_SHARE = 0.8
REPLACED_SHARE = 0.1


@dataclass(frozen=True)
class Pretrained:
    """What `pretrain` returns.

    Attributes:
        encoder: the encoder, with the weights of the best epoch.
        metrics: on the held-out messages, `perplexity` and `accuracy` of the words that were asked for, and
            `best_epoch`, counted from 1.
        history: one dictionary of metrics an epoch.
    """

    encoder: Encoder
    metrics: dict[str, Any]
    history: list[dict[str, float]]


def pretrain(
    data: Sources | TicketDataset,
    out: str | os.PathLike[str] | None = None,
    *,
    init: str | os.PathLike[str] | None = None,
    preset: str | None = None,
    resume: bool = False,
    progress_bar: bool = True,
    data_options: Mapping[str, Any] | None = None,
    **options: Any,
) -> Pretrained:
    """Train an embedding and an encoder to say which words were hidden in messages; labels aren't read.

    Args:
        data: names or paths of data sources, of which the training messages are taken (see
            `supportnet.data.load_unlabelled`), or one data set with a split `train` or `all`.
        out: the folder to write; None keeps nothing. See `supportnet.training.run_folder` for what it holds.
        init: an encoder that other messages were read with, to go on from: its vocabulary and sizes are kept. First
            much text of others, then your own (Gururangan et al. 2020, Don't Stop Pretraining).
        preset: `tiny`, `small` or `base`, as for `train`.
        resume: go on with what was interrupted in `out`; it ends as if it had not been.
        progress_bar: show one on standard error.
        data_options: arguments of `load_unlabelled`.
        **options: fields of `NetworkConfig` and `PretrainingConfig`.

    Returns:
        The encoder with the weights of the best epoch on held-out messages, for `train(..., init=...)`.

    Raises:
        UserError: as for `train`, also about `init`; or fewer than two messages with words in them.

    The random generators of Python, NumPy and Keras are seeded, for the whole process.

    Example (needs a training run):
        >>> pretrained = pretrain("tickets.csv", out="runs/encoder")
        >>> model = supportnet.train("labelled.csv", init="runs/encoder")
    """
    start = InitialWeights.of(init)
    network, training = split_options(options, PretrainingConfig, start.network_options, preset)
    start.check(network)
    datasets = unlabelled_sets(data, data_options or {})
    texts = texts_of(datasets)
    made = {
        "task": PRETRAINING,
        "network": asdict(network),
        "training": asdict(training),
        "start": start.facts,
        "data": {
            **{part: ", ".join(getattr(dataset, part) for dataset in datasets) for part in ("name", "licence")},
            "messages": len(texts),
            "fingerprint": fingerprint(texts),
        },
    }
    folder = None if out is None else Path(out)
    if folder is not None:
        check_folder(folder, made, resume)
    keras.utils.set_random_seed(training.seed)
    if start.encoder is None:
        encoder = Encoder.fresh(network, build_vocabulary(texts, network, training.min_count))
    else:
        encoder = replace(start.encoder, config=network, digest="")
    preprocessor = build_preprocessor(network, encoder.vocabulary)
    learned, held_out = _split(_with_words(texts, preprocessor), training)
    if folder is not None:
        # Not before there is something to learn: messages that won't do leave nothing behind.
        begin(folder, made)
    scores = {"accuracy": vote_accuracy, "log_loss": vote_log_loss}
    objective = Objective(
        encoder.network,
        lambda left: _batches(learned, preprocessor, training, left),
        -(-len(learned) // training.batch_size),
        _batches(held_out, preprocessor, training, None),
        compile_options={
            "loss": BranchCrossentropy(),
            "metrics": [keras.metrics.MeanMetricWrapper(score, name=name) for name, score in scores.items()],
        },
    )
    history = Loop(folder, progress_bar).fit(objective, training, "pre-training")
    best = history.epochs[history.best_epoch]
    metrics = {
        "perplexity": math.exp(best["val_log_loss"]),
        "accuracy": best["val_accuracy"],
        "best_epoch": history.best_epoch + 1,
    }
    if folder is not None:
        save_network(folder, encoder.vocabulary, encoder.network)
        write_metrics(folder, history.epochs, metrics)
    return Pretrained(encoder, metrics, history.epochs)


def _with_words(texts: Sequence[str], preprocessor: TextFrontEnd) -> list[str]:
    """Return the messages that have words: of the others, nothing can be asked."""
    found: list[str] = []
    for start in range(0, len(texts), 1024):
        batch = list(texts[start : start + 1024])
        real = preprocessor(batch)["mask"].numpy().any(axis=1)
        found += [text for text, has_words in zip(batch, real, strict=True) if has_words]
    if len(found) < 2:
        raise UserError(f"Pre-training needs at least two messages with words in them. Received: {len(found)}")
    return found


def _split(texts: Sequence[str], config: PretrainingConfig) -> tuple[list[str], list[str]]:
    """What is learned, and what is held out: at least one message."""
    order = np.random.default_rng(config.seed).permutation(len(texts))
    held_out = max(1, round(config.validation_share * len(texts)))
    return [texts[i] for i in sorted(order[held_out:])], [texts[i] for i in sorted(order[:held_out])]


def _batches(
    texts: Sequence[str], preprocessor: TextFrontEnd, config: PretrainingConfig, epochs: range | None
) -> tf.data.Dataset:
    """Batches of what the network takes, and the chosen words as one-hot rows `[N, V]`.

    A batch's number is the seed of what is hidden in it: other words in every epoch, but the same ones each time when
    the perplexity is measured. No number comes twice in a training, whether it was interrupted or not.

    Args:
        texts: messages with words.
        preprocessor: texts -> features.
        config: sizes and seeds.
        epochs: those of the training; None for held-out messages, in their order and with numbers that no epoch has.
    """
    strings, vocab_size = as_strings(texts), len(preprocessor.vocabulary)
    if epochs is None:
        order = tf.data.Dataset.range(len(texts)).batch(config.batch_size)
        order = order.enumerate().map(lambda number, batch: (-1 - number, batch))
    else:
        order = epoch_order(texts, config.batch_size, config.seed, epochs)
        order = order.enumerate(epochs.start * -(-len(texts) // config.batch_size))

    def encode(number: tf.Tensor, batch: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        seed = tf.stack([tf.cast(config.seed, tf.int64), number])
        features, targets = mask_words(preprocessor(tf.gather(strings, batch)), config.mask_share, seed)
        return features, tf.one_hot(targets, vocab_size)

    return order.map(encode).prefetch(2)


def mask_words(features: dict[str, tf.Tensor], share: float, seed: Any) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    """Choose words of every message and hide most of them, whole: with their character n-grams.

    Of a message with n words, `share` times n are chosen, rounded up: never none, so that a short message asks for
    something as well.

    Args:
        features: what the text front end returns, see `TextFrontEnd`, of messages with at least one word in all.
        share: of the words, in (0, 1).
        seed: int `[2]`; the same seed chooses the same words.

    Returns:
        The features, in which the replaced words are others of the batch, with two more:
            `hidden` bool `[B, T]`, True where the network must not see the word;
            `chosen` bool `[B, T]`, True where it shall say what the word was;
        and the ids of the chosen words, int32 `[N]`, message by message.

    Example:
        >>> from supportnet.text.preprocessor import TextFrontEnd
        >>> features = TextFrontEnd(["where", "parcel"])(["where is my parcel?"])
        >>> masked, targets = mask_words(features, share=0.2, seed=[0, 0])
        >>> int(masked["chosen"].numpy().sum()), len(targets)
        (1, 1)
    """
    mask = features["mask"]
    seeds = tf.random.experimental.stateless_split(seed, 3)
    # The place of each word in a random order of its message's; padding comes last.
    draws = tf.where(mask, tf.random.stateless_uniform(tf.shape(mask), seeds[0]), 2.0)
    order = tf.argsort(tf.argsort(draws, axis=1), axis=1)
    length = tf.reduce_sum(tf.cast(mask, tf.float32), axis=1, keepdims=True)
    # Less than what float32 leaves of 0.2 * 5, which would be rounded up to 2.
    chosen = mask & (tf.cast(order, tf.float32) < tf.math.ceil(share * length - 1e-4))
    fate = tf.random.stateless_uniform(tf.shape(mask), seeds[1])
    hidden = chosen & (fate < HIDDEN_SHARE)
    replaced = chosen & ~hidden & (fate < HIDDEN_SHARE + REPLACED_SHARE)
    # For every position, the flat index of a random real word of the batch.
    words = tf.where(tf.reshape(mask, [-1]))[:, 0]
    others = tf.gather(words, tf.random.stateless_uniform(tf.shape(mask), seeds[2], 0, tf.size(words), tf.int32))
    masked = {**features, "hidden": hidden, "chosen": chosen}
    for name in ("token_ids", "word_index"):
        masked[name] = tf.where(replaced, tf.gather(tf.reshape(features[name], [-1]), others), features[name])
    return masked, tf.boolean_mask(features["token_ids"], chosen)
