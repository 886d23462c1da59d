"""What every layer promises: configuration, symbolic call, training, saving, dtype policies."""

import ast
import json
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from inspect import isabstract, isclass
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
from keras import ops
from stack_table import DECODERS, ENCODERS

import supportnet.layers
from supportnet.layers import (
    AttentionBlock,
    CausalBlock,
    CausalSelfAttention,
    ConvBlock,
    CrossAttentionBlock,
    DecoderBlock,
    LayerNorm,
    MaskedPooling,
    MeanSimilarity,
    MultiHeadAttention,
    NgramScores,
    PairEmbedding,
    Phrases,
    PositionalEncoding,
    ScaledCosine,
    TokenEmbedding,
)

VECTORS = np.random.default_rng(0).normal(size=(3, 5, 8)).astype("float32")
# The last message has no tokens.
MASK = np.arange(5) < np.array([[5], [2], [0]])
SEQUENCE = {"x": VECTORS, "mask": MASK}
WITH_MEMORY = {"x": VECTORS[:, :4], "memory": VECTORS[::-1].copy(), "mask": MASK}
TOKENS = {
    "token_ids": np.where(MASK, [[3, 4, 5, 3, 6]], 0).astype("int32"),
    "mask": MASK,
    "word_index": np.where(MASK, [[0, 1, 2, 0, 3]], 0).astype("int32"),
    "subword_ids": np.array([0, 6, 2, 1, 0, 4], "int32"),
    "subword_segments": np.array([0, 0, 0, 1, 3, 3], "int32"),
}


class Case(NamedTuple):
    """A layer, what it is called with, and how."""

    layer: type[keras.layers.Layer]
    arguments: dict[str, Any]
    inputs: dict[str, Any]
    call: Callable[[Any, dict[str, Any]], Any]
    #: Whether the depth of what it returns is known before it is called.
    known_depth: bool = True


def _with_mask(layer: Any, inputs: dict[str, Any]) -> Any:
    return layer(inputs["x"], mask=inputs["mask"])


def _with_memory(layer: Any, inputs: dict[str, Any]) -> Any:
    return layer(inputs["x"], inputs["memory"], memory_mask=inputs["mask"])


def _alone(layer: Any, inputs: dict[str, Any]) -> Any:
    return layer(inputs["x"])


def _all_scores(layer: Any, inputs: dict[str, Any]) -> Any:
    found = dict(layer(inputs))
    return ops.concatenate([ops.expand_dims(found.pop("known_words"), -1), *found.values()], axis=-1)


BLOCK = {"num_heads": 2, "hidden_dim": 12, "dropout_rate": 0.1}

CASES = [
    Case(LayerNorm, {"epsilon": 1e-4}, {"x": VECTORS}, _alone),
    Case(MultiHeadAttention, {"num_heads": 2, "dropout_rate": 0.1}, SEQUENCE, _with_mask),
    Case(AttentionBlock, {**BLOCK, "norm": "pre"}, SEQUENCE, _with_mask),
    Case(AttentionBlock, {**BLOCK, "norm": "post"}, SEQUENCE, _with_mask),
    Case(CausalSelfAttention, {"num_heads": 2, "dropout_rate": 0.1}, {"x": VECTORS}, _alone),
    Case(CausalSelfAttention, {"num_heads": 2}, SEQUENCE, _with_mask),
    Case(CausalBlock, {**BLOCK, "norm": "pre"}, SEQUENCE, _with_mask),
    Case(CrossAttentionBlock, {**BLOCK, "norm": "pre"}, WITH_MEMORY, _with_memory),
    Case(DecoderBlock, {**BLOCK, "norm": "pre"}, WITH_MEMORY, _with_memory),
    Case(DecoderBlock, {**BLOCK, "norm": "post"}, WITH_MEMORY, _with_memory),
    Case(ConvBlock, {"hidden_dim": 6, "dilation": 2, "dropout_rate": 0.1}, SEQUENCE, _with_mask),
    *(Case(*made, SEQUENCE, _with_mask) for made in ENCODERS),
    *(Case(*made, WITH_MEMORY, _with_memory) for made in DECODERS),
    Case(MaskedPooling, {}, SEQUENCE, _with_mask),
    Case(
        TokenEmbedding,
        {"vocab_size": 7, "embedding_dim": 8, "num_buckets": 7, "word_dropout": 0.1},
        TOKENS,
        lambda layer, inputs: layer(inputs),
    ),
    Case(
        NgramScores,
        {"num_intents": 4, "vocab_size": 7, "num_pairs": 9, "num_buckets": 7},
        TOKENS,
        _all_scores,
    ),
    Case(Phrases, {"num_filters": 3, "dilation": 2}, SEQUENCE, _with_mask),
    Case(PairEmbedding, {"num_pairs": 9, "embedding_dim": 8}, TOKENS, lambda layer, inputs: layer(inputs["token_ids"])),
    Case(
        ScaledCosine,
        {"num_branches": 5},
        # Short vectors: scores of all sizes have the same relative error in half precision.
        {"messages": VECTORS / 8, "candidates": VECTORS[:2] / 8},
        lambda layer, inputs: layer(inputs["messages"], inputs["candidates"]),
        known_depth=False,
    ),
    Case(MeanSimilarity, {"num_intents": 3}, {"x": VECTORS}, _alone),
    Case(PositionalEncoding, {"max_length": 9}, {"x": VECTORS}, _alone),
]


