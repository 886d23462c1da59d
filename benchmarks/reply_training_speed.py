"""Tokens a second in training, beside plain Keras layers of the same size without masks or bucketing; see `replies.py`.

    python benchmarks/one_run.py '{"module": "reply_training_speed", "core": 0, "load": {"data_dir": "DIR"}}'

The network of `train --task reply --architecture transformer` on STAR, with its batches, and an encoder-decoder of
`keras.layers` that pads each message and reply to the longest that it takes. Both see the same pairs.
"""

import statistics
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

import supportnet
from supportnet.config import NetworkConfig
from supportnet.tasks import get_task
from supportnet.tasks.reply.config import ReplyConfig
from supportnet.tasks.reply.data import ReplyPairs, token_batches, training_replies
from supportnet.tasks.reply.fit import ReplyModel
from supportnet.tasks.reply.model import Replier
from supportnet.text.byte_pairs import START_ID
from supportnet.training.optimizer import compile_for_training
from supportnet.training.splits import build_vocabulary

#: Batches that are timed at a time, and rounds; the median round counts.
BATCHES, ROUNDS = 20, 5


def measured(spec: dict[str, Any]) -> dict[str, Any]:
    """Time both in turns.

    Args:
        spec: `load`, arguments of `supportnet.load`.

    Returns:
        For `supportnet` and `keras_layers`: `tokens_per_second`, padding aside; `positions_per_second`, with it;
        `padding`, its share; `parameters`. And `ratio`, the first figure of ours by theirs.
    """
    keras.utils.set_random_seed(0)
    config = ReplyConfig()
    model, pairs = prepared(spec)
    batches = token_batches(pairs.sources, pairs.targets, config.batch_tokens, 0, 0)
    ours = ReplyModel.of(model.network, config)
    compile_for_training(ours, config, steps=len(batches))
    encoded = training_replies(model, pairs, config.batch_tokens, 0, range(1)).take(BATCHES).cache()
    theirs = plain_network(model.config, len(model.vocabulary), len(model.pieces))
    padded, rows = padded_batches(model, pairs, config.batch_tokens)
    seconds: dict[str, list[float]] = {"supportnet": [], "keras_layers": []}
    for _ in range(ROUNDS + 1):
        seconds["supportnet"].append(fit_seconds(ours, encoded))
        seconds["keras_layers"].append(fit_seconds(theirs, padded))
    shape = model.config.max_length + model.config.max_reply_length
    counts = {
        "supportnet": sizes(pairs, batches[:BATCHES]),
        "keras_layers": (int((pairs.sources + pairs.targets)[rows].sum()), len(rows) * shape),
    }
    # The first round compiles.
    found = {name: figures(counts[name], statistics.median(times[1:])) for name, times in seconds.items()}
    tokens, positions = sizes(pairs, batches)
    found["supportnet"]["padding_of_an_epoch"] = 1 - tokens / positions
    found["supportnet"]["parameters"], found["keras_layers"]["parameters"] = ours.count_params(), theirs.count_params()
    return {**found, "ratio": found["supportnet"]["tokens_per_second"] / found["keras_layers"]["tokens_per_second"]}


def prepared(spec: dict[str, Any]) -> tuple[Replier, ReplyPairs]:
    """A fresh model of the default size, and the training pairs of STAR."""
    task = get_task("reply")
    network, training = task.configs({"architecture": "transformer"})
    split = task.split(supportnet.load("star", **spec["load"]), training)
    model = task.build(network, build_vocabulary(split.texts, network, training.min_count), split)
    return model, ReplyPairs.of(split.tickets, model)


def plain_network(config: NetworkConfig, vocab_size: int, num_pieces: int) -> keras.Model:
    """An encoder-decoder of plain layers, compiled, that knows no mask."""
    depth, heads = config.embedding_dim, config.num_heads
    message, before = (keras.Input((n,), dtype="int32") for n in (config.max_length, config.max_reply_length))
    source = _positions(layers.Embedding(vocab_size, depth)(message), config.max_length)
    for _ in range(config.num_layers):
        source = _attend(source, source, heads, depth)
        source = _feed_forward(source, config.hidden_dim, depth)
    target = _positions(layers.Embedding(num_pieces, depth)(before), config.max_reply_length)
    for _ in range(config.num_layers):
        target = _attend(target, target, heads, depth, use_causal_mask=True)
        target = _attend(target, source, heads, depth)
        target = _feed_forward(target, config.hidden_dim, depth)
    network = keras.Model([message, before], layers.Dense(num_pieces)(target))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.AdamW(), loss, metrics=["accuracy"], jit_compile=False)
    return network


def padded_batches(model: Replier, pairs: ReplyPairs, tokens: int) -> tuple[tf.data.Dataset, Any]:
    """As many batches of as many positions, each text padded to the greatest length; and the rows that they hold."""
    long, short = model.config.max_length, model.config.max_reply_length
    size = tokens // (long + short)
    rows = np.random.default_rng(0).permutation(len(pairs))[: size * BATCHES]
    message, targets = np.zeros((len(rows), long), "int32"), np.zeros((len(rows), short), "int32")
    for row, index in enumerate(rows):
        ids = model.preprocessor([pairs.texts[index]])["token_ids"].numpy()[0]
        message[row, : len(ids)] = ids
        targets[row, : len(pairs.pieces[index])] = pairs.pieces[index]
    before = np.pad(targets[:, :-1], [(0, 0), (1, 0)], constant_values=START_ID)
    return tf.data.Dataset.from_tensor_slices(((message, before), targets)).batch(size).cache(), rows


def fit_seconds(model: keras.Model, batches: tf.data.Dataset) -> float:
    """Train on all batches once."""
    started = time.perf_counter()
    model.fit(batches, verbose=0)
    return time.perf_counter() - started


def sizes(pairs: ReplyPairs, batches: list[Any]) -> tuple[int, int]:
    """The tokens that batches hold, and their positions, padding included."""
    held = sum(len(batch) * int(pairs.sources[batch].max() + pairs.targets[batch].max()) for batch in batches)
    return sum(int((pairs.sources + pairs.targets)[batch].sum()) for batch in batches), held


def figures(counts: tuple[int, int], seconds: float) -> dict[str, float]:
    """What counts of tokens and positions are, a second."""
    tokens, positions = counts
    return {
        "tokens_per_second": tokens / seconds,
        "positions_per_second": positions / seconds,
        "padding": 1 - tokens / positions,
    }


def _positions(x: Any, length: int) -> Any:
    table = layers.Embedding(length, x.shape[-1])
    return x + table(keras.ops.arange(length))


def _attend(x: Any, seen: Any, heads: int, depth: int, **options: Any) -> Any:
    attention = layers.MultiHeadAttention(heads, depth // heads, dropout=0.1)
    return layers.LayerNormalization()(x + layers.Dropout(0.1)(attention(x, seen, **options)))


def _feed_forward(x: Any, hidden_dim: int, depth: int) -> Any:
    inner = layers.Dense(depth)(layers.Dense(hidden_dim, activation="relu")(x))
    return layers.LayerNormalization()(x + layers.Dropout(0.1)(inner))
