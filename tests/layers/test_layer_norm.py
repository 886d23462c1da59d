"""Layer normalization: the numbers of Keras's own layer."""

import keras
import numpy as np
import pytest
from keras import ops

from supportnet.layers import LayerNorm


@pytest.mark.parametrize("shape", [(4, 8), (2, 3, 8)])
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_the_numbers_are_those_of_keras(shape: tuple[int, ...], dtype: str) -> None:
    random = np.random.default_rng(0)
    # A mean far from 0, as sums of residuals have it.
    x = (5 + 3 * random.normal(size=shape)).astype("float32")
    ours, theirs = LayerNorm(dtype=dtype), keras.layers.LayerNormalization(epsilon=1e-5, dtype=dtype)
    for layer in (ours, theirs):
        layer.build(shape)
        layer.set_weights([np.linspace(0.5, 2, 8), np.linspace(-1, 1, 8)])
    found, wanted = (ops.convert_to_numpy(ops.cast(layer(x), "float32")) for layer in (ours, theirs))
    np.testing.assert_allclose(found, wanted, atol=1e-5 if dtype == "float32" else 0.02)
    assert ours(x).dtype == theirs(x).dtype


def test_a_row_of_equal_numbers_becomes_beta() -> None:
    layer = LayerNorm()
    layer.build((1, 4))
    layer.beta.assign([1.0, 2.0, 3.0, 4.0])
    assert ops.convert_to_numpy(layer(np.full((1, 4), 7.0, "float32"))).tolist() == [[1.0, 2.0, 3.0, 4.0]]
