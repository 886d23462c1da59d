"""The Transformer encoder's own numbers; what it shares with the other encoder is in test_encoders.py."""

from math import cos, sin, sqrt
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from supportnet.errors import UserError
from supportnet.layers import AttentionBlock, TransformerEncoder

#: The positions 0 and 1 at depth 4, where 10000^(2i / 4) is 1 for the first two columns and 100 for the others.
POSITIONS = np.array([[0, 1, 0, 1], [sin(1), cos(1), sin(0.01), cos(0.01)]])
ROOT = sqrt(2)


def encode(encoder: Any, x: Any, mask: Any = None) -> Any:
    x = np.asarray(x, "float32")[None]
    mask = np.ones(x.shape[:2], bool) if mask is None else np.array([mask])
    return ops.convert_to_numpy(encoder(x, mask=mask))[0]


def vectors(length: int, depth: int = 8) -> Any:
    return np.random.default_rng(0).normal(scale=depth**-0.5, size=(length, depth))


def swapped(x: Any) -> Any:
    return np.concatenate([x[1::-1], x[2:]])


def test_without_blocks_it_normalizes_the_scaled_vectors_with_their_positions() -> None:
    encoder = TransformerEncoder(hidden_dim=1, num_layers=0, num_heads=1, max_length=2)
    # sqrt(4) [1, 0, 0, 0] + [0, 1, 0, 1] = [2, 1, 0, 1] has mean 1 and variance 1/2; the second sum is zero.
    output = encode(encoder, [[1, 0, 0, 0], -POSITIONS[1] / 2])
    np.testing.assert_allclose(output, [[ROOT, 0, -ROOT, 0], [0, 0, 0, 0]], atol=1e-4)


def test_one_block_worked_by_hand() -> None:
    encoder = TransformerEncoder(hidden_dim=1, num_layers=1, num_heads=2, max_length=3)
    sums = np.array([[2, 1, 0, 1], [1, 2, 1, 0]])
    x = np.concatenate([(sums - POSITIONS) / 2, [[9, -9, 9, 9]]])
    encode(encoder, x)
    (block,) = encoder.blocks
    nothing, identity = [np.zeros((4, 4)), np.zeros(4)], [np.eye(4), np.zeros(4)]
    block.attention.query_dense.set_weights(nothing)
    block.attention.value_dense.set_weights(identity)
    block.attention.output_dense.set_weights(identity)
    block.contract.set_weights([np.zeros((1, 4)), np.zeros(4)])
    # All scores are 0, so each token gets the mean of both normalized ones, [r, 0, -r, 0] and [0, r, 0, -r] with
    # r = sqrt(2). That is [a, a, -a, -a] with a = r / 2. Added to the sums, it gives mean 1 and variance 1 + a.
    a = ROOT / 2
    expected = np.array([[1 + a, a, -1 - a, -a], [a, 1 + a, -a, -1 - a]]) / sqrt(1 + a)
    np.testing.assert_allclose(encode(encoder, x, mask=[True, True, False])[:2], expected, atol=1e-4)


def test_order_counts() -> None:
    """To the tokens that keep their place too. To a block alone it doesn't: all order comes from the positions."""
    keras.utils.set_random_seed(0)
    x = vectors(4)
    encoder = TransformerEncoder(hidden_dim=12, num_layers=1, num_heads=2, max_length=4)
    assert np.abs(encode(encoder, swapped(x))[2:] - encode(encoder, x)[2:]).max() > 1e-3
    block = AttentionBlock(num_heads=2, hidden_dim=12)
    np.testing.assert_allclose(encode(block, swapped(x)), swapped(encode(block, x)), atol=1e-5)


def test_dropout_is_for_training_only() -> None:
    encoder = TransformerEncoder(hidden_dim=1, num_layers=0, num_heads=1, dropout_rate=0.5, max_length=4)
    x, mask = ops.array(vectors(4)[None], "float32"), np.ones((1, 4), bool)
    plain, again, dropped = (
        ops.convert_to_numpy(encoder(x, mask=mask, training=training)) for training in (False, False, True)
    )
    np.testing.assert_array_equal(plain, again)
    assert np.abs(dropped - plain).max() > 0.1


def test_a_sequence_that_is_too_long_is_refused() -> None:
    encoder = TransformerEncoder(hidden_dim=6, num_layers=1, num_heads=2, max_length=4)
    assert encode(encoder, vectors(4)).shape == (4, 8)
    with pytest.raises(UserError, match=r"at most max_length=4 long\. Received: length=5"):
        encode(encoder, vectors(5))
