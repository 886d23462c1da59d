"""Convolutions over neighbouring tokens (Kim 2014), and the encoder that is made of them."""

from typing import Any

import keras
from keras import ops

from supportnet.checks import check_positive, check_rate
from supportnet.layers.base import BaseLayer, SequenceLayer, by_row
from supportnet.layers.blocks import LayerNorm
from supportnet.layers.stacks import Encoder
from supportnet.types import Mask, Shape, Tensor

#: How many words a filter reads.
WIDTHS = (2, 3)


@keras.saving.register_keras_serializable(package="supportnet")
class Phrases(BaseLayer):
    """Convolutions over two and over three words: pooled, each filter tells whether some short phrase occurs.

    Kim 2014, Convolutional Neural Networks for Sentence Classification, section 2. They know the order of neighbours,
    and nothing of what stands further apart.

    Args:
        num_filters: number of filters F of each width.
        dilation: distance of the neighbours that a filter reads; 1 reads words that follow each other.

    Call arguments:
        x: float `[B, T, D]`, T at least 1.
        mask: bool `[B, T]`, True = real token.

    Returns:
        float `[B, T, 2 F]`, at least 0; what stands where no real token is means nothing.

    Raises:
        UserError: `num_filters` or `dilation` is below 1.

    Example:
        >>> x, mask = keras.ops.ones((1, 4, 8)), keras.ops.ones((1, 4), "bool")
        >>> keras.ops.shape(Phrases(num_filters=5)(x, mask=mask))
        (1, 4, 10)
    """

    argument_names = ("num_filters", "dilation")

    def __init__(self, num_filters: int, dilation: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.num_filters = check_positive("num_filters", num_filters)
        self.dilation = check_positive("dilation", dilation)
        options: dict[str, Any] = {"padding": "same", "dilation_rate": dilation, "activation": "relu"}
        self.convolutions = [
            keras.layers.Conv1D(num_filters, width, **options, dtype=self.dtype_policy, name=f"width_{width}")
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


@keras.saving.register_keras_serializable(package="supportnet")
class ConvBlock(SequenceLayer):
    """A residual block of convolutions: `x + dropout(project(phrases(norm(x))))`.

    Args:
        hidden_dim: number of filters of each width; see `Phrases`.
        dilation: distance of the neighbours that a filter reads.
        dropout_rate: dropout on the sum's second part.

    Call arguments:
        x: float `[B, T, D]`, T at least 1.
        mask: bool `[B, T]`, True = real token.

    Returns:
        float `[B, T, D]`. Padding changes nothing at real positions.

    Raises:
        UserError: a number is out of its range.

    Example:
        >>> x, mask = keras.random.normal((2, 5, 16)), keras.ops.ones((2, 5), "bool")
        >>> keras.ops.shape(ConvBlock(hidden_dim=32, dilation=2)(x, mask=mask))
        (2, 5, 16)
    """

    argument_names = ("hidden_dim", "dilation", "dropout_rate")

    def __init__(self, hidden_dim: int, dilation: int = 1, dropout_rate: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden_dim = check_positive("hidden_dim", hidden_dim)
        self.dilation = check_positive("dilation", dilation)
        self.dropout_rate = check_rate("dropout_rate", dropout_rate)

    def build(self, input_shape: Shape) -> None:
        self.norm = self._part(LayerNorm, input_shape, name="norm")
        self.phrases = self._part(Phrases, input_shape, self.hidden_dim, self.dilation, name="phrases")
        found = self.phrases.compute_output_shape(input_shape)
        self.project = self._part(keras.layers.Dense, found, input_shape[-1], name="project")
        self.dropout = self._part(keras.layers.Dropout, input_shape, self.dropout_rate, name="dropout")

    def call(self, x: Tensor, mask: Mask) -> Tensor:
        found = self.phrases(self.norm(x), mask=mask)
        return x + self.dropout(by_row(found, self.project))


@keras.saving.register_keras_serializable(package="supportnet")
class ConvEncoder(Encoder):
    """Residual blocks of convolutions that read ever wider, and no attention: the third encoder.

    The filters are those of `Phrases` (Kim 2014). The distance of the neighbours they read doubles from block to block,
    1, 2, 4, ..., so that with n blocks a token depends on `2 ** n - 1` tokens on either side (Kalchbrenner et al. 2016,
    Neural Machine Translation in Linear Time; Bai et al. 2018, An Empirical Evaluation of Generic Convolutional and
    Recurrent Networks for Sequence Modeling).

    Args:
        hidden_dim: number of filters of each width, of which there are two.
        num_layers: number of blocks, 0 or more; without any, the vectors are normalized, and that is all.
        num_heads: unused, since there is no attention; checked as by other encoders, which take the same arguments.
        dropout_rate: dropout in the blocks.

    Call arguments:
        x: float `[B, T, D]`, T at least 1.
        mask: bool `[B, T]`, True = real token.

    Returns:
        float `[B, T, D]`, normalized. Padding changes nothing at real positions.

    Raises:
        UserError: `num_heads` doesn't divide the depth, or a number is out of its range.

    Example:
        >>> encoder = ConvEncoder(hidden_dim=96, num_layers=2, num_heads=4)
        >>> x, mask = keras.random.normal((2, 5, 128)), keras.ops.ones((2, 5), "bool")
        >>> keras.ops.shape(encoder(x, mask=mask))
        (2, 5, 128)
        >>> encoder.attention_weights(x, mask)
        []
    """

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        self.blocks = [
            self._part(ConvBlock, input_shape, self.hidden_dim, 2**i, self.dropout_rate, name=f"block_{i}")
            for i in range(self.num_layers)
        ]
        self.norm = self._part(LayerNorm, input_shape, name="norm")

    def call(self, x: Tensor, mask: Mask) -> Tensor:
        for block in self.blocks:
            x = block(x, mask=mask)
        return self.norm(x)
