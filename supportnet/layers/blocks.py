"""Layer normalization, and blocks of attention and feed-forward layers, each with a residual and normalization."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from supportnet.checks import check_choice, check_positive, check_rate
from supportnet.layers.attention import CausalSelfAttention, MultiHeadAttention
from supportnet.layers.base import Part, SequenceLayer, by_row
from supportnet.types import Mask, Shape, State, Tensor

#: Where a block normalizes: what each of its parts is given, or the sum with what the part returns.
NORMS = ("pre", "post")


@keras.saving.register_keras_serializable(package="supportnet")
class LayerNorm(SequenceLayer):
    """`gamma (x - mean(x)) / sqrt(var(x) + epsilon) + beta` over the last axis (Ba et al. 2016, Layer Normalization).

    The numbers of `keras.layers.LayerNormalization`, which spends eighteen operations on them where this spends eleven.
    Their number is what they cost where a reply is written token by token, and a Transformer normalizes seven times a
    token.

    Args:
        epsilon: added to the variance.

    Call arguments:
        x: float `[..., D]`.

    Returns:
        float `[..., D]`, computed in float32 whatever the dtype.

    Example:
        >>> keras.ops.convert_to_numpy(LayerNorm()(keras.ops.array([[1.0, 3.0]]))).round(3)
        array([[-1.,  1.]], dtype=float32)
    """

    argument_names = ("epsilon",)

    def __init__(self, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.autocast = False

    def build(self, input_shape: Shape) -> None:
        depth = (input_shape[-1],)
        self.gamma = self.add_weight(depth, initializer="ones", autocast=False, name="gamma")
        self.beta = self.add_weight(depth, initializer="zeros", autocast=False, name="beta")

    def call(self, x: Tensor) -> Tensor:
        x = ops.cast(x, "float32")
        centered = x - ops.mean(x, axis=-1, keepdims=True)
        scale = ops.rsqrt(ops.mean(ops.square(centered), axis=-1, keepdims=True) + self.epsilon)
        return ops.cast(centered * scale * self.gamma + self.beta, self.compute_dtype)


class ResidualBlock(SequenceLayer):
    """The base of the blocks: for each part `x + part(norm(x))`, pre-norm, or `norm(x + part(x))`, post-norm.

    Pre-norm trains without warm-up and at any depth, and leaves it to the stack to normalize the last sum (Xiong et
    al. 2020, On Layer Normalization in the Transformer Architecture). Post-norm is the original (Vaswani et al. 2017);
    what it returns is normalized.

    Args:
        num_heads: heads of each attention; must divide the depth.
        hidden_dim: width of the feed-forward layer.
        dropout_rate: dropout on the attention weights and on what each part adds.
        norm: "pre", to normalize the input of each part, or "post", to normalize the sums.

    Raises:
        UserError: `num_heads` doesn't divide the depth, a number is out of its range, or `norm` is neither.
    """

    argument_names = ("num_heads", "hidden_dim", "dropout_rate", "norm")

    def __init__(
        self, num_heads: int, hidden_dim: int, dropout_rate: float = 0.0, norm: str = "pre", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.hidden_dim = check_positive("hidden_dim", hidden_dim)
        self.dropout_rate = check_rate("dropout_rate", dropout_rate)
        self.norm = check_choice("norm", norm, NORMS)

    def _attention(self, kind: type[Part], shape: Shape, name: str) -> tuple[LayerNorm, Part]:
        """Make an attention layer, and the normalization beside it."""
        norm = self._part(LayerNorm, shape, name=f"{name}_norm")
        return norm, self._part(kind, shape, self.num_heads, self.dropout_rate, name=name)

    def _build_feed_forward(self, shape: Shape) -> None:
        inner = (*shape[:-1], self.hidden_dim)
        self.feed_forward_norm = self._part(LayerNorm, shape, name="feed_forward_norm")
        self.expand = self._part(keras.layers.Dense, shape, self.hidden_dim, activation="relu", name="expand")
        self.contract = self._part(keras.layers.Dense, inner, shape[-1], name="contract")
        self.dropout = self._part(keras.layers.Dropout, shape, self.dropout_rate, name="dropout")

    def _add(self, x: Tensor, norm: keras.layers.Layer, part: Callable[[Tensor], Tensor]) -> Tensor:
        """Add to `x` what `part` makes of it."""
        return self._sum(x, part(self._given(x, norm)), norm)

    def _given(self, x: Tensor, norm: keras.layers.Layer) -> Tensor:
        """What a part is given of `x`."""
        return norm(x) if self.norm == "pre" else x

    def _sum(self, x: Tensor, made: Tensor, norm: keras.layers.Layer) -> Tensor:
        """`x` and what a part made of it."""
        total = x + self.dropout(made)
        return total if self.norm == "pre" else norm(total)

    def _feed_forward(self, x: Tensor) -> Tensor:
        """The feed-forward half, `[B, T, D]` -> `[B, T, D]`."""
        return by_row(x, self._feed_forward_rows)

    def _feed_forward_rows(self, rows: Tensor) -> Tensor:
        """The same, `[R, D]` -> `[R, D]`."""
        return self._add(rows, self.feed_forward_norm, lambda y: self.contract(self.expand(y)))


@keras.saving.register_keras_serializable(package="supportnet")
class AttentionBlock(ResidualBlock):
    """Self-attention, then feed-forward: one block of an encoder.

    Args:
        num_heads, hidden_dim, dropout_rate, norm: see `ResidualBlock`.

    Call arguments:
        x: float `[B, T, D]`.
        mask: bool `[B, T]`, True = real token.

    Returns:
        float `[B, T, D]`. Padding changes nothing at real positions.

    Raises:
        UserError: see `ResidualBlock`.

    Example:
        >>> x, mask = keras.random.normal((2, 5, 16)), keras.ops.ones((2, 5), "bool")
        >>> keras.ops.shape(AttentionBlock(num_heads=4, hidden_dim=64)(x, mask=mask))
        (2, 5, 16)
    """

    def build(self, input_shape: Shape) -> None:
        self.attention_norm, self.attention = self._attention(MultiHeadAttention, input_shape, "attention")
        self._build_feed_forward(input_shape)

    def call(self, x: Tensor, mask: Mask) -> Tensor:
        x = self._add(x, self.attention_norm, lambda y: self.attention(y, mask=mask))
        return self._feed_forward(x)

    def weights_of(self, x: Tensor, mask: Mask) -> Tensor:
        """Return how much each token looks at each, float32 `[B, H, T, T]`; each row sums to 1."""
        return self.attention(self._given(x, self.attention_norm), mask=mask, return_weights=True)[1]


class CausalResidualBlock(ResidualBlock):
    """The base of the blocks that begin with causal self-attention."""

    def _build_self_attention(self, shape: Shape) -> None:
        self.self_attention_norm, self.self_attention = self._attention(CausalSelfAttention, shape, "self_attention")

    def _step_self_attention(self, x: Tensor, place: tuple[Tensor, Tensor], state: State) -> tuple[Tensor, State]:
        """The self-attention of one position, `[B, D]` -> `[B, D]`, and the buffers with the position's own."""
        given = self._given(x, self.self_attention_norm)
        made, keys, values = self.self_attention.step(given, state["self_keys"], state["self_values"], *place)
        return self._sum(x, made, self.self_attention_norm), {"self_keys": keys, "self_values": values}


