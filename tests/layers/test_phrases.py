"""Filters over two and over three words, beside numbers that are worked out by hand."""

import numpy as np
import pytest
from keras import ops

from supportnet.errors import UserError
from supportnet.layers import MaskedPooling, Phrases

# One number a token; the last row's second half isn't real.
X = ops.array([[[1.0], [2.0], [4.0], [8.0]], [[3.0], [5.0], [9.0], [9.0]]])
MASK = ops.array([[True, True, True, True], [True, True, False, False]])


def made(two: list[float], three: list[float]) -> Phrases:
    layer = Phrases(num_filters=1)
    layer.build(X.shape)
    layer.set_weights([np.reshape(two, (2, 1, 1)), np.zeros(1), np.reshape(three, (3, 1, 1)), np.zeros(1)])
    return layer


def test_a_filter_reads_a_word_and_its_neighbours() -> None:
    found = ops.convert_to_numpy(made(two=[10.0, 1.0], three=[100.0, 10.0, 1.0])(X, mask=MASK))
    # A word and the next one; the word before, the word and the next one. Zeros stand beyond the end.
    np.testing.assert_allclose(found[0], [[12, 12], [24, 124], [48, 248], [80, 480]])
    np.testing.assert_allclose(found[1, :2], [[35, 35], [50, 350]])


def test_what_is_below_zero_is_no_find() -> None:
    found = ops.convert_to_numpy(made(two=[-1.0, 1.0], three=[0.0, -1.0, 0.0])(X, mask=MASK))
    np.testing.assert_allclose(found[0], [[1, 0], [2, 0], [4, 0], [0, 0]])


def test_padding_changes_nothing() -> None:
    layer = made(two=[10.0, 1.0], three=[100.0, 10.0, 1.0])
    pooled = MaskedPooling()(layer(X, mask=MASK), mask=MASK)
    alone = MaskedPooling()(layer(X[1:, :2], mask=MASK[1:, :2]), mask=MASK[1:, :2])
    np.testing.assert_allclose(pooled[1:], alone)


def test_without_filters() -> None:
    with pytest.raises(UserError, match=r"num_filters must be at least 1\. Received: num_filters=0"):
        Phrases(num_filters=0)
