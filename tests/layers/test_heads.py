"""Heads, and attention from one position in each."""

import numpy as np
from keras import ops

from supportnet.layers import scaled_dot_product_attention
from supportnet.layers.attention import attend_from_one, join_heads, mask_bias, split_heads


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def test_heads_are_neighbouring_columns() -> None:
    x = np.arange(8.0).reshape(1, 2, 4)
    np.testing.assert_array_equal(split_heads(ops.array(x), 2), [[[[0, 1], [4, 5]], [[2, 3], [6, 7]]]])


def test_joined_heads_are_what_was_split() -> None:
    x = random(2, 5, 12)
    np.testing.assert_array_equal(join_heads(split_heads(ops.array(x), 3)), x)


def test_attention_from_one_position_worked_by_hand() -> None:
    # As in test_attention.py: scores ln 3 and 0, so weights 0.75 and 0.25; the third position is hidden.
    query = ops.array(np.sqrt(2) * np.log(3) * np.array([[1, 0]], "float32"))
    keys = ops.array(np.array([[[[1, 0], [0, 1], [9, 9]]]], "float32"))
    values = ops.array(np.array([[[[1, 2], [3, 4], [9, 9]]]], "float32"))
    bias = mask_bias(ops.array([True, True, False]))
    np.testing.assert_allclose(attend_from_one(query, keys, values, bias), [[1.5, 2.5]], rtol=1e-6)


def test_it_is_the_attention_of_whole_sequences() -> None:
    query, keys, values = random(4, 6), random(4, 3, 5, 2, seed=1), random(4, 3, 5, 2, seed=2)
    # The last row may look nowhere: it gets the mean, as there.
    mask = np.arange(5) < np.array([[5], [3], [1], [0]])
    one = attend_from_one(*map(ops.array, (query, keys, values)), mask_bias(ops.array(mask[:, None])))
    expected, _ = scaled_dot_product_attention(
        split_heads(ops.array(query[:, None]), 3), ops.array(keys), ops.array(values), ops.array(mask[:, None, None])
    )
    np.testing.assert_allclose(one, join_heads(expected)[:, 0], atol=1e-5)
