"""The block of BERT's encoder (Devlin et al. 2019), with which DistilBERT's and MiniLM's are the same."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
from keras import ops

from supportnet.checks import check_choice, check_divides, check_positive, check_rate, in_range
from supportnet.layers.attention import scaled_dot_product_attention
from supportnet.layers.base import SequenceLayer
from supportnet.layers.blocks import LayerNorm
from supportnet.types import Mask, Shape, Tensor


def _gelu(x: Tensor) -> Tensor:
    """Return `x Phi(x)` (Hendrycks & Gimpel 2016); Keras's own takes `erfc`, which is three times slower on CPUs."""
    return 0.5 * x * (1.0 + ops.erf(x * 0.5**0.5))


#: BERT's GELU is the exact one, by the error function; later models have one by a tanh.
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": _gelu,
    "gelu_tanh": partial(ops.gelu, approximate=True),
    "relu": ops.relu,
}

check_epsilon = in_range("above 0 and below 1", lambda number: 0 < number < 1)


@keras.saving.register_keras_serializable(package="supportnet")
class PretrainedBlock(SequenceLayer):
    """Self-attention, then feed-forward, each with a residual and normalized after it: one block of BERT.

    Queries, keys and values come from one kernel `[D, 3 D]`: for one message, three smaller multiplications take longer
    than one.

    Args:
        num_heads: heads of the attention; must divide the depth.
        hidden_dim: width of the feed-forward layer.
        activation: "gelu", "gelu_tanh" or "relu".
        epsilon: added to the variance in normalizations.
        dropout_rate: dropout on the attention weights and on what each part adds.

    Call arguments:
        x: float `[B, T, D]`.
        mask: bool `[B, T]`, True = real token.

    Returns:
        float `[B, T, D]`. Padding changes nothing at real positions.

    Raises:
        UserError: `num_heads` doesn't divide the depth, a number is out of its range, or `activation` isn't known.

    Example:
        >>> x, mask = keras.random.normal((2, 5, 16)), keras.ops.ones((2, 5), "bool")
        >>> keras.ops.shape(PretrainedBlock(num_heads=4, hidden_dim=64)(x, mask=mask))
        (2, 5, 16)
    """

    argument_names = ("num_heads", "hidden_dim", "activation", "epsilon", "dropout_rate")

    def __init__(
        self,
        num_heads: int,
        hidden_dim: int,
        activation: str = "gelu",
        epsilon: float = 1e-12,
        dropout_rate: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads = check_positive("num_heads", num_heads)
        self.hidden_dim = check_positive("hidden_dim", hidden_dim)
        self.activation = check_choice("activation", activation, tuple(ACTIVATIONS))
        self.epsilon = check_epsilon("epsilon", epsilon)
        self.dropout_rate = check_rate("dropout_rate", dropout_rate)

    def build(self, input_shape: Shape) -> None:
        depth = input_shape[-1]
        check_divides("num_heads", self.num_heads, "the depth", depth)
        rows, inner = (None, depth), (None, self.hidden_dim)
        dense = keras.layers.Dense
        self.input_dense = self._part(dense, rows, 3 * depth, name="input")
        self.output_dense = self._part(dense, rows, depth, name="output")
        self.attention_norm = self._part(LayerNorm, rows, self.epsilon, name="attention_norm")
        activation = ACTIVATIONS[self.activation]
        self.expand = self._part(dense, rows, self.hidden_dim, activation=activation, name="expand")
        self.contract = self._part(dense, inner, depth, name="contract")
        self.feed_forward_norm = self._part(LayerNorm, rows, self.epsilon, name="feed_forward_norm")
        self.weight_dropout = keras.layers.Dropout(self.dropout_rate, dtype="float32", name="weights")
        self.dropout = self._part(keras.layers.Dropout, rows, self.dropout_rate, name="dropout")
        #: The layers that have weights.
        self.weighted = (
            *(self.input_dense, self.output_dense, self.attention_norm),
            *(self.expand, self.contract, self.feed_forward_norm),
        )

    def call(self, x: Tensor, mask: Mask) -> Tensor:
        packed = Packed(mask)
        return packed.padded(self.through(packed.rows(x), packed))

    def through(self, rows: Tensor, packed: "Packed") -> Tensor:
        """Do what a call does with the rows of the tokens alone, float `[N, D]`."""
        rows = self.attention_norm(rows + self.dropout(self.output_dense(self._attended(rows, packed))))
        return self.feed_forward_norm(rows + self.dropout(self.contract(self.expand(rows))))

    def _attended(self, rows: Tensor, packed: "Packed") -> Tensor:
        """Attend within each sequence: `[N, D]` -> `[N, D]`, the heads side by side."""
        depth, mask = rows.shape[-1], packed.mask
        heads = (3, self.num_heads, depth // self.num_heads)
        parts = ops.reshape(packed.padded(self.input_dense(rows)), (-1, packed.length, *heads))
        # Each `[B, H, T, D / H]`; the mask is for all heads and queries, `[B, 1, 1, T]`.
        query, key, value = ops.unstack(ops.transpose(parts, (2, 0, 3, 1, 4)), 3)
        heads, _ = scaled_dot_product_attention(query, key, value, ops.expand_dims(mask, (1, 2)), self.weight_dropout)
        return packed.rows(ops.reshape(ops.swapaxes(heads, 1, 2), (-1, packed.length, depth)))


class Packed:
    """Where the tokens of a batch are: all but the attention of a block is computed for them, and not for padding.

    A batch of messages is padding for a quarter or more. Only TensorFlow has tensors of a size that isn't known before:
    elsewhere every position counts as a token.

    Args:
        mask: bool `[B, T]`, True = real token.

    Attributes:
        mask, length: the mask, and T.
    """

    def __init__(self, mask: Mask) -> None:
        self.mask, self.length = mask, ops.shape(mask)[1]
        self._places: Tensor | None = None
        if keras.backend.backend() == "tensorflow":
            # The first position of each message counts, so that there are rows even where no token is real.
            first = ops.equal(ops.arange(self.length), 0)
            kept = ops.reshape(ops.logical_or(mask, first), (-1,))
            (self._places,) = ops.nonzero(kept)
            # Padding shows the row of the token before it, or any: it is masked wherever it is looked at.
            self._sources = ops.cumsum(ops.cast(kept, "int32")) - 1

    def rows(self, x: Tensor) -> Tensor:
        """Return the rows of the N tokens: `[B, T, D]` -> `[N, D]`."""
        rows = ops.reshape(x, (-1, x.shape[-1]))
        return rows if self._places is None else ops.take(rows, self._places, axis=0)

    def padded(self, rows: Tensor) -> Tensor:
        """Return what every position holds: `[N, D]` -> `[B, T, D]`; padding holds what means nothing."""
        rows = rows if self._places is None else ops.take(rows, self._sources, axis=0)
        return ops.reshape(rows, (-1, self.length, rows.shape[-1]))
