import keras
import numpy as np
import pytest
from keras import ops

from supportnet.errors import UserError
from supportnet.layers import MultiHeadAttention, scaled_dot_product_attention

# Scores are query key^T / sqrt(2) = ln 3 on the diagonal, 0 elsewhere; e^(ln 3) : e^0 = 3 : 1.
QUERY = np.sqrt(2) * np.log(3) * np.eye(2, dtype="float32")
KEY = np.eye(2, dtype="float32")
VALUE = np.array([[1, 2], [3, 4]], "float32")


def attend(**options):
    result = scaled_dot_product_attention(*map(ops.array, (QUERY, KEY, VALUE)), **options)
    return [ops.convert_to_numpy(part) for part in result]


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(scale=0.5, size=shape).astype("float32")


def test_attention_worked_by_hand():
    values, weights = attend()
    np.testing.assert_allclose(weights, [[0.75, 0.25], [0.25, 0.75]], rtol=1e-6)
    # 0.75 [1, 2] + 0.25 [3, 4] and 0.25 [1, 2] + 0.75 [3, 4]
    np.testing.assert_allclose(values, [[1.5, 2.5], [2.5, 3.5]], rtol=1e-6)


def test_a_query_looks_only_where_its_mask_is_true():
    values, weights = attend(mask=ops.array([[False, True], [True, True]]))
    np.testing.assert_allclose(weights, [[0, 1], [0.25, 0.75]], rtol=1e-6)
    np.testing.assert_allclose(values, [[3, 4], [2.5, 3.5]], rtol=1e-6)


def test_a_query_that_may_look_nowhere_gets_the_mean():
    values, weights = attend(mask=ops.array([[False, False], [True, True]]))
    np.testing.assert_allclose(weights[0], [0.5, 0.5])
    np.testing.assert_allclose(values[0], [2, 3])


def test_weights_are_float32_whatever_the_inputs_are():
    half = ops.cast(ops.array(QUERY), "float16")
    values, weights = scaled_dot_product_attention(half, half, half)
    assert keras.backend.standardize_dtype(weights.dtype) == "float32"
    assert keras.backend.standardize_dtype(values.dtype) == "float16"


def test_dropout_is_applied_to_the_weights():
    drop = keras.layers.Dropout(0.5, seed=0)
    ones = ops.ones((1, 64, 1))
    values, weights = scaled_dot_product_attention(ones, ones, ones, dropout=lambda w: drop(w, training=True))
    np.testing.assert_allclose(ops.sum(weights, axis=-1), np.ones((1, 64)), rtol=1e-5)
    # Each kept weight counts double, each dropped one not at all.
    assert 0.05 < float(ops.std(values)) < 0.3


def keras_twin(layer, num_heads, depth):
    """Keras's own layer with the weights of `layer`."""
    twin = keras.layers.MultiHeadAttention(num_heads, depth // num_heads)
    twin.build((None, None, depth), (None, None, depth))
    per_head = (depth, num_heads, depth // num_heads)
    for dense, theirs in (("query", "query"), ("key", "key"), ("value", "value")):
        kernel, bias = getattr(layer, f"{dense}_dense").get_weights()
        getattr(twin, f"{theirs}_dense").set_weights([kernel.reshape(per_head), bias.reshape(per_head[1:])])
    kernel, bias = layer.output_dense.get_weights()
    twin.output_dense.set_weights([kernel.reshape((*per_head[1:], depth)), bias])
    return twin


@pytest.mark.parametrize("self_attention", [True, False], ids=["self", "cross"])
@pytest.mark.parametrize("mask_kind", ["none", "padding", "causal"])
def test_it_is_keras_layer_with_the_same_weights(self_attention, mask_kind):
    query = random(2, 5, 12)
    value = query if self_attention else random(2, 4, 12, seed=1)
    time, source = 5, value.shape[1]
    mask, full = None, None
    if mask_kind == "padding":
        mask = np.arange(source) < np.array([[source], [2]])
        full = np.repeat(mask[:, None], time, axis=1)
    elif mask_kind == "causal":
        mask = full = np.repeat(np.tri(time, source, dtype=bool)[None], 2, axis=0)
    layer = MultiHeadAttention(num_heads=3)
    layer(query, value)
    layer.set_weights([random(*weight.shape, seed=i + 1) for i, weight in enumerate(layer.weights)])

    ours, weights = layer(query, value, mask=mask, return_weights=True)
    theirs, scores = keras_twin(layer, 3, 12)(query, value, attention_mask=full, return_attention_scores=True)

    np.testing.assert_allclose(ops.convert_to_numpy(ours), ops.convert_to_numpy(theirs), atol=1e-5)
    np.testing.assert_allclose(ops.convert_to_numpy(weights), ops.convert_to_numpy(scores), atol=1e-5)


def test_a_mask_for_all_messages_works_whatever_the_number_of_heads():
    # Batch, heads and time are equal: a mask put on the wrong axis would pass unseen.
    x, causal = random(2, 2, 4), np.tri(2, dtype=bool)[None]
    layer = MultiHeadAttention(num_heads=2)
    _, weights = layer(x, mask=causal, return_weights=True)
    np.testing.assert_array_equal(ops.convert_to_numpy(weights)[:, :, 0, 1], np.zeros((2, 2)))


def test_without_a_value_it_attends_to_itself():
    layer, x = MultiHeadAttention(num_heads=2), random(2, 5, 8)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer(x)), ops.convert_to_numpy(layer(x, x)))


def test_weights_can_be_had_from_a_functional_model():
    x = keras.Input((5, 8))
    model = keras.Model(x, MultiHeadAttention(num_heads=2)(x, return_weights=True))
    output, weights = model(random(3, 5, 8))
    assert [tuple(part.shape) for part in (output, weights)] == [(3, 5, 8), (3, 2, 5, 5)]
    assert [tuple(part.shape) for part in model.output] == [(None, 5, 8), (None, 2, 5, 5)]


def test_the_mask_of_an_embedding_is_used_and_not_passed_on():
    ids = np.array([[1, 2, 0, 0], [3, 0, 0, 0]])
    embedded = keras.layers.Embedding(4, 8, mask_zero=True)(ids)
    output, weights = MultiHeadAttention(num_heads=2)(embedded, return_weights=True)
    np.testing.assert_array_equal(ops.convert_to_numpy(weights)[0, :, :, 2:], np.zeros((2, 4, 2)))
    assert getattr(output, "_keras_mask", None) is None


@pytest.mark.parametrize("num_heads", [0, -2, 3, 16])
def test_the_number_of_heads_must_divide_the_depth(num_heads):
    with pytest.raises(UserError, match=rf"num_heads must .* divide the depth \(8\)\. Received: num_heads={num_heads}"):
        MultiHeadAttention(num_heads)(random(1, 2, 8))


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_the_dropout_rate_is_checked(rate):
    with pytest.raises(UserError, match=f"dropout_rate must be .* Received: dropout_rate={rate}"):
        MultiHeadAttention(2, dropout_rate=rate)
