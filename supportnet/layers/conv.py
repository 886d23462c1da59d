"""Convolutions over neighbouring tokens (Kim 2014)."""

from typing import Any

import keras
from keras import ops

from supportnet.checks import check_positive
from supportnet.types import Mask, Shape, Tensor

#: How many words a filter reads.
WIDTHS = (2, 3)


@keras.saving.register_keras_serializable(package="supportnet")
class Phrases(keras.layers.Layer):
    """Convolutions over two and over three words: pooled, each filter tells whether some short phrase occurs.

    Kim 2014, Convolutional Neural Networks for Sentence Classification, section 2. They know the order of neighbours,
    and nothing of what stands further apart.

    Args:
        num_filters: number of filters F of each width.

    Call arguments:
        x: float `[B, T, D]`, T at least 1.
        mask: bool `[B, T]`, True = real token.

    Returns:
        float `[B, T, 2 F]`, at least 0; what stands where no real token is means nothing.

    Raises:
        UserError: `num_filters` is below 1.

    Example:
        >>> x, mask = keras.ops.ones((1, 4, 8)), keras.ops.ones((1, 4), "bool")
        >>> Phrases(num_filters=5)(x, mask=mask).shape
        TensorShape([1, 4, 10])
    """

    def __init__(self, num_filters: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.num_filters = check_positive("num_filters", num_filters)
        self.convolutions = [
            keras.layers.Conv1D(
                num_filters, width, padding="same", activation="relu", dtype=self.dtype_policy, name=f"width_{width}"
            )
            for width in WIDTHS
        ]

    def build(self, input_shape: Shape, *_: Any) -> None:
        for convolution in self.convolutions:
            convolution.build(input_shape)

    def call(self, x: Tensor, mask: Mask) -> Tensor:
        # Beside the last token stands what stands beyond the end: zeros.
        x = x * ops.cast(ops.expand_dims(mask, -1), x.dtype)
        return ops.concatenate([convolution(x) for convolution in self.convolutions], axis=-1)

    def compute_output_shape(self, input_shape: Shape, *_: Any) -> Shape:
        return (*input_shape[:-1], len(WIDTHS) * self.num_filters)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_filters": self.num_filters}
