"""One block of causal self-attention and feed-forward."""

from typing import Any

import keras

from supportnet.layers.blocks import ResidualBlock
from supportnet.layers.causal_self_attention import CausalSelfAttention


class CausalResidualBlock(ResidualBlock):
    """The base of the blocks that begin with causal self-attention."""

    def _build_self_attention(self, shape: Any) -> None:
        self.self_attention_norm = self._build_norm("self_attention_norm", shape)
        self.self_attention = CausalSelfAttention(
            self.num_heads, self.dropout_rate, dtype=self.dtype_policy, name="self_attention"
        )
        self.self_attention.build(shape)

    def _step_self_attention(self, x: Any, place: tuple[Any, Any], state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The self-attention of one position, `[B, D]` -> `[B, D]`, and the buffers with the position's own."""
        given = self._given(x, self.self_attention_norm)
        made, keys, values = self.self_attention.step(given, state["self_keys"], state["self_values"], *place)
        return self._sum(x, made, self.self_attention_norm), {"self_keys": keys, "self_values": values}


@keras.saving.register_keras_serializable(package="supportnet")
class CausalBlock(CausalResidualBlock):
    """Self-attention that looks back only, then feed-forward: one block of a GPT (Radford et al. 2018).

    Args:
        num_heads: heads of the attention; must divide the depth.
        hidden_dim: width of the feed-forward layer.
        dropout_rate: dropout on the attention weights and on what each half adds.
        norm: "pre" or "post"; see `ResidualBlock`.

    Call arguments:
        x: float `[B, T, D]`.
        mask: bool `[B, T]`, True = real token.

    Returns:
        float `[B, T, D]`; no position sees a later one, or one that is masked.

    Raises:
        UserError: `num_heads` doesn't divide the depth, a number is out of its range, or `norm` is neither.

    Example:
        >>> x, mask = keras.random.normal((2, 5, 16)), keras.ops.ones((2, 5), "bool")
        >>> keras.ops.shape(CausalBlock(num_heads=4, hidden_dim=64)(x, mask=mask))
        (2, 5, 16)
    """

    def build(self, input_shape: Any) -> None:
        self._build_self_attention(input_shape)
        self._build_feed_forward(input_shape)

    def call(self, x: Any, mask: Any) -> Any:
        return self.read(x, mask)[0]

    def read(self, x: Any, mask: Any) -> tuple[Any, Any, Any]:
        """Do what a call does, and return with it what `step` looks at: keys and values `[B, H, T, D / H]`."""
        made, keys, values = self.self_attention.read(self._given(x, self.self_attention_norm), mask)
        return self._feed_forward(self._sum(x, made, self.self_attention_norm)), keys, values

    def step(self, x: Any, place: tuple[Any, Any], state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Do what a call does, without dropout, for one position of each sequence.

        Args:
            x: float `[B, D]`.
            place: the position's `cache_place`.
            state: `self_keys` and `self_values`, the buffers.

        Returns:
            float `[B, D]`, and the new state.
        """
        x, buffers = self._step_self_attention(x, place, state)
        return self._feed_forward_rows(x), buffers
