"""Greedy decoding in the graph, on random weights, beside CTranslate2 and a loop that keeps nothing; see `replies.py`.

    python benchmarks/one_run.py '{"module": "reply_speed", "core": 0, "load": {"data_dir": "DIR"}}'

A Transformer with an encoder and a decoder of two layers each; every reply has exactly so many pieces as are asked for.
The process is held on one core; turns are taken call by call, and the fastest call counts, as it was disturbed least.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import reply_generate_peer
import reply_training_speed
import tensorflow as tf
from reply_speed_peers import REPLY_LENGTH, SOURCE_LENGTH, Sizes, greedy_decoder, row, timed, write_model

from supportnet.backbones.backbone import Backbone, build_preprocessor
from supportnet.config import NetworkConfig
from supportnet.tasks.reply.decoding import DecodingOptions
from supportnet.tasks.reply.network import build_network
from supportnet.tasks.reply.writer import ReplyWriter, build_memory, transposed_table
from supportnet.text.byte_pairs import END_ID, START_ID
from supportnet.text.vocabulary import Vocabulary

#: Calls that are timed of each.
REPEATS = 60
#: Messages a batch, and one by one.
BATCH = 32
#: Pieces of a short and a long reply.
SHORT, LONG = 16, 256

Decode = Callable[[int], Any]


def measured(spec: dict[str, Any]) -> dict[str, Any]:
    """Time all of it.

    Args:
        spec: `load`, arguments of `supportnet.load`; `repeats`, if not as many as `REPEATS`; `all_cores`, to time
            batches on all of them.

    Returns:
        On all cores, `batch_speedup`: the throughput of 32 messages at once by that of one at a time, ours and
        CTranslate2's. On one core, `rows`, one for each way to write one reply, see `reply_speed_peers.row`;
        `cache_speedup`, how much faster than without a cache; `growth`, a piece's time in a reply of 256 by that in
        one of 16; `batch_speedup`; `training`, see `reply_training_speed.measured`.
    """
    return batches(spec) if spec.get("all_cores") else all_figures(spec)


def batches(spec: dict[str, Any]) -> dict[str, Any]:
    """Time batches, on as many cores as the process has."""
    repeats, sizes = spec.get("repeats", REPEATS), Sizes()
    ours = writer(random_network(sizes), encoded(sizes), REPLY_LENGTH)
    with tempfile.TemporaryDirectory() as folder:
        write_model(Path(folder), sizes)
        decoders = {
            "supportnet": ours,
            "CTranslate2 float32": greedy_decoder(Path(folder), "float32", len(os.sched_getaffinity(0))),
        }
        return {"batch_speedup": {name: batch_speedup(decode, repeats) for name, decode in decoders.items()}}


def all_figures(spec: dict[str, Any]) -> dict[str, Any]:
    """Time all of it on one core."""
    repeats, sizes = spec.get("repeats", REPEATS), Sizes()
    network, features = random_network(sizes), encoded(sizes)
    ours = {length: writer(network, features, length) for length in (SHORT, REPLY_LENGTH, LONG)}
    with tempfile.TemporaryDirectory() as folder:
        write_model(Path(folder), sizes)
        decoders: dict[str, Decode] = {
            "supportnet": ours[REPLY_LENGTH],
            "supportnet, without a cache": without_cache(network, features),
            **{f"CTranslate2 {name}": greedy_decoder(Path(folder), name) for name in ("float32", "int8")},
            "Hugging Face generate": reply_generate_peer.greedy_decoder(sizes),
        }
        rows = [row(name, 1, calls) for name, calls in turns(decoders, repeats).items()]
        speedups = {name: batch_speedup(decoders[name], repeats) for name in ("supportnet", "CTranslate2 float32")}
    lengths = {length: row(str(length), 1, calls) for length, calls in turns(ours, repeats).items()}
    per_piece = {length: found["milliseconds_per_token"] * REPLY_LENGTH / length for length, found in lengths.items()}
    return {
        "rows": rows,
        "cache_speedup": rows[1]["milliseconds_per_token"] / rows[0]["milliseconds_per_token"],
        "growth": per_piece[LONG] / per_piece[SHORT],
        "batch_speedup": speedups,
        "training": reply_training_speed.measured(spec),
    }


def batch_speedup(decode: Decode, repeats: int) -> float:
    """How many times as many replies a second come out of a batch as one by one."""
    fastest = {size: min(timed(decode, size).wall for _ in range(repeats // 4)) for size in (1, BATCH)}
    return BATCH * fastest[1] / fastest[BATCH]


def turns(decoders: dict[Any, Decode], repeats: int) -> dict[Any, list[Any]]:
    """Time one message at a time by each in turn."""
    for decode in decoders.values():
        decode(1)
    calls: dict[Any, list[Any]] = {name: [] for name in decoders}
    for _ in range(repeats):
        for name, decode in decoders.items():
            calls[name].append(timed(decode, 1))
    return calls


def random_network(sizes: Sizes) -> keras.Model:
    """A reply network of these sizes that nothing has trained."""
    keras.utils.set_random_seed(0)
    config = NetworkConfig(
        "transformer",
        embedding_dim=sizes.depth,
        hidden_dim=sizes.hidden_dim,
        num_layers=sizes.num_layers,
        num_heads=sizes.num_heads,
        max_reply_length=LONG,
    )
    return build_network(config, Backbone(config, sizes.vocab_size), sizes.vocab_size)


def encoded(sizes: Sizes) -> Callable[[int], dict[str, Any]]:
    """Messages as the network takes them, so many at a time, of `SOURCE_LENGTH` tokens each."""
    words = [f"word{i}" for i in range(SOURCE_LENGTH)]
    preprocessor = build_preprocessor(NetworkConfig(), Vocabulary(words))
    return lambda size: preprocessor([" ".join(words)] * size)


def reader(network: keras.Model) -> Callable[[dict[str, Any]], Any]:
    """What the decoder attends to, from the features of messages."""
    backbone, memory = network.get_layer("backbone"), build_memory(network.get_layer("head"))
    return lambda features: memory({**features, **backbone(features, training=False)}, training=False)


def writer(network: keras.Model, features: Callable[[int], dict[str, Any]], length: int) -> Decode:
    """The loop of an export; the pieces' spelling takes no part."""
    options = DecodingOptions(max_length=length, min_length=length)
    head = network.get_layer("head")
    made = ReplyWriter(head, reader(network), [b""], options, projection=transposed_table(head))
    greedy = tf.function(made.greedy, reduce_retracing=True)
    inputs = {size: features(size) for size in (1, BATCH)}
    return lambda size: greedy(inputs[size]).ids.numpy()


def without_cache(network: keras.Model, features: Callable[[int], dict[str, Any]]) -> Decode:
    """The same pieces, by a loop in the graph that decodes the whole beginning anew for each."""
    head, read = network.get_layer("head"), reader(network)
    decoder, table = head.get_layer("decoder"), head.get_layer("piece_embedding")

    @tf.function
    def write(inputs: dict[str, Any]) -> Any:
        seen, mask = read(inputs), inputs["mask"]

        def one(position: Any, ids: Any) -> tuple[Any, Any]:
            written = decoder(tf.gather(table.embeddings.value, ids), seen, memory_mask=mask, training=False)
            scores = tf.matmul(written[:, -1], table.embeddings.value, transpose_b=True)
            following = END_ID + 1 + tf.argmax(scores[:, END_ID + 1 :], axis=1, output_type=tf.int32)
            return position + 1, tf.concat([ids, following[:, None]], axis=1)

        shapes = (tf.TensorShape([]), tf.TensorShape([None, None]))
        first = tf.fill([tf.shape(mask)[0], 1], START_ID)
        return tf.while_loop(lambda position, _: position < REPLY_LENGTH, one, (0, first), shape_invariants=shapes)[1]

    inputs = features(1)
    return lambda _: write(inputs).numpy()
