"""Scaled dot-product, multi-head and causal self-attention (article 3.3; Vaswani et al. 2017, section 3.2)."""

from typing import Any

import keras
from keras import ops

from supportnet.checks import check_divides, check_rate
from supportnet.layers.base import BaseLayer, by_row
from supportnet.types import Mask, Shape, Tensor

#: What added to a score hides a position.
HIDDEN = -1e9


def split_heads(x: Tensor, num_heads: int) -> Tensor:
    """`[B, T, D]` -> `[B, H, T, D / H]`."""
    heads = (num_heads, x.shape[-1] // num_heads)
    return ops.swapaxes(ops.reshape(x, (-1, ops.shape(x)[1], *heads)), 1, 2)


def join_heads(x: Tensor) -> Tensor:
    """`[B, H, T, D / H]` -> `[B, T, D]`."""
    return ops.reshape(ops.swapaxes(x, 1, 2), (-1, ops.shape(x)[2], x.shape[1] * x.shape[3]))


def attend_from_one(query: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
    """Attend from one position of each sequence: `scaled_dot_product_attention` in fewer and smaller operations.

    Args:
        query: float `[B, D]`.
        keys: float `[B, H, S, D / H]`.
        values: float `[B, H, S, D / H]`.
        bias: float32, broadcastable to `[B, H, S]`, added to the scores: `mask_bias` of where the query may look.

    Returns:
        float `[B, D]`, the heads side by side.

    Example:
        >>> keys, values = ops.ones((1, 1, 2, 1)), ops.array([[[[1.0], [5.0]]]])
        >>> seen = ops.array([True, False])
        >>> ops.convert_to_numpy(attend_from_one(ops.ones((1, 1)), keys, values, mask_bias(seen)))
        array([[1.]], dtype=float32)
    """
    _, num_heads, _, depth = keys.shape
    query = ops.reshape(ops.multiply(query, 1.0 / float(depth) ** 0.5), (-1, num_heads, depth))
    # Nothing is transposed: each number of the keys and values is read once, where it lies.
    scores = ops.cast(ops.einsum("bhd,bhsd->bhs", query, keys), "float32")
    weights = ops.cast(ops.softmax(ops.add(scores, bias), axis=-1), values.dtype)
    return ops.reshape(ops.einsum("bhs,bhsd->bhd", weights, values), (-1, num_heads * depth))


def mask_bias(mask: Mask) -> Tensor:
    """What added to scores hides the positions where `mask` is False: float32, in the mask's shape."""
    return ops.where(mask, 0.0, HIDDEN)


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Mask | None = None, dropout: keras.layers.Dropout | None = None
) -> tuple[Tensor, Tensor]:
    """Attend: `softmax(query key^T / sqrt(d_k)) value`, the article's formula.

    The softmax is computed in float32, whatever the dtype of the inputs.

    Args:
        query: float `[..., T, d_k]`.
        key: float `[..., S, d_k]`.
        value: float `[..., S, d_v]`.
        mask: bool, broadcastable to `[..., T, S]`, True where a query may look. A query that may look nowhere
            gets the plain mean of the values: a finite answer, for the caller to mask.
        dropout: applied to the weights, as a layer so that its seed is the caller's.

    Returns:
        The attended values `[..., T, d_v]` and the float32 weights `[..., T, S]`; each row of weights sums to 1.

    Example:
        >>> query, key = keras.ops.array([[1.0, 0.0]]), keras.ops.array([[1.0, 0.0], [0.0, 1.0]])
        >>> values, weights = scaled_dot_product_attention(query, key, value=keras.ops.array([[1.0], [0.0]]))
        >>> keras.ops.convert_to_numpy(weights)
        array([[0.66976154, 0.33023846]], dtype=float32)
    """
    scale = 1.0 / float(query.shape[-1]) ** 0.5
    scores = ops.matmul(ops.multiply(query, scale), ops.swapaxes(key, -1, -2))
    scores = ops.cast(scores, "float32")
    if mask is not None:
        scores = ops.where(mask, scores, HIDDEN)
    weights = ops.softmax(scores, axis=-1)
    used = weights if dropout is None else dropout(weights)
    return ops.matmul(ops.cast(used, value.dtype), value), weights


class AttentionLayer(BaseLayer):
    """Base of the attention layers: heads, and dropout on the weights.

    Args:
        num_heads: number of heads H; must divide the depth.
        dropout_rate: dropout on the attention weights.

    Raises:
        UserError: `num_heads` doesn't divide the depth, or `dropout_rate` is outside [0, 1).
    """

    argument_names = ("num_heads", "dropout_rate")

    def __init__(self, num_heads: int, dropout_rate: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.dropout_rate = check_rate("dropout_rate", dropout_rate)

    def compute_mask(self, inputs: Tensor, previous_mask: Mask | None = None) -> None:
        """Return no mask: the one of a call says where to look, and nothing of the output's positions."""


@keras.saving.register_keras_serializable(package="supportnet")
class MultiHeadAttention(AttentionLayer):
    """`concatenate(head_1, ..., head_h) W_O`: every head attends to the same sequence in a subspace of its own.

    Args:
        num_heads: number of heads H; must divide the depth of the query.
        dropout_rate: dropout on the attention weights.

    Call arguments:
        query: float `[B, T, D]`.
        value: float `[B, S, D]`, keys and values alike; the query itself if not given (self-attention).
        mask: bool, True where a query may look: `[B, S]`, the real tokens, or `[B, T, S]`, for each query its
            own. It isn't passed on to later layers, since it says nothing of the output's positions.
        return_weights: also return the weights, float32 `[B, H, T, S]`.

    Returns:
        float `[B, T, D]`, or that and the weights.

    Raises:
        UserError: `num_heads` doesn't divide the depth, or `dropout_rate` is outside [0, 1).

    Example:
        >>> layer = MultiHeadAttention(num_heads=4)
        >>> keras.ops.shape(layer(keras.random.normal((2, 5, 16))))
        (2, 5, 16)
    """

    def build(self, query_shape: Shape, value_shape: Shape | None = None) -> None:
        depth = query_shape[-1]
        check_divides("num_heads", self.num_heads, "the depth", depth)
        value_shape = query_shape if value_shape is None else value_shape
        self.query_dense = self._part(keras.layers.Dense, query_shape, depth, name="query")
        self.key_dense = self._part(keras.layers.Dense, value_shape, depth, name="key")
        self.value_dense = self._part(keras.layers.Dense, value_shape, depth, name="value")
        self.output_dense = self._part(keras.layers.Dense, query_shape, depth, name="output")
        self.weight_dropout = keras.layers.Dropout(self.dropout_rate, dtype="float32", name="weights")

    def call(
        self, query: Tensor, value: Tensor | None = None, mask: Mask | None = None, return_weights: bool = False
    ) -> Tensor:
        value = query if value is None else value
        heads, weights = scaled_dot_product_attention(
            split_heads(by_row(query, self.query_dense), self.num_heads),
            *self.remember(value),
            # For all heads: `[B, 1, 1, S]` or `[B, 1, T, S]`.
            None if mask is None else ops.expand_dims(mask, 1 if len(mask.shape) == 3 else (1, 2)),
            self.weight_dropout,
        )
        output = by_row(join_heads(heads), self.output_dense)
        return (output, weights) if return_weights else output

    def remember(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """Compute once what `recall` looks at, whatever is asked.

        Args:
            value: as in a call.

        Returns:
            Keys and values, float `[B, H, S, D / H]`.
        """
        keys, values = by_row(value, self.key_dense), by_row(value, self.value_dense)
        return split_heads(keys, self.num_heads), split_heads(values, self.num_heads)

    def recall(self, query: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
        """Do what a call does, without dropout, for one position of each sequence.

        Args:
            query: float `[B, D]`.
            keys: what `remember` returned.
            values: what `remember` returned.
            bias: `mask_bias` of where the queries may look, broadcastable to `[B, H, S]`.

        Returns:
            float `[B, D]`.
        """
        return self.output_dense(attend_from_one(self.query_dense(query), keys, values, bias))


@keras.saving.register_keras_serializable(package="supportnet")
class CausalSelfAttention(AttentionLayer):
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

    def build(self, input_shape: Shape) -> None:
        self.depth = input_shape[-1]
        check_divides("num_heads", self.num_heads, "the depth", self.depth)
        self.input_dense = self._part(keras.layers.Dense, input_shape, 3 * self.depth, name="input")
        self.output_dense = self._part(keras.layers.Dense, input_shape, self.depth, name="output")
        self.weight_dropout = keras.layers.Dropout(self.dropout_rate, dtype="float32", name="weights")

    def call(self, x: Tensor, mask: Mask | None = None) -> Tensor:
        return self.read(x, mask)[0]

    def read(self, x: Tensor, mask: Mask | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Do what a call does, and return with it what later positions look at: keys and values `[B, H, T, D / H]`."""
        parts = ops.split(by_row(x, self.input_dense), 3, axis=-1)
        query, keys, values = (split_heads(part, self.num_heads) for part in parts)
        positions = ops.arange(ops.shape(x)[1])
        seen = ops.greater_equal(ops.expand_dims(positions, -1), positions)
        if mask is not None:
            seen = ops.logical_and(seen, ops.expand_dims(mask, (1, 2)))
        heads, _ = scaled_dot_product_attention(query, keys, values, seen, self.weight_dropout)
        return by_row(join_heads(heads), self.output_dense), keys, values

    def start(self, batch: Tensor, max_length: int) -> tuple[Tensor, Tensor]:
        """Make the buffers of the keys and the values, zeros `[B, H, max_length, D / H]`."""
        shape = (batch, self.num_heads, max_length, self.depth // self.num_heads)
        return ops.zeros(shape, self.compute_dtype), ops.zeros(shape, self.compute_dtype)

    def step(
        self, x: Tensor, keys: Tensor, values: Tensor, rows: Tensor, bias: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
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

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape


def cache_place(position: Tensor, batch: Tensor, cache: Tensor, behind: Tensor = HIDDEN) -> tuple[Tensor, Tensor]:
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


def _write(cache: Tensor, rows: Tensor, vectors: Tensor) -> Tensor:
    """Write `[B, D]` into the rows of a buffer `[B, H, max_length, D / H]`."""
    _, num_heads, length, depth = ops.shape(cache)
    flat = ops.scatter_update(ops.reshape(cache, (-1, depth)), rows, ops.reshape(vectors, (-1, depth)))
    return ops.reshape(flat, (-1, num_heads, length, depth))
