"""The encoder: its numbers beside NumPy's, what is trained of it, and what every layer promises."""

import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tiny_encoders
from keras import ops
from tiny_encoders import ACTIVATIONS, CONFIGS, DEPTH, IDS, LAYERS, LENGTHS, MASK, POSITIONS, tensors_of, write_folder

from supportnet.errors import UserError
from supportnet.pretrained import PretrainedEncoder, SentencePooling, load_encoder, read_folder
from supportnet.pretrained.block import PretrainedBlock
from supportnet.pretrained.encoder import quantized

SIZES = {"vocab_size": 11, "embedding_dim": 8, "hidden_dim": 12, "num_layers": 3, "num_heads": 2, "max_length": 7}
VECTORS = np.random.default_rng(0).normal(size=(3, 6, 8)).astype("float32")
NAMES = {"gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "relu": "relu"}


def numbers(tensor: Any) -> np.ndarray:
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


def randomized(encoder: PretrainedEncoder) -> PretrainedEncoder:
    """Weights of which no two are alike, far from where training begins."""
    encoder.build()
    random = np.random.default_rng(1)
    for weight in encoder.weights:
        if weight.dtype == "float32" and "scale" not in weight.path:
            weight.assign(weight.numpy() + random.normal(scale=0.3, size=weight.shape).astype("float32"))
    return encoder


@pytest.fixture(params=list(CONFIGS))
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_states_are_those_of_numpy(kind: str, activation: str, tmp_path: Path) -> None:
    named = {"hidden_act" if kind == "bert" else "activation": activation}
    folder = read_folder(write_folder(tmp_path, kind, **named))
    assert folder.sizes["activation"] == NAMES[activation]
    encoder = load_encoder(folder, word_table="float32")
    found = numbers(encoder(IDS, mask=MASK))
    for row, length in enumerate(LENGTHS):
        expected = tiny_encoders.states(kind, tensors_of(kind), IDS[row, :length], activation)
        np.testing.assert_allclose(found[row, :length], expected, atol=2e-5)


def test_the_int8_table_is_near(kind: str, tmp_path: Path) -> None:
    folder = read_folder(write_folder(tmp_path, kind))
    exact, rounded = load_encoder(folder, word_table="float32"), load_encoder(folder)
    assert (rounded.words.dtype, tuple(rounded.words.shape)) == ("int8", (11, 8))
    table = numbers(rounded.words) * numbers(rounded.word_scales)
    assert np.abs(table - numbers(exact.words)).max() <= numbers(rounded.word_scales).max() * 0.501
    pool = SentencePooling()
    vectors = [numbers(pool(encoder(IDS, mask=MASK), mask=MASK)) for encoder in (exact, rounded)]
    assert np.min(np.sum(vectors[0] * vectors[1], axis=1)) > 0.9995


def test_rows_of_whole_numbers() -> None:
    table = np.random.default_rng(0).normal(size=(50, 16)).astype("float32") * np.logspace(-6, 3, 50)[:, None]
    table[7] = 0.0
    rows, scales = quantized(table.astype("float32"))
    assert (rows.dtype, scales.dtype, scales.shape) == ("int8", "float32", (50, 1))
    assert np.abs(rows).max(axis=1).tolist() == [0 if row == 7 else 127 for row in range(50)]
    assert (np.abs(rows * scales - table) <= scales * 0.501).all()


def test_padding_changes_nothing(kind: str, tmp_path: Path) -> None:
    encoder = load_encoder(read_folder(write_folder(tmp_path, kind)))
    whole = numbers(encoder(IDS, mask=MASK))
    other = numbers(encoder(np.where(MASK, IDS, 9), mask=MASK))
    np.testing.assert_allclose(other[MASK], whole[MASK], atol=1e-5)
    for row, length in enumerate(LENGTHS):
        alone = numbers(encoder(IDS[row : row + 1, :length], mask=MASK[row : row + 1, :length]))
        np.testing.assert_allclose(alone[0], whole[row, :length], atol=1e-5)


def test_a_message_without_tokens_is_finite() -> None:
    encoder = randomized(PretrainedEncoder(**SIZES))
    assert np.isfinite(numbers(encoder(IDS, mask=np.zeros_like(MASK)))).all()


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("blocks", [0, 1, 3])
def test_states_of_lower_blocks(blocks: int, policy: str) -> None:
    encoder = randomized(PretrainedEncoder(**SIZES, dtype=policy))
    lower = encoder.states(IDS, MASK, upto=blocks)
    np.testing.assert_allclose(
        numbers(encoder.from_states(lower, MASK, start=blocks)), numbers(encoder(IDS, mask=MASK)), atol=1e-6
    )


def test_states_build_the_encoder() -> None:
    encoder = PretrainedEncoder(**SIZES)
    assert encoder.states(IDS, MASK, upto=0).shape == (3, 6, 8)
    again = PretrainedEncoder(**SIZES)
    assert again.from_states(VECTORS, MASK, start=2).shape == (3, 6, 8)


def trained(encoder: PretrainedEncoder) -> set[str]:
    return {weight.path.split("/")[-3] for weight in encoder.trainable_weights if "norm" not in weight.path}


@pytest.mark.parametrize("blocks", [0, 1, 3])
def test_only_upper_blocks_are_trained(blocks: int) -> None:
    encoder = PretrainedEncoder(**SIZES, trainable_blocks=blocks, dropout_rate=0.1)
    encoder.build()
    upper = {f"block_{number}" for number in range(3 - blocks, 3)}
    assert (len(encoder.trainable_weights), trained(encoder)) == (12 * blocks, upper)
    assert encoder.frozen_blocks == 3 - blocks
    encoder.trainable = False
    assert encoder.trainable_weights == []
    encoder.trainable = True
    assert trained(encoder) == upper
    model = keras.Sequential([keras.layers.Identity(), encoder])
    model.trainable = False
    model.trainable = True
    assert trained(encoder) == upper


def test_frozen_when_made() -> None:
    encoder = PretrainedEncoder(**SIZES, trainable_blocks=2, trainable=False)
    encoder.build()
    assert not any(weight.trainable for weight in encoder.weights)


def test_frozen_blocks_have_no_dropout() -> None:
    """States of them can be computed once, and training on these is training on whole calls."""
    keras.utils.set_random_seed(0)
    encoder = randomized(PretrainedEncoder(**SIZES, trainable_blocks=1, dropout_rate=0.5))
    assert [block.dropout_rate for block in encoder.blocks] == [0.0, 0.0, 0.5]
    whole = [numbers(encoder(IDS, mask=MASK, training=True)) for _ in range(2)]
    assert not np.allclose(whole[0], whole[1])
    plain = PretrainedEncoder(**SIZES, trainable_blocks=1)
    plain.build()
    keep = [weight for weight in encoder.weights if "seed" not in weight.path]
    plain.set_weights([weight.numpy() for weight in keep])
    np.testing.assert_allclose(numbers(encoder(IDS, mask=MASK)), numbers(plain(IDS, mask=MASK)), atol=1e-6)


def test_the_dtype_of_tables_and_norms() -> None:
    encoder = PretrainedEncoder(**SIZES, dtype="mixed_float16")
    encoder.build()
    assert encoder.states(IDS, MASK, upto=0).dtype == encoder(IDS, mask=MASK).dtype == "float16"
    assert {weight.dtype for weight in encoder.weights} == {"int8", "float32"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"vocab_size": 0}, "vocab_size must be at least 1"),
        ({"embedding_dim": 2.5}, "embedding_dim must be a whole number"),
        ({"hidden_dim": 0}, "hidden_dim must be at least 1"),
        ({"num_layers": 0}, "num_layers must be at least 1"),
        ({"num_heads": 3}, "num_heads must be at least 1 and divide embedding_dim"),
        ({"max_length": 0}, "max_length must be at least 1"),
        ({"activation": "silu"}, "activation must be one of gelu, gelu_tanh, relu"),
        ({"epsilon": 0.0}, "epsilon must be above 0 and below 1"),
        ({"dropout_rate": 1.0}, "dropout_rate must be at least 0 and below 1"),
        ({"trainable_blocks": 4}, r"trainable_blocks must be at most num_layers \(3\)"),
        ({"trainable_blocks": -1}, "trainable_blocks must be at least 0"),
        ({"word_table": "int4"}, "word_table must be one of int8, float32"),
    ],
)
def test_arguments_that_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        PretrainedEncoder(**{**SIZES, **arguments})