@pytest.fixture(
    params=CASES, ids=lambda case: "-".join([case.layer.__name__, *filter(None, [case.arguments.get("norm")])])
)
def case(request: pytest.FixtureRequest) -> Case:
    keras.utils.set_random_seed(0)
    return request.param


def model_of(case: Case, **options: Any) -> keras.Model:
    inputs = {
        name: keras.Input((None, *array.shape[2:]) if array.ndim > 1 else (), dtype=str(array.dtype), name=name)
        for name, array in case.inputs.items()
    }
    return keras.Model(inputs, case.call(case.layer(**case.arguments, **options), inputs))


def numbers(tensor: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32"))


def test_the_configuration_makes_the_same_layer(case: Case) -> None:
    layer = case.layer(**case.arguments, name="a_name", dtype="mixed_bfloat16")
    config = layer.get_config()
    again = case.layer.from_config(config)
    assert config.items() >= case.arguments.items()
    assert again.get_config() == config
    assert (again.name, again.dtype_policy.name) == ("a_name", "mixed_bfloat16")


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_symbolic_and_eager_calls_agree(case: Case, policy: str) -> None:
    model = model_of(case, dtype=policy)
    symbolic, eager = model.output, model(case.inputs)
    assert len(symbolic.shape) == len(eager.shape)
    assert all(known in (None, size) for known, size in zip(symbolic.shape, eager.shape, strict=True))
    assert symbolic.shape[-1] == (eager.shape[-1] if case.known_depth else None)
    computed = keras.DTypePolicy(policy).compute_dtype
    assert keras.backend.standardize_dtype(eager.dtype) == symbolic.dtype == computed


def test_half_precision_is_near_float32(case: Case) -> None:
    full = model_of(case)
    expected = numbers(full(case.inputs))
    for policy in ("mixed_float16", "mixed_bfloat16"):
        half = model_of(case, dtype=policy)
        half.set_weights(full.get_weights())
        assert {weight.dtype for weight in half.trainable_weights} <= {"float32"}
        np.testing.assert_allclose(numbers(half(case.inputs)), expected, atol=0.08)


def test_a_training_step_reaches_every_weight(case: Case) -> None:
    model = model_of(case)
    before = model.get_weights()
    model.compile(keras.optimizers.SGD(1.0), loss="mse", jit_compile=False)
    # Not the same in every column: what is normalized is as far from that whatever it is.
    wanted = np.random.default_rng(1).normal(size=model(case.inputs).shape)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Gradients do not exist")
        loss = model.train_on_batch(case.inputs, wanted.astype("float32"))
    assert np.isfinite(loss)
    for weight, old, new in zip(model.weights, before, model.get_weights(), strict=True):
        assert np.isfinite(new).all(), weight.path
        # A bias of the keys adds the same to all scores of a query: softmax doesn't see it.
        if weight.trainable and not weight.path.endswith("key/bias"):
            assert not np.array_equal(old, new), weight.path


def test_a_saved_model_gives_the_same(case: Case, tmp_path: Any) -> None:
    model = model_of(case)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(numbers(again(case.inputs)), numbers(model(case.inputs)))


def test_every_layer_has_a_case() -> None:
    exported = [getattr(supportnet.layers, name) for name in supportnet.layers.__all__]
    assert {case.layer for case in CASES} == {each for each in exported if isclass(each) and not isabstract(each)}


#: Loads each model, and prints which modules of the package that took.
READER = """
import sys
from pathlib import Path

import keras
import numpy as np

import supportnet.layers

for path in map(Path, sys.argv[1:]):
    model = keras.saving.load_model(path)
    output = model(dict(np.load(path.with_suffix(".npz"))))
    np.save(path.with_suffix(".npy"), keras.ops.convert_to_numpy(output))
print(sorted(name.removeprefix("supportnet.") for name in sys.modules if name.startswith("supportnet.")))
"""


@pytest.mark.slow
def test_a_new_process_reads_the_models_with_the_layers_alone(tmp_path: Path) -> None:
    expected = {}
    for number, case in enumerate(CASES):
        path = tmp_path / f"{number}.keras"
        model = model_of(case)
        model.save(path)
        np.savez(path.with_suffix(".npz"), **case.inputs)
        expected[path] = numbers(model(case.inputs))
    command = [sys.executable, "-c", READER, *map(str, expected)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    for path, output in expected.items():
        np.testing.assert_array_equal(np.load(path.with_suffix(".npy")), output)
    loaded = json.loads(done.stdout.splitlines()[-1].replace("'", '"'))
    # Of what texts are read with, the ids of special tokens alone.
    rooms = {name.split(".")[0] for name in set(loaded) - {"text", "text.special_tokens"}}
    assert rooms <= {"checks", "errors", "layers", "types", "version"}


def test_no_private_member_of_keras_is_used() -> None:
    """Neither read nor overridden: a name with an underscore is defined here, and Keras has none like it."""
    files = Path(supportnet.layers.__file__).parent.glob("*.py")
    nodes = [node for path in files for node in ast.walk(ast.parse(path.read_text("utf-8")))]
    used = {node.attr for node in nodes if isinstance(node, ast.Attribute) and re.match("_[a-z]", node.attr)}
    own = {node.name for node in nodes if isinstance(node, ast.FunctionDef) and re.match("_[a-z]", node.name)}
    layer = keras.layers.Layer()
    assert own
    assert used <= own
    assert {name for name in own if hasattr(layer, name)} == set()
