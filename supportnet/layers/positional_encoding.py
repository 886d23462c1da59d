"""Sinusoidal positional encoding (article 3.1; Vaswani et al. 2017, section 3.5)."""

from typing import Any

import keras
import numpy as np
from keras import ops

from supportnet.checks import check_positive
from supportnet.errors import UserError
from supportnet.types import Shape, Tensor


def positional_encoding(length: int, depth: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Encode the positions 0 to `length - 1`: sines on the even columns, cosines on the odd ones.

    `encoding[p, 2i] = sin(p / 10000^(2i / depth))`, `encoding[p, 2i + 1] = cos(p / 10000^(2i / depth))`.
    The article adds the sine and the cosine into a single number, which can't tell positions apart; the
    original, which is computed here, interleaves them.

    Args:
        length: number of positions T, at least 1.
        depth: number of columns D, at least 1; if odd, the last column is a sine without its cosine.

    Returns:
        float32 `[T, D]`.

    Raises:
        UserError: a number below 1.

    Example:
        >>> positional_encoding(length=2, depth=2)
        array([[0.        , 1.        ],
               [0.84147096, 0.5403023 ]], dtype=float32)
    """
    check_positive("length", length)
    check_positive("depth", depth)
    column = np.arange(depth)
    angle = np.arange(length)[:, None] / np.power(10_000.0, 2 * (column // 2) / depth)
    return np.where(column % 2 == 0, np.sin(angle), np.cos(angle)).astype("float32")


@keras.saving.register_keras_serializable(package="supportnet")
class PositionalEncoding(keras.layers.Layer):
    """Add `positional_encoding` to a sequence of vectors.

    The table is computed once, in float64, and added in the layer's compute dtype: in bfloat16 the positions
    themselves would collide (512 and 513 are the same number), their sines and cosines don't.

    Args:
        max_length: length of the longest sequence; a longer one is an error.

    Call arguments:
        x: float `[B, T, D]`, T at most `max_length`.

    Returns:
        float `[B, T, D]`.

    Raises:
        UserError: `max_length` is below 1, or the length of a sequence is known and above it.

    Example:
        >>> keras.ops.convert_to_numpy(PositionalEncoding(max_length=128)(keras.ops.zeros((1, 2, 2))))
        array([[[0.        , 1.        ],
                [0.84147096, 0.5403023 ]]], dtype=float32)
    """

    def __init__(self, max_length: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_length = check_positive("max_length", max_length)
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        self.table = positional_encoding(self.max_length, input_shape[-1])

    def call(self, x: Tensor) -> Tensor:
        self._check_length(x.shape[1])
        table = ops.convert_to_tensor(self.table, dtype=x.dtype)
        return x + table[: ops.shape(x)[1]]

    def step(self, x: Tensor, position: Tensor) -> Tensor:
        """Add the encoding of one position, an int32 scalar below `max_length`, to vectors `[B, D]`."""
        return x + ops.take(ops.convert_to_tensor(self.table, dtype=x.dtype), position, axis=0)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._check_length(input_shape[1])
        return input_shape

    def _check_length(self, length: int | None) -> None:
        if length is not None and length > self.max_length:
            raise UserError(f"A sequence may be at most max_length={self.max_length} long. Received: length={length}")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "max_length": self.max_length}
