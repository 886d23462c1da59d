"""The full Transformer on token ids."""

import inspect
import warnings
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

import supportnet
from supportnet.backbones.article import build_transformer
from supportnet.errors import UserError

SIZES: dict[str, Any] = {
    "vocab_size": 11,
    "embedding_dim": 8,
    "hidden_dim": 12,
    "num_layers": 2,
    "num_heads": 2,
    "dropout_rate": 0.1,
    "max_length": 9,
}
SOURCE = np.array([[4, 8, 10, 5], [3, 2, 0, 0], [0, 0, 0, 0]], "int32")
TARGET = np.array([[1, 7, 6], [1, 9, 0], [1, 3, 4]], "int32")


@pytest.fixture(scope="module", params=["pre", "post"])
def model(request: pytest.FixtureRequest) -> keras.Model:
    keras.utils.set_random_seed(0)
    return build_transformer(**SIZES, norm=request.param)


def call(model: keras.Model, source: Any = SOURCE, target: Any = TARGET) -> np.ndarray:
    return ops.convert_to_numpy(model({"source_ids": ops.array(source), "target_ids": ops.array(target)}))


def test_the_signature_is_the_articles() -> None:
    assert list(inspect.signature(build_transformer).parameters) == [*SIZES, "norm"]
    assert supportnet.build_transformer is build_transformer


def test_it_is_a_functional_model_of_ids(model: keras.Model) -> None:
    assert type(model).__name__ == "Functional"
    assert {name: (each.shape, each.dtype) for name, each in model.input.items()} == dict.fromkeys(
        ("source_ids", "target_ids"), ((None, None), "int32")
    )
    assert (model.output.shape, model.output.dtype) == ((None, None, 11), "float32")
    assert call(model).shape == (3, 3, 11)


def test_one_table_serves_source_target_and_output(model: keras.Model) -> None:
    assert [weight.path for weight in model.weights if 11 in weight.shape] == ["embed/embeddings"]


def test_logits_are_float32_in_half_precision() -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_transformer(**SIZES)
    finally:
        keras.config.set_dtype_policy("float32")
    assert keras.backend.standardize_dtype(model.output.dtype) == call(model).dtype.name == "float32"
    assert np.isfinite(call(model)).all()


def test_a_later_target_changes_no_earlier_logits(model: keras.Model) -> None:
    for time in (1, 2):
        changed = TARGET.copy()
        changed[:, time:] = 5
        np.testing.assert_allclose(call(model, SOURCE, changed)[:, :time], call(model)[:, :time], atol=1e-5)
        assert np.abs(call(model, SOURCE, changed) - call(model))[:, time:].max() > 1e-2


def test_padding_changes_nothing(model: keras.Model) -> None:
    logits = call(model)
    np.testing.assert_allclose(call(model, np.pad(SOURCE, ((0, 0), (0, 3)))), logits, atol=1e-5)
    np.testing.assert_allclose(call(model, SOURCE, np.pad(TARGET, ((0, 0), (0, 3))))[:, :3], logits, atol=1e-5)
    np.testing.assert_allclose(call(model, SOURCE[1:2, :2], TARGET[1:2, :2])[0], logits[1, :2], atol=1e-5)


def test_every_token_of_the_source_counts(model: keras.Model) -> None:
    for place in range(4):
        changed = SOURCE.copy()
        changed[0, place] = 9
        assert (np.abs(call(model, changed)[0] - call(model)[0]).max(axis=-1) > 1e-4).all()


def test_a_saved_model_gives_the_same(model: keras.Model, tmp_path: Any) -> None:
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(call(keras.saving.load_model(tmp_path / "model.keras")), call(model))


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_a_training_step_reaches_every_weight(norm: str) -> None:
    keras.utils.set_random_seed(0)
    model = build_transformer(**SIZES, norm=norm)
    before = model.get_weights()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile(keras.optimizers.SGD(1.0), loss, jit_compile=False)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Gradients do not exist")
        model.train_on_batch({"source_ids": SOURCE, "target_ids": TARGET}, np.roll(TARGET, -1, axis=1))
    for weight, old, new in zip(model.weights, before, model.get_weights(), strict=True):
        # A bias of the keys adds the same to all scores of a query: softmax doesn't see it.
        if weight.trainable and not weight.path.endswith("key/bias"):
            assert not np.array_equal(old, new), weight.path


def test_it_learns_to_copy() -> None:
    """Three letters after a start token: to copy them it must look at the source, in order."""
    keras.utils.set_random_seed(0)
    model = build_transformer(6, 16, 32, num_layers=1, num_heads=2, dropout_rate=0.0, max_length=4)
    source = np.random.default_rng(0).integers(2, 6, (512, 3)).astype("int32")
    target = np.concatenate([np.ones((512, 1), "int32"), source[:, :2]], axis=1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.005), loss, jit_compile=False)
    model.fit({"source_ids": source, "target_ids": target}, source, epochs=10, batch_size=32, verbose=0)
    assert (call(model, source, target).argmax(axis=-1) == source).mean() > 0.98


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("vocab_size", 0, "must be at least 1"),
        ("embedding_dim", 8.0, "must be a whole number"),
        ("hidden_dim", -1, "must be at least 1"),
        ("num_layers", 0, "must be at least 1"),
        ("num_heads", 3, r"must be at least 1 and divide embedding_dim \(8\)"),
        ("dropout_rate", 1.0, "must be at least 0 and below 1"),
        ("max_length", 0, "must be at least 1"),
        ("norm", "both", "must be one of pre, post"),
    ],
)
def test_errors_name_the_argument_and_the_value(name: str, value: Any, rule: str) -> None:
    with pytest.raises(UserError, match=f"^{name} {rule}. Received: {name}={value!r}$"):
        build_transformer(**{**SIZES, name: value})
