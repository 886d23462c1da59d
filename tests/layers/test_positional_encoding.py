from math import cos, sin

import keras
import numpy as np
import pytest
from keras import ops

from supportnet.errors import UserError
from supportnet.layers import PositionalEncoding, positional_encoding


def test_values_worked_by_hand():
    # 10000^(2i / 4) is 1 for columns 0 and 1, 100 for columns 2 and 3.
    expected = [[0, 1, 0, 1], [sin(1), cos(1), sin(0.01), cos(0.01)], [sin(2), cos(2), sin(0.02), cos(0.02)]]
    np.testing.assert_allclose(positional_encoding(3, 4), expected, rtol=1e-6)


def test_sine_and_cosine_stand_side_by_side_and_are_not_added():
    sines, cosines = positional_encoding(200, 16)[:, 0::2], positional_encoding(200, 16)[:, 1::2]
    np.testing.assert_allclose(sines**2 + cosines**2, np.ones((200, 8)), rtol=1e-5)
    # The article's sum is 1 in every column of position 0.
    np.testing.assert_array_equal(positional_encoding(1, 4), [[0, 1, 0, 1]])


def test_an_odd_depth_ends_with_a_sine():
    encoding = positional_encoding(2, 3)
    np.testing.assert_allclose(encoding[1], [sin(1), cos(1), sin(10_000 ** (-2 / 3))], rtol=1e-6)


@pytest.mark.parametrize(("length", "depth", "name"), [(0, 4, "length"), (-1, 4, "length"), (4, 0, "depth")])
def test_sizes_are_checked(length, depth, name):
    with pytest.raises(UserError, match=f"{name} must be at least 1. Received: {name}="):
        positional_encoding(length, depth)


def test_the_layer_adds_the_encoding():
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    np.testing.assert_allclose(
        ops.convert_to_numpy(PositionalEncoding(max_length=10)(x)), x + positional_encoding(3, 4), rtol=1e-6
    )


def test_every_position_is_its_own_in_bfloat16():
    # As bfloat16 numbers 512 and 513 are the same.
    assert float(ops.cast(513, "bfloat16")) == 512
    layer = PositionalEncoding(max_length=1024, dtype="bfloat16")
    encoded = ops.convert_to_numpy(ops.cast(layer(np.zeros((1, 1024, 64))), "float32"))[0]
    assert not np.array_equal(encoded[512], encoded[513])
    assert len(np.unique(encoded, axis=0)) == 1024


def test_a_sequence_that_is_too_long_is_refused():
    layer = PositionalEncoding(max_length=4)
    with pytest.raises(UserError, match=r"at most max_length=4 long\. Received: length=5"):
        layer(np.zeros((1, 5, 2)))
    with pytest.raises(UserError, match="Received: length=5"):
        layer(keras.Input((5, 2)))


def test_max_length_is_checked():
    with pytest.raises(UserError, match=r"max_length must be at least 1\. Received: max_length=0"):
        PositionalEncoding(max_length=0)


def test_a_step_adds_the_encoding_of_one_position():
    layer, x = PositionalEncoding(max_length=10), np.ones((2, 4), "float32")
    layer.build((None, None, 4))
    np.testing.assert_allclose(ops.convert_to_numpy(layer.step(ops.array(x), 3)), x + positional_encoding(4, 4)[3])
