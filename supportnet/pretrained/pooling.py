"""From the states of a message's tokens to one vector (Reimers & Gurevych 2019)."""

from typing import Any

import keras
from keras import ops

from supportnet.checks import check_choice
from supportnet.layers.base import BaseLayer
from supportnet.types import Mask, Shape, Tensor

POOLINGS = ("mean", "cls")
#: Vectors are divided by this at least: that of a message without tokens stays zero.
_SHORTEST = 1e-12


@keras.saving.register_keras_serializable(package="supportnet")
class SentencePooling(BaseLayer):
    """The mean over the real tokens, or the first one, and then unit length.

    A message without real tokens gives zeros.

    Args:
        pooling: "mean", or "cls" for the first token, which BERT's tokenizers put before every message.
        unit_length: whether vectors are made 1 long, so that their products are cosines.

    Call arguments:
        x: float `[B, T, D]`, T at least 1.
        mask: bool `[B, T]`, True = real token.

    Returns:
        float `[B, D]`, computed in float32 whatever the dtype.

    Raises:
        UserError: `pooling` is neither.

    Example:
        >>> x, mask = keras.ops.array([[[1.0, 2.0], [5.0, 6.0], [9.0, 9.0]]]), keras.ops.array([[True, True, False]])
        >>> keras.ops.convert_to_numpy(SentencePooling()(x, mask=mask))
        array([[0.6, 0.8]], dtype=float32)
        >>> keras.ops.convert_to_numpy(SentencePooling("cls", unit_length=False)(x, mask=mask))
        array([[1., 2.]], dtype=float32)
    """

    argument_names = ("pooling", "unit_length")

    def __init__(self, pooling: str = "mean", unit_length: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pooling = check_choice("pooling", pooling, POOLINGS)
        self.unit_length = unit_length
        self.autocast = False

    def call(self, x: Tensor, mask: Mask) -> Tensor:
        x, real = ops.cast(x, "float32"), ops.cast(ops.expand_dims(mask, -1), "float32")
        if self.pooling == "mean":
            vectors = ops.sum(x * real, axis=1) / ops.maximum(ops.sum(real, axis=1), 1.0)
        else:
            vectors = x[:, 0] * real[:, 0]
        if self.unit_length:
            length = ops.sqrt(ops.sum(ops.square(vectors), axis=-1, keepdims=True))
            vectors = vectors / ops.maximum(length, _SHORTEST)
        return ops.cast(vectors, self.compute_dtype)

    def compute_mask(self, inputs: Tensor, previous_mask: Mask | None = None) -> None:
        """Return no mask: there is no time axis left."""

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], input_shape[-1])
