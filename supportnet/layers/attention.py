"""Scaled dot-product attention and multi-head attention (article 3.3; Vaswani et al. 2017, sections 3.2.1, 3.2.2)."""

from typing import Any

import keras
from keras import ops

from supportnet.checks import check_divides, check_rate
from supportnet.layers.heads import attend_from_one, join_heads, split_heads
from supportnet.layers.rows import by_row


def scaled_dot_product_attention(
    query: Any, key: Any, value: Any, mask: Any | None = None, dropout: keras.layers.Dropout | None = None
) -> tuple[Any, Any]:
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
        scores = ops.where(mask, scores, -1e9)
    weights = ops.softmax(scores, axis=-1)
    used = weights if dropout is None else dropout(weights)
    return ops.matmul(ops.cast(used, value.dtype), value), weights


@keras.saving.register_keras_serializable(package="supportnet")
class MultiHeadAttention(keras.layers.Layer):
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

    def __init__(self, num_heads: int, dropout_rate: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.dropout_rate = check_rate("dropout_rate", dropout_rate)

    def build(self, query_shape: Any, value_shape: Any = None) -> None:
        depth = query_shape[-1]
        check_divides("num_heads", self.num_heads, "the depth", depth)
        value_shape = query_shape if value_shape is None else value_shape
        self.query_dense = keras.layers.Dense(depth, dtype=self.dtype_policy, name="query")
        self.key_dense = keras.layers.Dense(depth, dtype=self.dtype_policy, name="key")
        self.value_dense = keras.layers.Dense(depth, dtype=self.dtype_policy, name="value")
        self.output_dense = keras.layers.Dense(depth, dtype=self.dtype_policy, name="output")
        self.weight_dropout = keras.layers.Dropout(self.dropout_rate, dtype="float32", name="weights")
        self.query_dense.build(query_shape)
        self.key_dense.build(value_shape)
        self.value_dense.build(value_shape)
        self.output_dense.build(query_shape)

    def call(self, query: Any, value: Any = None, mask: Any = None, return_weights: bool = False) -> Any:
        value = query if value is None else value
        heads, weights = scaled_dot_product_attention(
            split_heads(by_row(query, self.query_dense), self.num_heads),
            *self.remember(value),
            None if mask is None else self._for_all_heads(mask),
            self.weight_dropout,
        )
        output = by_row(join_heads(heads), self.output_dense)
        return (output, weights) if return_weights else output

    def remember(self, value: Any) -> tuple[Any, Any]:
        """Compute once what `recall` looks at, whatever is asked.

        Args:
            value: as in a call.

        Returns:
            Keys and values, float `[B, H, S, D / H]`.
        """
        keys, values = by_row(value, self.key_dense), by_row(value, self.value_dense)
        return split_heads(keys, self.num_heads), split_heads(values, self.num_heads)

    def recall(self, query: Any, keys: Any, values: Any, bias: Any) -> Any:
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

    def _for_all_heads(self, mask: Any) -> Any:
        """`[B, S]` or `[B, T, S]` -> `[B, 1, 1, S]` or `[B, 1, T, S]`."""
        return ops.expand_dims(mask, 1 if len(mask.shape) == 3 else (1, 2))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """See the call's `mask`."""

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_heads": self.num_heads, "dropout_rate": self.dropout_rate}
