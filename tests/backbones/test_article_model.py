import inspect

import keras
import numpy as np
import pytest
from keras import ops

from supportnet.backbones.article import build_model
from supportnet.errors import UserError

SIZES = {
    "vocab_size": 11,
    "embedding_dim": 8,
    "hidden_dim": 6,
    "num_layers": 2,
    "num_heads": 2,
    "dropout_rate": 0.1,
}
IDS = np.array([[4, 8, 10, 1], [3, 2, 0, 0], [0, 0, 0, 0]])


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return build_model(**SIZES)


def call(model, ids):
    return ops.convert_to_numpy(model(ops.array(ids)))


def test_the_signature_is_the_articles():
    assert list(inspect.signature(build_model).parameters) == list(SIZES)
    assert build_model(*SIZES.values()).count_params() == build_model(**SIZES).count_params()


def test_it_is_a_functional_model_of_ids():
    model = build_model(**SIZES)
    assert type(model).__name__ == "Functional"
    assert (model.input.name, model.input.shape, model.input.dtype) == ("token_ids", (None, None), "int32")
    assert (model.output.shape, model.output.dtype) == ((None, None, 11), "float32")


def test_each_position_has_probabilities_over_the_vocabulary(model):
    words = call(model, IDS)
    assert (words.shape, str(words.dtype)) == ((3, 4, 11), "float32")
    assert (words >= 0).all()
    np.testing.assert_allclose(words.sum(axis=-1), np.ones((3, 4)), rtol=1e-5)


def test_probabilities_are_float32_in_half_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        words = build_model(**SIZES)(IDS)
    finally:
        keras.config.set_dtype_policy("float32")
    assert keras.backend.standardize_dtype(words.dtype) == "float32"
    np.testing.assert_allclose(ops.convert_to_numpy(words).sum(axis=-1), np.ones((3, 4)), rtol=1e-5)


def test_padding_changes_nothing(model):
    words = call(model, IDS)
    np.testing.assert_allclose(call(model, np.pad(IDS, ((0, 0), (0, 5))))[0, :4], words[0], atol=1e-5)
    np.testing.assert_allclose(call(model, IDS[1:2, :2])[0], words[1, :2], atol=1e-5)


def test_a_saved_model_gives_the_same(model, tmp_path):
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(call(keras.saving.load_model(tmp_path / "model.keras"), IDS), call(model, IDS))


def test_it_learns_to_name_the_words_it_sees():
    keras.utils.set_random_seed(0)
    model = build_model(**{**SIZES, "num_layers": 1, "dropout_rate": 0.0})
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", jit_compile=False)
    history = model.fit(np.tile(IDS[:2], (8, 1)), np.tile(IDS[:2], (8, 1)), epochs=8, batch_size=8, verbose=0)
    assert history.history["loss"][-1] < 0.75 * history.history["loss"][0]


def test_padding_counts_in_no_loss(model):
    model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
    padded = np.pad(IDS[:1], ((0, 0), (0, 4)))
    loss = model.test_on_batch(padded, padded)
    other = np.where(padded == 0, 7, padded)
    assert loss == pytest.approx(model.test_on_batch(padded, other), rel=1e-6)


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("vocab_size", 0, "must be at least 1"),
        ("embedding_dim", 0, "must be at least 1"),
        ("embedding_dim", 8.0, "must be a whole number"),
        ("hidden_dim", -1, "must be at least 1"),
        ("num_layers", -1, "must be at least 0"),
        ("num_heads", 0, r"must be at least 1 and divide embedding_dim \(8\)"),
        ("num_heads", 3, r"must be at least 1 and divide embedding_dim \(8\)"),
        ("dropout_rate", 1.0, "must be at least 0 and below 1"),
        ("dropout_rate", -0.1, "must be at least 0 and below 1"),
    ],
)
def test_errors_name_the_argument_and_the_value(name, value, rule):
    with pytest.raises(UserError, match=f"^{name} {rule}. Received: {name}={value}$"):
        build_model(**{**SIZES, name: value})


def test_it_says_what_was_mended():
    for word in ("functional", "masked", "residual", "normalization"):
        assert word in build_model.__doc__
