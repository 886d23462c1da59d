"""Convolutions over neighbouring words, beside numbers that are worked out by hand."""

import numpy as np
import pytest
from keras import ops

from supportnet.errors import UserError
from supportnet.layers import ConvBlock, ConvEncoder, MaskedPooling, Phrases

# One number a token; the last row's second half isn't real.
X = ops.array([[[1.0], [2.0], [4.0], [8.0]], [[3.0], [5.0], [9.0], [9.0]]])
MASK = ops.array([[True, True, True, True], [True, True, False, False]])


def made(two: list[float], three: list[float], dilation: int = 1) -> Phrases:
    layer = Phrases(num_filters=1, dilation=dilation)
    layer.build(X.shape)
    layer.set_weights([np.reshape(two, (2, 1, 1)), np.zeros(1), np.reshape(three, (3, 1, 1)), np.zeros(1)])
    return layer


def test_a_filter_reads_a_word_and_its_neighbours() -> None:
    found = ops.convert_to_numpy(made(two=[10.0, 1.0], three=[100.0, 10.0, 1.0])(X, mask=MASK))
    # A word and the next one; the word before, the word and the next one. Zeros stand beyond the end.
    np.testing.assert_allclose(found[0], [[12, 12], [24, 124], [48, 248], [80, 480]])
    np.testing.assert_allclose(found[1, :2], [[35, 35], [50, 350]])


def test_a_dilated_filter_reads_further_apart() -> None:
    found = ops.convert_to_numpy(made(two=[10.0, 1.0], three=[100.0, 10.0, 1.0], dilation=2)(X, mask=MASK))
    # The words on either side; the second word before, the word and the second one after.
    np.testing.assert_allclose(found[0], [[2, 14], [14, 28], [28, 140], [40, 280]])
    np.testing.assert_allclose(found[1, :2], [[5, 30], [30, 50]])


def test_what_is_below_zero_is_no_find() -> None:
    found = ops.convert_to_numpy(made(two=[-1.0, 1.0], three=[0.0, -1.0, 0.0])(X, mask=MASK))
    np.testing.assert_allclose(found[0], [[1, 0], [2, 0], [4, 0], [0, 0]])


def test_padding_changes_nothing() -> None:
    layer = made(two=[10.0, 1.0], three=[100.0, 10.0, 1.0])
    pooled = MaskedPooling()(layer(X, mask=MASK), mask=MASK)
    alone = MaskedPooling()(layer(X[1:, :2], mask=MASK[1:, :2]), mask=MASK[1:, :2])
    np.testing.assert_allclose(pooled[1:], alone)


@pytest.mark.parametrize("dilation", [1, 2])
def test_a_block_adds_what_its_filters_find(dilation: int) -> None:
    block = ConvBlock(hidden_dim=1, dilation=dilation)
    # Of two numbers, the normalized larger one is 1, the smaller one -1; the last token is padding.
    x = np.array([[[3, 1], [1, 3], [5, 2], [9, 0], [7, 0]]], "float32")
    mask = np.array([[True, True, True, True, False]])
    block(x, mask=mask)
    # The filters read the first numbers, which are 1, -1, 1, 1.
    first = np.array([[1], [0]])
    block.phrases.set_weights(
        [
            *([np.stack([10 * first, first]), np.zeros(1)]),
            *([np.stack([100 * first, 10 * first, first]), np.zeros(1)]),
        ]
    )
    block.project.set_weights([np.array([[1, 0], [0, 10]]), np.zeros(2)])
    found = {
        1: [[9, 9], [0, 91], [11, 0], [10, 110]],
        2: [[0, 11], [11, 0], [0, 110], [10, 0]],
    }[dilation]
    output = ops.convert_to_numpy(block(x, mask=mask))
    np.testing.assert_allclose(output[0, :4], x[0, :4] + np.array(found) * [1, 10], rtol=1e-3)


def test_without_blocks_the_encoder_normalizes() -> None:
    encoder = ConvEncoder(hidden_dim=1, num_layers=0, num_heads=1)
    # Mean 1, variance 1/2.
    output = encoder(np.array([[[2, 1, 0, 1]]], "float32"), mask=np.array([[True]]))
    np.testing.assert_allclose(ops.convert_to_numpy(output), [[[2**0.5, 0, -(2**0.5), 0]]], atol=1e-4)


@pytest.mark.parametrize(("num_layers", "reach"), [(1, 1), (2, 3), (3, 7)])
def test_each_block_reads_twice_as_far(num_layers: int, reach: int) -> None:
    encoder = ConvEncoder(hidden_dim=8, num_layers=num_layers, num_heads=1)
    random = np.random.default_rng(0)
    x, mask = random.normal(size=(1, 21, 4)).astype("float32"), np.ones((1, 21), bool)
    encoder.build(x.shape)
    encoder.set_weights([random.normal(size=weight.shape) for weight in encoder.weights])
    before = ops.convert_to_numpy(encoder(x, mask=mask))[0]
    x[0, 10] = random.normal(size=4)
    changed = np.abs(ops.convert_to_numpy(encoder(x, mask=mask))[0] - before).max(axis=-1) > 1e-6
    assert np.flatnonzero(changed).tolist() == list(range(10 - reach, 10 + reach + 1))


def test_a_dilation_below_one() -> None:
    for make in (Phrases, ConvBlock):
        with pytest.raises(UserError, match=r"^dilation must be at least 1\. Received: dilation=0$"):
            make(3, dilation=0)


@pytest.mark.parametrize(("name", "value"), [("hidden_dim", 0), ("dropout_rate", 1.0)])
def test_the_blocks_numbers_are_checked(name: str, value: float) -> None:
    with pytest.raises(UserError, match=f"^{name} must .*Received: {name}={value}$"):
        ConvBlock(**{"hidden_dim": 3, name: value})


def test_without_filters() -> None:
    with pytest.raises(UserError, match=r"num_filters must be at least 1\. Received: num_filters=0"):
        Phrases(num_filters=0)
