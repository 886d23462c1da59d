"""Greedy decoding by CTranslate2, on random weights: what a user would pick instead where replies must come fast.

    python benchmarks/one_run.py '{"module": "reply_speed_peers", "core": 0}'

A Transformer of the same size as the package's, written as a model specification, so that nothing else is needed.
Needs ctranslate2: pip install '.[benchmarks]'.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import ctranslate2
import numpy as np
import numpy.typing as npt
from ctranslate2.specs import TransformerSpec

#: How weights and activations are computed.
COMPUTE_TYPES = ("float32", "int8")
#: Messages a call, calls that are timed of each, and tokens of each message and each reply.
BATCH_SIZES, REPEATS, SOURCE_LENGTH, REPLY_LENGTH = (1, 8), 100, 32, 32
#: The first tokens of the vocabulary, by the names that CTranslate2 knows them by.
SPECIAL = ("<unk>", "<s>", "</s>")


@dataclass(frozen=True)
class Sizes:
    """How large the Transformer is; encoder and decoder have `num_layers` each."""

    vocab_size: int = 8000
    depth: int = 256
    hidden_dim: int = 1024
    num_layers: int = 2
    num_heads: int = 4


class Call(NamedTuple):
    """Seconds that a call took: by the clock, and of all threads of the process."""

    wall: float
    cpu: float


def measured(spec: dict[str, Any]) -> dict[str, Any]:
    """Time both compute types in turns, in a process that is held on one core; see `one_run.py`.

    Args:
        spec: `repeats`, if not as many as `REPEATS`.

    Returns:
        `ctranslate2`, its version, and `rows`, one a compute type and batch size; see `row`.
    """
    with tempfile.TemporaryDirectory() as folder:
        write_model(Path(folder), Sizes())
        decoders = {name: greedy_decoder(Path(folder), name) for name in COMPUTE_TYPES}
        rows = []
        for batch_size in BATCH_SIZES:
            calls: dict[str, list[Call]] = {name: [] for name in decoders}
            for _ in range(spec.get("repeats", REPEATS)):
                for name, decode in decoders.items():
                    calls[name].append(timed(decode, batch_size))
            rows += [row(f"CTranslate2 {name}", batch_size, found) for name, found in calls.items()]
    return {"ctranslate2": ctranslate2.__version__, "rows": rows}


def timed(decode: Callable[[int], Any], batch_size: int) -> Call:
    """Time one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    decode(batch_size)
    return Call(time.perf_counter() - wall, time.process_time() - cpu)


def row(name: str, batch_size: int, calls: Sequence[Call]) -> dict[str, Any]:
    """Return what calls took.

    Returns:
        `name`; `batch_size`; `milliseconds_per_token`: the time of the fastest call by the length of a reply, as that
        one was disturbed least; `median_milliseconds_per_token`; `cpu_milliseconds_per_token`, the least CPU time: well
        below the first if something else ran on the core; `tokens_per_second` of all replies of the fastest call.
    """
    wall, cpu = [call.wall for call in calls], [call.cpu for call in calls]
    return {
        "name": name,
        "batch_size": batch_size,
        "milliseconds_per_token": 1000 * min(wall) / REPLY_LENGTH,
        "median_milliseconds_per_token": 1000 * statistics.median(wall) / REPLY_LENGTH,
        "cpu_milliseconds_per_token": 1000 * min(cpu) / REPLY_LENGTH,
        "tokens_per_second": batch_size * REPLY_LENGTH / min(wall),
    }


def greedy_decoder(folder: Path, compute_type: str, threads: int = 1) -> Callable[[int], list[list[str]]]:
    """Load the model of `write_model`, with so many threads.

    Returns:
        A function of a batch size: it replies greedily to as many messages of `SOURCE_LENGTH` tokens, and returns the
        tokens of the replies, exactly `REPLY_LENGTH` each: the end of a reply can't come before.
    """
    translator = ctranslate2.Translator(str(folder), compute_type=compute_type, inter_threads=1, intra_threads=threads)
    source = [str(token) for token in range(len(SPECIAL), len(SPECIAL) + SOURCE_LENGTH)]

    def decode(batch_size: int) -> list[list[str]]:
        replies = translator.translate_batch(
            [source] * batch_size, beam_size=1, min_decoding_length=REPLY_LENGTH, max_decoding_length=REPLY_LENGTH
        )
        return [reply.hypotheses[0] for reply in replies]

    return decode


def write_model(folder: Path, sizes: Sizes, seed: int = 0) -> None:
    """Write a pre-norm Transformer with random weights, in float32: one embedding, also that of the output."""
    spec = TransformerSpec.from_config(sizes.num_layers, sizes.num_heads, pre_norm=True)
    weights = _Weights(sizes, seed)
    for part in (spec.encoder.embeddings[0], spec.decoder.embeddings, spec.decoder.projection):
        part.weight = weights.embedding
    for stack in (spec.encoder, spec.decoder):
        weights.norm(stack.layer_norm)
        for layer in stack.layer:
            weights.attention(layer.self_attention, [3, 1])
            if stack is spec.decoder:
                weights.attention(layer.attention, [1, 2, 1])
            weights.norm(layer.ffn.layer_norm)
            weights.linear(layer.ffn.linear_0, sizes.hidden_dim, sizes.depth)
            weights.linear(layer.ffn.linear_1, sizes.depth, sizes.hidden_dim)
    vocabulary = [*SPECIAL, *(str(token) for token in range(len(SPECIAL), sizes.vocab_size))]
    spec.register_source_vocabulary(vocabulary)
    spec.register_target_vocabulary(vocabulary)
    spec.validate()
    spec.optimize()
    spec.save(str(folder))


class _Weights:
    """Fills the parts of a specification."""

    def __init__(self, sizes: Sizes, seed: int) -> None:
        self._depth, self._random = sizes.depth, np.random.default_rng(seed)
        self.embedding = self._matrix(sizes.vocab_size, sizes.depth)

    def attention(self, part: Any, fused: list[int]) -> None:
        """The norm before it and its maps; of each, how many square ones are fused into one."""
        self.norm(part.layer_norm)
        for linear, count in zip(part.linear, fused, strict=True):
            self.linear(linear, count * self._depth, self._depth)

    def linear(self, part: Any, outputs: int, inputs: int) -> None:
        part.weight, part.bias = self._matrix(outputs, inputs), np.zeros(outputs, dtype="float32")

    def norm(self, part: Any) -> None:
        part.gamma, part.beta = np.ones(self._depth, dtype="float32"), np.zeros(self._depth, dtype="float32")

    def _matrix(self, outputs: int, inputs: int) -> npt.NDArray[np.float32]:
        return self._random.normal(0, inputs**-0.5, size=(outputs, inputs)).astype("float32")