def test_calls_that_are_refused() -> None:
    encoder = PretrainedEncoder(**SIZES)
    with pytest.raises(UserError, match=r"at most max_length=7 long. Received: length=8"):
        encoder(np.zeros((1, 8), "int32"), mask=np.ones((1, 8), bool))
    with pytest.raises(UserError, match=r"upto must be at most num_layers \(3\). Received: upto=4"):
        encoder.states(IDS, MASK, upto=4)
    with pytest.raises(UserError, match="start must be at least 0"):
        encoder.from_states(VECTORS, MASK, start=-1)
    with pytest.raises(UserError, match=r"num_heads must be at least 1 and divide the depth \(8\)"):
        PretrainedBlock(num_heads=3, hidden_dim=4)(VECTORS, mask=MASK)


def test_options_reach_the_encoder(tmp_path: Path) -> None:
    folder = read_folder(write_folder(tmp_path), max_length=6)
    encoder = load_encoder(folder, trainable_blocks=1, dropout_rate=0.2, dtype="mixed_bfloat16", name="other")
    assert tuple(encoder.positions.shape) == (6, DEPTH)
    expected = {**folder.sizes, "trainable_blocks": 1, "dropout_rate": 0.2, "word_table": "int8", "name": "other"}
    assert encoder.get_config().items() >= expected.items()
    assert encoder.num_layers == LAYERS
    assert folder.num_positions == POSITIONS


