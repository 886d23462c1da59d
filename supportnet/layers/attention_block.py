"""One block of self-attention and feed-forward, each with a residual and normalization."""

from typing import Any

import keras

from supportnet.layers.attention import MultiHeadAttention
from supportnet.layers.blocks import ResidualBlock


@keras.saving.register_keras_serializable(package="supportnet")
class AttentionBlock(ResidualBlock):
    """Self-attention, then feed-forward: one block of an encoder.

    Args:
        num_heads: heads of the attention; must divide the depth.
        hidden_dim: width of the feed-forward layer.
        dropout_rate: dropout on the attention weights and on what each half adds.
        norm: "pre", to normalize what each half is given, or "post", to normalize the sums; see `ResidualBlock`.

    Call arguments:
        x: float `[B, T, D]`.
        mask: bool `[B, T]`, True = real token.

    Returns:
        float `[B, T, D]`. Padding changes nothing at real positions.

    Raises:
        UserError: `num_heads` doesn't divide the depth, a number is out of its range, or `norm` is neither.

    Example:
        >>> x, mask = keras.random.normal((2, 5, 16)), keras.ops.ones((2, 5), "bool")
        >>> keras.ops.shape(AttentionBlock(num_heads=4, hidden_dim=64)(x, mask=mask))
        (2, 5, 16)
    """

    def build(self, input_shape: Any) -> None:
        self.attention_norm = self._build_norm("attention_norm", input_shape)
        self.attention = MultiHeadAttention(
            self.num_heads, self.dropout_rate, dtype=self.dtype_policy, name="attention"
        )
        self.attention.build(input_shape)
        self._build_feed_forward(input_shape)

    def call(self, x: Any, mask: Any) -> Any:
        x = self._add(x, self.attention_norm, lambda y: self.attention(y, mask=mask))
        return self._feed_forward(x)

    def weights_of(self, x: Any, mask: Any) -> Any:
        """Return how much each token looks at each, float32 `[B, H, T, T]`; each row sums to 1."""
        return self.attention(self._given(x, self.attention_norm), mask=mask, return_weights=True)[1]
