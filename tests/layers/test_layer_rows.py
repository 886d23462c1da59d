"""Layers applied by row, padding set to zero, rows of a state."""

import keras
import numpy as np
import pytest

from supportnet.layers.base import by_row, pick_rows, without_padding


@pytest.mark.parametrize("shape", [(2, 5, 4), (1, 1, 4), (0, 3, 4)])
def test_by_row_is_the_layers_in_turn(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    layers = [keras.layers.LayerNormalization(), keras.layers.Dense(6, activation="relu"), keras.layers.Dense(3)]
    expected = keras.Sequential(layers)(x)
    np.testing.assert_allclose(by_row(keras.ops.array(x), *layers), expected, atol=1e-6)


def test_padding_is_set_to_zero_whatever_stands_there() -> None:
    x = np.array([[[1.0, 2.0], [np.nan, np.inf]]], "float32")
    np.testing.assert_array_equal(without_padding(keras.ops.array(x), np.array([[True, False]])), [[[1, 2], [0, 0]]])


def test_rows_of_a_state_are_picked_in_all_its_tensors() -> None:
    state = {"a": keras.ops.array([1, 2, 3]), "block": {"b": keras.ops.array([[1, 10], [2, 20], [3, 30]])}}
    picked = pick_rows(state, keras.ops.array([2, 0, 2, 2]))
    np.testing.assert_array_equal(picked["a"], [3, 1, 3, 3])
    np.testing.assert_array_equal(picked["block"]["b"], [[3, 30], [1, 10], [3, 30], [3, 30]])
