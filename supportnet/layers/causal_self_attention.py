"""Self-attention that looks back only, over a whole sequence or one position at a time."""

from typing import Any

import keras
from keras import ops

from supportnet.checks import check_divides, check_rate
from supportnet.layers.attention import scaled_dot_product_attention
from supportnet.layers.heads import HIDDEN, attend_from_one, join_heads, split_heads
from supportnet.layers.rows import by_row


@keras.saving.register_keras_serializable(package="supportnet")
class CausalSelfAttention(keras.layers.Layer):
    """Multi-head attention of a sequence to itself, in which no position sees a later one.

    Queries, keys and values come from one kernel `[D, 3 D]`: one token at a time, three smaller multiplications take
    longer than one.

    Args:
        num_heads: number of heads H; must divide the depth.
        dropout_rate: dropout on the attention weights.

    Call arguments:
        x: float `[B, T, D]`. Padding stands at the end, where no real token sees it, or is masked.
        mask: bool `[B, T]`, False where no position may look; nowhere, if not given.

    Returns:
        float `[B, T, D]`.

    Raises:
        UserError: `num_heads` doesn't divide the depth, or `dropout_rate` is outside [0, 1).

    Example:
        >>> layer, x = CausalSelfAttention(num_heads=4), keras.random.normal((2, 5, 16))
        >>> whole = layer(x)
        >>> keys, values = layer.start(batch=2, max_length=8)
        >>> first, keys, values = layer.step(x[:, 0], keys, values, *cache_place(0, 2, keys))
        >>> keras.ops.shape(first)
        (2, 16)
    """

    def __init__(self, num_heads: int, dropout_rate: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.dropout_rate = check_rate("dropout_rate", dropout_rate)

    def build(self, input_shape: Any) -> None:
        policy, self.depth = self.dtype_policy, input_shape[-1]
        check_divides("num_heads", self.num_heads, "the depth", self.depth)
        self.input_dense = keras.layers.Dense(3 * self.depth, dtype=policy, name="input")
        self.output_dense = keras.layers.Dense(self.depth, dtype=policy, name="output")
        self.weight_dropout = keras.layers.Dropout(self.dropout_rate, dtype="float32", name="weights")
        self.input_dense.build(input_shape)
        self.output_dense.build(input_shape)

    def call(self, x: Any, mask: Any = None) -> Any:
        return self.read(x, mask)[0]

    def read(self, x: Any, mask: Any = None) -> tuple[Any, Any, Any]:
        """Do what a call does, and return with it what later positions look at: keys and values `[B, H, T, D / H]`."""
        parts = ops.split(by_row(x, self.input_dense), 3, axis=-1)
        query, keys, values = (split_heads(part, self.num_heads) for part in parts)
        positions = ops.arange(ops.shape(x)[1])
        seen = ops.greater_equal(ops.expand_dims(positions, -1), positions)
        if mask is not None:
            seen = ops.logical_and(seen, ops.expand_dims(mask, (1, 2)))
        heads, _ = scaled_dot_product_attention(query, keys, values, seen, self.weight_dropout)
        return by_row(join_heads(heads), self.output_dense), keys, values

    def start(self, batch: Any, max_length: int) -> tuple[Any, Any]:
        """Make the buffers of the keys and the values, zeros `[B, H, max_length, D / H]`."""
        shape = (batch, self.num_heads, max_length, self.depth // self.num_heads)
        return ops.zeros(shape, self.compute_dtype), ops.zeros(shape, self.compute_dtype)

    def step(self, x: Any, keys: Any, values: Any, rows: Any, bias: Any) -> tuple[Any, Any, Any]:
        """Do what a call does, without dropout, for one position of each sequence.

        Args:
            x: float `[B, D]`.
            keys: those of the positions before, `[B, H, max_length, D / H]`.
            values: those of the positions before, in the same shape.
            rows: where the position's own are written; see `cache_place`.
            bias: what hides the positions that aren't written yet; see `cache_place`.

        Returns:
            float `[B, D]`, and the keys and values with the position's own.
        """
        query, key, value = ops.split(self.input_dense(x), 3, axis=-1)
        keys, values = _write(keys, rows, key), _write(values, rows, value)
        return self.output_dense(attend_from_one(query, keys, values, bias)), keys, values

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """See the call's `mask`."""

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_heads": self.num_heads, "dropout_rate": self.dropout_rate}


def cache_place(position: Any, batch: Any, cache: Any, behind: Any = HIDDEN) -> tuple[Any, Any]:
    """Find where a position's keys and values belong, and hide the positions after it: the same in every block.

    Args:
        position: int32 scalar, from 0.
        batch: number of sequences B.
        cache: a buffer, `[B, H, max_length, D / H]`; only its shape counts.
        behind: bias of the places behind the position, where they aren't all hidden: broadcastable to
            `[B, H, max_length]`.

    Returns:
        The rows of `[B H max_length, D / H]` to write, int32 `[B H, 1]`, and the bias of the scores, `[max_length]` or
        in the shape of `behind`.
    """
    _, num_heads, length, _ = ops.shape(cache)
    rows = ops.arange(batch * num_heads, dtype="int32") * length + position
    return ops.expand_dims(rows, -1), ops.where(ops.arange(length, dtype="int32") <= position, 0.0, behind)


def _write(cache: Any, rows: Any, vectors: Any) -> Any:
    """Write `[B, D]` into the rows of a buffer `[B, H, max_length, D / H]`."""
    _, num_heads, length, depth = ops.shape(cache)
    flat = ops.scatter_update(ops.reshape(cache, (-1, depth)), rows, ops.reshape(vectors, (-1, depth)))
    return ops.reshape(flat, (-1, num_heads, length, depth))