#: Name -> layer, arguments, inputs, call; the rest of what layers promise is in tests/layers/test_layer_contract.py.
INPUTS = {"piece_ids": IDS, "mask": MASK}
CASES: dict[str, tuple[Any, dict[str, Any], dict[str, np.ndarray]]] = {
    "int8": (PretrainedEncoder, {**SIZES, "trainable_blocks": 3, "dropout_rate": 0.1}, INPUTS),
    "float32": (PretrainedEncoder, {**SIZES, "trainable_blocks": 2, "word_table": "float32"}, INPUTS),
    "frozen": (PretrainedEncoder, {**SIZES, "activation": "relu", "epsilon": 1e-5}, INPUTS),
    "block": (PretrainedBlock, {"num_heads": 2, "hidden_dim": 12, "dropout_rate": 0.1}, {"x": VECTORS, "mask": MASK}),
    "mean": (SentencePooling, {}, {"x": VECTORS, "mask": MASK}),
    "cls": (SentencePooling, {"pooling": "cls", "unit_length": False}, {"x": VECTORS, "mask": MASK}),
}


def model_of(name: str, **options: Any) -> keras.Model:
    keras.utils.set_random_seed(0)
    layer, arguments, arrays = CASES[name]
    inputs = {
        key: keras.Input((None, *array.shape[2:]), dtype=str(array.dtype), name=key) for key, array in arrays.items()
    }
    first, mask = inputs.values()
    return keras.Model(inputs, layer(**arguments, **options)(first, mask=mask))


@pytest.mark.parametrize("name", CASES)
def test_the_configuration_makes_the_same_layer(name: str) -> None:
    kind, arguments, _ = CASES[name]
    layer = kind(**arguments, name="a_name", dtype="mixed_bfloat16")
    config = layer.get_config()
    again = kind.from_config(config)
    assert config.items() >= arguments.items()
    assert again.get_config() == config
    assert (again.name, again.dtype_policy.name) == ("a_name", "mixed_bfloat16")


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("name", CASES)
def test_symbolic_and_eager_calls_agree(name: str, policy: str) -> None:
    model, inputs = model_of(name, dtype=policy), CASES[name][2]
    symbolic, eager = model.output, model(inputs)
    assert symbolic.shape[-1] == eager.shape[-1] == DEPTH
    assert len(symbolic.shape) == len(eager.shape)
    assert keras.backend.standardize_dtype(eager.dtype) == symbolic.dtype == keras.DTypePolicy(policy).compute_dtype


@pytest.mark.parametrize("name", CASES)
def test_half_precision_is_near_float32(name: str) -> None:
    full, inputs = model_of(name), CASES[name][2]
    for policy in ("mixed_float16", "mixed_bfloat16"):
        half = model_of(name, dtype=policy)
        half.set_weights(full.get_weights())
        np.testing.assert_allclose(numbers(half(inputs)), numbers(full(inputs)), atol=0.08)


@pytest.mark.parametrize("name", ["int8", "float32", "block"])
def test_a_training_step_reaches_every_trained_weight_and_no_other(name: str) -> None:
    model, inputs = model_of(name), CASES[name][2]
    before = model.get_weights()
    model.compile(keras.optimizers.SGD(1.0), loss="mse", jit_compile=False)
    model.train_on_batch(inputs, VECTORS)
    for weight, old, new in zip(model.weights, before, model.get_weights(), strict=True):
        # Dropout counts how often it was asked.
        if "seed" not in weight.path:
            assert np.isfinite(new).all()
            assert weight.trainable != np.array_equal(old, new), weight.path


@pytest.mark.parametrize("name", CASES)
def test_a_saved_model_gives_the_same(name: str, tmp_path: Path) -> None:
    model, inputs = model_of(name), CASES[name][2]
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(numbers(again(inputs)), numbers(model(inputs)))
    assert [weight.trainable for weight in again.weights] == [weight.trainable for weight in model.weights]


def test_a_file_of_weights_needs_no_folder(tmp_path: Path) -> None:
    encoder = load_encoder(read_folder(write_folder(tmp_path / "model")), name="encoder")
    again = PretrainedEncoder.from_config(encoder.get_config())
    ids, mask = keras.Input((None,), dtype="int32"), keras.Input((None,), dtype="bool")
    run, reader = (keras.Model([ids, mask], each(ids, mask=mask)) for each in (encoder, again))
    run.save_weights(tmp_path / "run.weights.h5")
    reader.load_weights(tmp_path / "run.weights.h5")
    np.testing.assert_array_equal(numbers(again(IDS, mask=MASK)), numbers(encoder(IDS, mask=MASK)))


def test_no_private_member_of_keras_is_overridden() -> None:
    layer = keras.layers.Layer()
    for kind in (PretrainedBlock, PretrainedEncoder, SentencePooling):
        own = {name for name in vars(kind) if re.match("_[a-z]", name) and callable(getattr(kind, name))}
        assert {name for name in own if hasattr(layer, name)} == set()