@keras.saving.register_keras_serializable(package="supportnet")
class CausalBlock(CausalResidualBlock):
    """Self-attention that looks back only, then feed-forward: one block of a GPT (Radford et al. 2018).

    Args:
        num_heads, hidden_dim, dropout_rate, norm: see `ResidualBlock`.

    Call arguments:
        x: float `[B, T, D]`.
        mask: bool `[B, T]`, True = real token.

    Returns:
        float `[B, T, D]`; no position sees a later one, or one that is masked.

    Raises:
        UserError: see `ResidualBlock`.

    Example:
        >>> x, mask = keras.random.normal((2, 5, 16)), keras.ops.ones((2, 5), "bool")
        >>> keras.ops.shape(CausalBlock(num_heads=4, hidden_dim=64)(x, mask=mask))
        (2, 5, 16)
    """

    def build(self, input_shape: Shape) -> None:
        self._build_self_attention(input_shape)
        self._build_feed_forward(input_shape)

    def call(self, x: Tensor, mask: Mask) -> Tensor:
        return self.read(x, mask)[0]

    def read(self, x: Tensor, mask: Mask) -> tuple[Tensor, Tensor, Tensor]:
        """Do what a call does, and return with it what `step` looks at: keys and values `[B, H, T, D / H]`."""
        made, keys, values = self.self_attention.read(self._given(x, self.self_attention_norm), mask)
        return self._feed_forward(self._sum(x, made, self.self_attention_norm)), keys, values

    def step(self, x: Tensor, place: tuple[Tensor, Tensor], state: State) -> tuple[Tensor, State]:
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


