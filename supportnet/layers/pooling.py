"""From one vector a token to one vector a message, safe for messages without tokens."""

from typing import Any

import keras
from keras import ops

from supportnet.types import Mask, Shape, Tensor


@keras.saving.register_keras_serializable(package="supportnet")
class MaskedPooling(keras.layers.Layer):
    """The maximum and the mean over the real tokens, side by side.

    A message without real tokens gives zeros: the mean over nothing would be NaN, the maximum over nothing the
    smallest number there is.

    Call arguments:
        x: float `[B, T, D]`, T at least 1.
        mask: bool `[B, T]`, True = real token.

    Returns:
        float `[B, 2 D]`: maximum, then mean.

    Example:
        >>> x, mask = keras.ops.array([[[1.0], [3.0], [9.0]]]), keras.ops.array([[True, True, False]])
        >>> keras.ops.convert_to_numpy(MaskedPooling()(x, mask=mask))
        array([[3., 2.]], dtype=float32)
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, x: Tensor, mask: Mask) -> Tensor:
        mask = ops.expand_dims(mask, -1)
        real = ops.cast(mask, x.dtype)
        lowest = ops.min(x, axis=1, keepdims=True)
        maximum = ops.max(ops.where(mask, x, lowest), axis=1) * ops.max(real, axis=1)
        mean = ops.sum(x * real, axis=1) / ops.maximum(ops.sum(real, axis=1), 1)
        return ops.concatenate([maximum, mean], axis=-1)

    def compute_mask(self, inputs: Tensor, previous_mask: Mask | None = None) -> None:
        """One vector a message: there is no time axis left to mask."""

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], 2 * input_shape[-1])
