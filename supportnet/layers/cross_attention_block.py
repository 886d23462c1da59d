"""One block of attention to a memory and feed-forward, each with a residual and normalization."""

from typing import Any

import keras

from supportnet.layers.attention import MultiHeadAttention
from supportnet.layers.blocks import ResidualBlock


@keras.saving.register_keras_serializable(package="supportnet")
class CrossAttentionBlock(ResidualBlock):
    """Attention to what an encoder made of the source, then feed-forward.

    Args:
        num_heads: heads of the attention; must divide the depth.
        hidden_dim: width of the feed-forward layer.
        dropout_rate: dropout on the attention weights and on what each half adds.
        norm: "pre" or "post"; see `ResidualBlock`.

    Call arguments:
        x: float `[B, T, D]`.
        memory: float `[B, S, D]`.
        memory_mask: bool `[B, S]`, True = real token.

    Returns:
        float `[B, T, D]`. What stands in the memory's padding changes nothing, unless a memory is all padding.

    Raises:
        UserError: `num_heads` doesn't divide the depth, a number is out of its range, or `norm` is neither.

    Example:
        >>> x, memory, mask = keras.ops.ones((2, 3, 16)), keras.ops.ones((2, 5, 16)), keras.ops.ones((2, 5), "bool")
        >>> block = CrossAttentionBlock(num_heads=4, hidden_dim=64)
        >>> keras.ops.shape(block(x, memory, memory_mask=mask))
        (2, 3, 16)
    """

    def build(self, input_shape: Any) -> None:
        self.cross_attention_norm = self._build_norm("cross_attention_norm", input_shape)
        self.cross_attention = MultiHeadAttention(
            self.num_heads, self.dropout_rate, dtype=self.dtype_policy, name="cross_attention"
        )
        self.cross_attention.build(input_shape)
        self._build_feed_forward(input_shape)

    def call(self, x: Any, memory: Any, memory_mask: Any) -> Any:
        x = self._add(x, self.cross_attention_norm, lambda y: self.cross_attention(y, memory, mask=memory_mask))
        return self._feed_forward(x)

    def remember(self, memory: Any) -> dict[str, Any]:
        """Compute what `recall` needs of the memory: `cross_keys` and `cross_values`, `[B, H, S, D / H]`."""
        keys, values = self.cross_attention.remember(memory)
        return {"cross_keys": keys, "cross_values": values}

    def recall(self, x: Any, memory_bias: Any, state: dict[str, Any]) -> Any:
        """Do what a call does, without dropout, for one position of each sequence.

        Args:
            x: float `[B, D]`.
            memory_bias: float32 `[B, 1, S]`, `mask_bias` of the memory's mask.
            state: what `remember` returned.

        Returns:
            float `[B, D]`.
        """
        keys, values = state["cross_keys"], state["cross_values"]
        x = self._add(x, self.cross_attention_norm, lambda y: self.cross_attention.recall(y, keys, values, memory_bias))
        return self._feed_forward_rows(x)
