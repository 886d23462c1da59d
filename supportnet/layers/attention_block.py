"""One block of self-attention and feed-forward, each with a residual and normalization before it."""

from typing import Any

import keras

from supportnet.layers.attention import MultiHeadAttention
from supportnet.layers.checks import check_positive, check_rate
from supportnet.layers.rows import by_row


@keras.saving.register_keras_serializable(package="supportnet")
class AttentionBlock(keras.layers.Layer):
    """`x + attention(norm(x))`, then `x + feed_forward(norm(x))` (pre-norm: Xiong et al. 2020).

    Args:
        num_heads: heads of the attention; must divide the depth.
        hidden_dim: width of the feed-forward layer.
        dropout_rate: dropout on the attention weights and on what each half adds.

    Call arguments:
        x: float `[B, T, D]`.
        mask: bool `[B, T]`, True = real token.

    Returns:
        float `[B, T, D]`. Padding changes nothing at real positions.

    Raises:
        UserError: `num_heads` doesn't divide the depth, or a number is out of its range.

    Example:
        >>> x, mask = keras.random.normal((2, 5, 16)), keras.ops.ones((2, 5), "bool")
        >>> keras.ops.shape(AttentionBlock(num_heads=4, hidden_dim=64)(x, mask=mask))
        (2, 5, 16)
    """

    def __init__(self, num_heads: int, hidden_dim: int, dropout_rate: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.hidden_dim = check_positive("hidden_dim", hidden_dim)
        self.dropout_rate = check_rate("dropout_rate", dropout_rate)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        policy = self.dtype_policy
        self.attention_norm = keras.layers.LayerNormalization(epsilon=1e-5, dtype=policy, name="attention_norm")
        self.attention = MultiHeadAttention(self.num_heads, self.dropout_rate, dtype=policy, name="attention")
        self.feed_forward_norm = keras.layers.LayerNormalization(epsilon=1e-5, dtype=policy, name="feed_forward_norm")
        self.expand = keras.layers.Dense(self.hidden_dim, activation="relu", dtype=policy, name="expand")
        self.contract = keras.layers.Dense(input_shape[-1], dtype=policy, name="contract")
        self.dropout = keras.layers.Dropout(self.dropout_rate, dtype=policy, name="dropout")
        for layer in (self.attention_norm, self.attention, self.feed_forward_norm, self.expand):
            layer.build(input_shape)
        self.contract.build((*input_shape[:-1], self.hidden_dim))

    def call(self, x: Any, mask: Any) -> Any:
        x = x + self.dropout(self.attention(self.attention_norm(x), mask=mask))
        return x + self.dropout(by_row(x, self.feed_forward_norm, self.expand, self.contract))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "dropout_rate": self.dropout_rate,
        }
