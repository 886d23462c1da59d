"""One block of causal self-attention, attention to a memory and feed-forward."""

from typing import Any

import keras

from supportnet.layers.causal_block import CausalResidualBlock
from supportnet.layers.cross_attention_block import CrossAttentionBlock


@keras.saving.register_keras_serializable(package="supportnet")
class DecoderBlock(CausalResidualBlock, CrossAttentionBlock):
    """Self-attention that looks back only, then a `CrossAttentionBlock` (Vaswani et al. 2017, section 3.1).

    Args:
        num_heads: heads of each attention; must divide the depth.
        hidden_dim: width of the feed-forward layer.
        dropout_rate: dropout on the attention weights and on what each part adds.
        norm: "pre" or "post"; see `ResidualBlock`.

    Call arguments:
        x: float `[B, T, D]`.
        memory: float `[B, S, D]`.
        memory_mask: bool `[B, S]`, True = real token.

    Returns:
        float `[B, T, D]`; no position sees a later one.

    Raises:
        UserError: `num_heads` doesn't divide the depth, a number is out of its range, or `norm` is neither.

    Example:
        >>> x, memory, mask = keras.ops.ones((2, 3, 16)), keras.ops.ones((2, 5, 16)), keras.ops.ones((2, 5), "bool")
        >>> keras.ops.shape(DecoderBlock(num_heads=4, hidden_dim=64)(x, memory, memory_mask=mask))
        (2, 3, 16)
    """

    def build(self, input_shape: Any) -> None:
        self._build_self_attention(input_shape)
        super().build(input_shape)

    def call(self, x: Any, memory: Any, memory_mask: Any) -> Any:
        x = self._add(x, self.self_attention_norm, self.self_attention)
        return super().call(x, memory, memory_mask)

    def start(self, memory: Any, batch: Any, max_length: int) -> dict[str, Any]:
        """Make what `step` needs: `remember` and the empty buffers `self_keys` and `self_values`.

        Args:
            memory: float `[B, S, D]`.
            batch: number of sequences B.
            max_length: number of positions to hold.

        Returns:
            Tensors `[B, H, S, D / H]` and `[B, H, max_length, D / H]`.
        """
        keys, values = self.self_attention.start(batch, max_length)
        return {"self_keys": keys, "self_values": values, **self.remember(memory)}

    def step(
        self, x: Any, memory_bias: Any, place: tuple[Any, Any], state: dict[str, Any]
    ) -> tuple[Any, dict[str, Any]]:
        """Do what a call does, without dropout, for one position of each sequence.

        Args:
            x: float `[B, D]`.
            memory_bias: float32 `[B, 1, S]`, `mask_bias` of the memory's mask.
            place: the position's `cache_place`.
            state: what `start` or the step before returned.

        Returns:
            float `[B, D]`, and the new state.
        """
        x, buffers = self._step_self_attention(x, place, state)
        return self.recall(x, memory_bias, state), {**state, **buffers}
