"""Self-attention that looks back only."""

import numpy as np
import pytest
from keras import ops

from supportnet.errors import UserError
from supportnet.layers import CausalSelfAttention, MultiHeadAttention
from supportnet.layers.attention import cache_place


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(scale=0.5, size=shape).astype("float32")


VECTORS = random(2, 5, 12)


@pytest.fixture
def layer() -> CausalSelfAttention:
    layer = CausalSelfAttention(num_heads=3)
    layer.build(VECTORS.shape)
    layer.set_weights([random(*weight.shape, seed=i) for i, weight in enumerate(layer.weights)])
    return layer


def test_worked_by_hand() -> None:
    layer = CausalSelfAttention(num_heads=1)
    layer.build((None, None, 2))
    # Queries and keys are zero, values the vectors: each position gets the mean of those up to it.
    layer.set_weights([np.hstack([np.zeros((2, 4)), np.eye(2)]), np.zeros(6), np.eye(2), np.zeros(2)])
    x = np.array([[[2, 0], [4, 6], [0, 9]]], "float32")
    np.testing.assert_allclose(layer(x), [[[2, 0], [3, 3], [2, 5]]], rtol=1e-6)


def test_it_is_multi_head_attention_with_a_causal_mask(layer: CausalSelfAttention) -> None:
    twin = MultiHeadAttention(num_heads=3)
    twin.build(VECTORS.shape)
    kernel, bias, *output = layer.get_weights()
    parts = zip(np.split(kernel, 3, axis=1), np.split(bias, 3), strict=True)
    twin.set_weights([*(weight for part in parts for weight in part), *output])
    causal = np.tri(5, dtype=bool)[None]
    np.testing.assert_allclose(layer(VECTORS), twin(VECTORS, mask=causal), atol=1e-5)


def test_no_position_looks_where_the_mask_is_false(layer: CausalSelfAttention) -> None:
    mask = np.array([[True, False, True, True, True], [True, True, True, False, True]])
    left_out = np.stack([np.delete(VECTORS[0], 1, axis=0), np.delete(VECTORS[1], 3, axis=0)])
    output = ops.convert_to_numpy(layer(VECTORS, mask=mask))
    np.testing.assert_allclose(output[0][mask[0]], ops.convert_to_numpy(layer(left_out))[0], atol=1e-5)
    np.testing.assert_allclose(output[1][mask[1]], ops.convert_to_numpy(layer(left_out))[1], atol=1e-5)


def test_steps_give_what_the_call_gives(layer: CausalSelfAttention) -> None:
    whole = ops.convert_to_numpy(layer(VECTORS))
    keys, values = layer.start(2, max_length=8)
    for time in range(5):
        output, keys, values = layer.step(ops.array(VECTORS[:, time]), keys, values, *cache_place(time, 2, keys))
        np.testing.assert_allclose(output, whole[:, time], atol=1e-5)
    assert tuple(keys.shape) == tuple(values.shape) == (2, 3, 8, 4)
    np.testing.assert_array_equal(ops.convert_to_numpy(keys)[:, :, 5:], 0)


def test_what_a_buffer_holds_of_later_positions_changes_nothing(layer: CausalSelfAttention) -> None:
    keys, values = layer.start(2, max_length=8)
    outputs = [
        layer.step(ops.array(VECTORS[:, 0]), keys + filling, values + filling, *cache_place(0, 2, keys))[0]
        for filling in (0.0, 1e3)
    ]
    np.testing.assert_allclose(*outputs, atol=1e-6)


def test_a_position_has_its_rows_in_the_buffer() -> None:
    rows, bias = cache_place(2, batch=2, cache=np.zeros((2, 3, 4, 5)))
    np.testing.assert_array_equal(rows, [[2], [6], [10], [14], [18], [22]])
    np.testing.assert_array_equal(bias, np.array([0, 0, 0, -1e9], "float32"))


def test_what_lies_behind_a_position_may_be_seen() -> None:
    _, bias = cache_place(1, batch=1, cache=np.zeros((1, 3, 4, 5)), behind=np.array([-1e9, -1e9, -1e9, 0], "float32"))
    np.testing.assert_array_equal(bias, np.array([0, 0, -1e9, 0], "float32"))


@pytest.mark.parametrize("num_heads", [0, 5, 2.0])
def test_the_number_of_heads_must_divide_the_depth(num_heads: int) -> None:
    with pytest.raises(UserError, match=rf"^num_heads must .*Received: num_heads={num_heads}$"):
        CausalSelfAttention(num_heads)(VECTORS)


def test_the_dropout_rate_is_checked() -> None:
    with pytest.raises(UserError, match=r"^dropout_rate must .* Received: dropout_rate=1.5$"):
        CausalSelfAttention(2, dropout_rate=1.5)
