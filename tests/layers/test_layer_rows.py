"""Layers applied by row."""

import keras
import numpy as np
import pytest

from supportnet.layers.rows import by_row


@pytest.mark.parametrize("shape", [(2, 5, 4), (1, 1, 4), (0, 3, 4)])
def test_by_row_is_the_layers_in_turn(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    layers = [keras.layers.LayerNormalization(), keras.layers.Dense(6, activation="relu"), keras.layers.Dense(3)]
    expected = keras.Sequential(layers)(x)
    np.testing.assert_allclose(by_row(keras.ops.array(x), *layers), expected, atol=1e-6)