@keras.saving.register_keras_serializable(package="supportnet")
class CrossAttentionBlock(ResidualBlock):
    """Attention to what an encoder made of the source, then feed-forward.

    Args:
        num_heads, hidden_dim, dropout_rate, norm: see `ResidualBlock`.

    Call arguments:
        x: float `[B, T, D]`.
        memory: float `[B, S, D]`.
        memory_mask: bool `[B, S]`, True = real token.

    Returns:
        float `[B, T, D]`. What stands in the memory's padding changes nothing, unless a memory is all padding.

    Raises:
        UserError: see `ResidualBlock`.

    Example:
        >>> x, memory, mask = keras.ops.ones((2, 3, 16)), keras.ops.ones((2, 5, 16)), keras.ops.ones((2, 5), "bool")
        >>> block = CrossAttentionBlock(num_heads=4, hidden_dim=64)
        >>> keras.ops.shape(block(x, memory, memory_mask=mask))
        (2, 3, 16)
    """

    def build(self, input_shape: Shape) -> None:
        parts = self._attention(MultiHeadAttention, input_shape, "cross_attention")
        self.cross_attention_norm, self.cross_attention = parts
        self._build_feed_forward(input_shape)

    def call(self, x: Tensor, memory: Tensor, memory_mask: Mask) -> Tensor:
        x = self._add(x, self.cross_attention_norm, lambda y: self.cross_attention(y, memory, mask=memory_mask))
        return self._feed_forward(x)

    def remember(self, memory: Tensor) -> State:
        """Compute what `recall` needs of the memory: `cross_keys` and `cross_values`, `[B, H, S, D / H]`."""
        keys, values = self.cross_attention.remember(memory)
        return {"cross_keys": keys, "cross_values": values}

    def recall(self, x: Tensor, memory_bias: Tensor, state: State) -> Tensor:
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


@keras.saving.register_keras_serializable(package="supportnet")
class DecoderBlock(CausalResidualBlock, CrossAttentionBlock):
    """Self-attention that looks back only, then a `CrossAttentionBlock` (Vaswani et al. 2017, section 3.1).

    Args:
        num_heads, hidden_dim, dropout_rate, norm: see `ResidualBlock`.

    Call arguments:
        x: float `[B, T, D]`.
        memory: float `[B, S, D]`.
        memory_mask: bool `[B, S]`, True = real token.

    Returns:
        float `[B, T, D]`; no position sees a later one.

    Raises:
        UserError: see `ResidualBlock`.

    Example:
        >>> x, memory, mask = keras.ops.ones((2, 3, 16)), keras.ops.ones((2, 5, 16)), keras.ops.ones((2, 5), "bool")
        >>> keras.ops.shape(DecoderBlock(num_heads=4, hidden_dim=64)(x, memory, memory_mask=mask))
        (2, 3, 16)
    """

    def build(self, input_shape: Shape) -> None:
        self._build_self_attention(input_shape)
        super().build(input_shape)

    def call(self, x: Tensor, memory: Tensor, memory_mask: Mask) -> Tensor:
        x = self._add(x, self.self_attention_norm, self.self_attention)
        return super().call(x, memory, memory_mask)

    def start(self, memory: Tensor, batch: Tensor, max_length: int) -> State:
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

    def step(self, x: Tensor, memory_bias: Tensor, place: tuple[Tensor, Tensor], state: State) -> tuple[Tensor, State]:
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
