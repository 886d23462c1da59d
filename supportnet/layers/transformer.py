"""The Transformer's encoder and decoder, and a decoder without encoder (Vaswani et al. 2017; Radford et al. 2018)."""

from typing import TYPE_CHECKING, Any, ClassVar

import keras
from keras import ops

from supportnet.checks import check_choice, check_positive
from supportnet.errors import UserError
from supportnet.layers.attention import cache_place, mask_bias
from supportnet.layers.base import without_padding
from supportnet.layers.blocks import NORMS, AttentionBlock, CausalBlock, DecoderBlock, LayerNorm, ResidualBlock
from supportnet.layers.embedding import PositionalEncoding
from supportnet.layers.stacks import AttentionEncoder, Decoder, Stack
from supportnet.types import Mask, Shape, State, Tensor

if TYPE_CHECKING:
    from supportnet.config import NetworkConfig


class TransformerStack(Stack):
    """Base of `TransformerEncoder` and `TransformerDecoder`: positions, then blocks, then a last normalization.

    Args:
        hidden_dim, num_layers, num_heads, dropout_rate: see `Stack`.
        max_length: length of the longest sequence; a longer one is an error.
        norm: "pre" or "post", where the blocks normalize; see `ResidualBlock`.

    Attributes:
        block: the class of the blocks.
    """

    argument_names: ClassVar[tuple[str, ...]] = ("max_length",)
    block: ClassVar[type[ResidualBlock]]

    def __init__(
        self,
        hidden_dim: int,
        num_layers: int,
        num_heads: int,
        dropout_rate: float = 0.0,
        *,
        max_length: int,
        norm: str = "pre",
        **kwargs: Any,
    ) -> None:
        super().__init__(hidden_dim, num_layers, num_heads, dropout_rate, **kwargs)
        self.max_length = check_positive("max_length", max_length)
        # Files of weights name the last layer `norm`.
        self.norm_place = check_choice("norm", norm, NORMS)

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        # A token's vector is about 1 long, a position's sqrt(D / 2): unscaled, it would drown the token (section 3.4).
        self.scale = float(input_shape[-1]) ** 0.5
        self.positions = self._part(PositionalEncoding, input_shape, self.max_length, name="positions")
        self.dropout = self._part(keras.layers.Dropout, input_shape, self.dropout_rate, name="dropout")
        self.blocks = self._blocks(self.block, input_shape, self.norm_place)
        # Pre-norm blocks add to what they are given and leave the sum as it is; post-norm blocks have normalized it.
        last = LayerNorm if self.norm_place == "pre" else keras.layers.Identity
        self.norm = self._part(last, input_shape, name="norm")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "norm": self.norm_place}


@keras.saving.register_keras_serializable(package="supportnet")
class TransformerEncoder(TransformerStack, AttentionEncoder):
    """Token vectors with their positions added, then attention blocks: every token looks at all others at once.

    Args:
        hidden_dim: width of the blocks' feed-forward layers.
        num_layers: number of attention blocks, 0 or more.
        num_heads: heads of each block; must divide the depth of the input.
        dropout_rate: dropout on the sum of vectors and positions, and in the blocks.
        max_length: length of the longest sequence; a longer one is an error.
        norm: "pre" or "post", where the blocks normalize; see `ResidualBlock`. The sums of pre-norm blocks are
            normalized at the end.

    Call arguments:
        x: float `[B, T, D]`, T at least 1 and at most `max_length`. The positions are of amplitude 1; vectors
            of a standard deviation around `D ** -0.5` match them.
        mask: bool `[B, T]`, True = real token.

    Returns:
        float `[B, T, D]`, normalized. Padding changes nothing at real positions.

    Raises:
        UserError: `num_heads` doesn't divide the depth, a number is out of its range, `norm` is neither, or the length
            of a sequence is known and above `max_length`.

    Example:
        >>> encoder = TransformerEncoder(hidden_dim=96, num_layers=1, num_heads=4, max_length=128)
        >>> x, mask = keras.random.normal((2, 5, 128)), keras.ops.ones((2, 5), "bool")
        >>> keras.ops.shape(encoder(x, mask=mask))
        (2, 5, 128)
    """

    block = AttentionBlock

    @classmethod
    def network_arguments(cls, config: "NetworkConfig") -> dict[str, Any]:
        return {**super().network_arguments(config), "max_length": config.max_length}

    def before_attention(self, x: Tensor, mask: Mask) -> Tensor:
        return self.dropout(self.positions(ops.cast(x, self.compute_dtype) * self.scale))


@keras.saving.register_keras_serializable(package="supportnet")
class TransformerDecoder(TransformerStack, Decoder):
    """Vectors of the target's tokens with their positions added, then decoder blocks (Vaswani et al. 2017, 3.1).

    A whole target is decoded by a call. While it is being written, `start` and `step` give the same numbers for one
    token at a time: the keys and values of the tokens before stay in buffers, those of the memory are computed once.

    Args:
        hidden_dim: width of the blocks' feed-forward layers.
        num_layers: number of decoder blocks, 1 or more.
        num_heads: heads of each attention; must divide the depth of the input.
        dropout_rate: dropout on the sum of vectors and positions, and in the blocks.
        max_length: length of the longest target; a longer one is an error.
        norm: "pre" or "post", where the blocks normalize; see `ResidualBlock`. The sums of pre-norm blocks are
            normalized at the end.

    Call arguments:
        x: float `[B, T, D]`, the targets' tokens, T at least 1 and at most `max_length`; vectors of a standard
            deviation around `D ** -0.5`, as for `TransformerEncoder`. Padding stands at the end.
        memory: float `[B, S, D]`, the encoder's output.
        memory_mask: bool `[B, S]`, True = real token.

    Returns:
        float `[B, T, D]`, normalized. The output of a position depends on the tokens up to it and on the memory's real
        tokens only.

    Raises:
        UserError: `num_heads` doesn't divide the depth, a number is out of its range, `norm` is neither, or the length
            of a target is known and above `max_length`.

    Example:
        >>> decoder = TransformerDecoder(hidden_dim=64, num_layers=1, num_heads=4, max_length=32)
        >>> x, memory, mask = keras.ops.ones((2, 3, 16)), keras.ops.ones((2, 5, 16)), keras.ops.ones((2, 5), "bool")
        >>> keras.ops.shape(decoder(x, memory, memory_mask=mask))
        (2, 3, 16)
        >>> state = decoder.start(memory, mask, max_length=8)
        >>> output, state = decoder.step(x[:, 0], 0, state)
        >>> keras.ops.shape(output)
        (2, 16)
    """

    block: ClassVar[type[ResidualBlock]] = DecoderBlock

    @classmethod
    def network_arguments(cls, config: "NetworkConfig") -> dict[str, Any]:
        return {**super().network_arguments(config), "max_length": config.max_reply_length}

    def call(self, x: Tensor, memory: Tensor, memory_mask: Mask) -> Tensor:
        memory = without_padding(memory, memory_mask)
        x = self.dropout(self.positions(x * self.scale))
        for block in self.blocks:
            x = block(x, memory, memory_mask=memory_mask)
        return self.norm(x)

    def start(self, memory: Tensor, memory_mask: Mask, max_length: int) -> State:
        """Make the state of targets of which nothing is written; see `Decoder.start`.

        The buffers hold `max_length` positions, and the cost of each step grows with it.

        Returns:
            `memory_bias` float32 `[B, 1, S]`; for each block a dict `block_0`, ... of `self_keys` and `self_values`
            `[B, H, max_length, D / H]`, `cross_keys` and `cross_values` `[B, H, S, D / H]`. Steps change the first two.

        Raises:
            UserError: `max_length` is below 1 or above the layer's own.
        """
        self._check_max_length(max_length)
        memory, batch = without_padding(memory, memory_mask), ops.shape(memory)[0]
        blocks = {block.name: block.start(memory, batch, max_length) for block in self.blocks}
        return {"memory_bias": mask_bias(ops.expand_dims(memory_mask, 1)), **blocks}

    def _check_max_length(self, max_length: int) -> None:
        if check_positive("max_length", max_length) > self.max_length:
            raise UserError(
                f"max_length must be at most that of the positions ({self.max_length}). Received: {max_length=}"
            )

    def step(self, x: Tensor, position: Tensor, state: State) -> tuple[Tensor, State]:
        """Decode one token; see `Decoder.step`."""
        place = cache_place(position, ops.shape(x)[0], state[self.blocks[0].name]["self_keys"])
        return self._decoded(x, position, state, state["memory_bias"], place)

    def _decoded(self, x: Tensor, position: Tensor, state: State, *context: Any) -> tuple[Tensor, State]:
        """Take a token through the blocks, each of which is told the context beside its own state."""
        x, state = self.positions.step(ops.cast(x, self.compute_dtype) * self.scale, position), dict(state)
        for block in self.blocks:
            x, state[block.name] = block.step(x, *context, state[block.name])
        return self.norm(x), state


@keras.saving.register_keras_serializable(package="supportnet")
class PrefixDecoder(TransformerDecoder):
    """A GPT: the memory's tokens are read by the blocks that write the target (Radford et al. 2018).

    It has the `call`, `start`, `step` and `reorder` of `TransformerDecoder`, but attends to itself only: the memory is
    a prefix, and what `start` keeps of it are the keys and values that the blocks made of it. The positions of either
    count from 0, so that a target doesn't depend on how much padding stands before it; the two are told apart by their
    vectors, which come from different layers.

    Args:
        hidden_dim, num_layers, num_heads, dropout_rate, max_length, norm: as for `TransformerDecoder`.
        max_memory_length: length of the longest memory; a longer one is an error.

    Call arguments:
        x, memory, memory_mask: as for `TransformerDecoder`; both float tensors are vectors of tokens. Padding stands at
            the end of each.

    Returns:
        float `[B, T, D]`, normalized. The output of a position depends on the tokens up to it and on the memory's real
        tokens only.

    Raises:
        UserError: as for `TransformerDecoder`; or the length of a memory is known and above `max_memory_length`.

    Example:
        >>> decoder = PrefixDecoder(hidden_dim=64, num_layers=2, num_heads=4, max_length=32, max_memory_length=16)
        >>> x, memory, mask = keras.ops.ones((2, 3, 16)), keras.ops.ones((2, 5, 16)), keras.ops.ones((2, 5), "bool")
        >>> keras.ops.shape(decoder(x, memory, memory_mask=mask))
        (2, 3, 16)
        >>> state = decoder.start(memory, mask, max_length=8)
        >>> output, state = decoder.step(x[:, 0], 0, state)
        >>> keras.ops.shape(output)
        (2, 16)
    """

    argument_names = ("max_memory_length",)
    block = CausalBlock

    @classmethod
    def network_arguments(cls, config: "NetworkConfig") -> dict[str, Any]:
        # As many blocks as the Transformer's encoder and decoder have together.
        sizes = {**super().network_arguments(config), "num_layers": 2 * config.num_layers}
        return {**sizes, "max_memory_length": config.max_length}

    def __init__(self, *args: Any, max_memory_length: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.max_memory_length = check_positive("max_memory_length", max_memory_length)

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        sizes = (input_shape, self.max_memory_length)
        self.memory_positions = self._part(PositionalEncoding, *sizes, name="memory_positions")

    def call(self, x: Tensor, memory: Tensor, memory_mask: Mask) -> Tensor:
        target = self.positions(x * self.scale)
        x = self.dropout(ops.concatenate([self._prefix(memory, memory_mask), target], axis=1))
        mask = ops.concatenate([memory_mask, ops.ones_like(target[:, :, 0], "bool")], axis=1)
        for block in self.blocks:
            x = block(x, mask=mask)
        return self.norm(x[:, ops.shape(memory)[1] :])

    def _prefix(self, memory: Tensor, memory_mask: Mask) -> Tensor:
        """What the first block reads of the memory."""
        return self.memory_positions(without_padding(ops.cast(memory, self.compute_dtype), memory_mask) * self.scale)

    def start(self, memory: Tensor, memory_mask: Mask, max_length: int) -> State:
        """Read the memory, and make the state of targets of which nothing is written; see `Decoder.start`.

        Returns:
            `bias` float32 `[B, 1, max_length + S]`, which hides all but the memory; for each block a dict `block_0`,
            ... of `self_keys` and `self_values` `[B, H, max_length + S, D / H]`, whose first places are the target's.

        Raises:
            UserError: `max_length` is below 1 or above the layer's own.
        """
        self._check_max_length(max_length)
        x, blocks = self._prefix(memory, memory_mask), {}
        for block in self.blocks:
            x, keys, values = block.read(x, memory_mask)
            room = ((0, 0), (0, 0), (max_length, 0), (0, 0))
            blocks[block.name] = {"self_keys": ops.pad(keys, room), "self_values": ops.pad(values, room)}
        seen = ops.pad(memory_mask, ((0, 0), (max_length, 0)), constant_values=False)
        return {"bias": mask_bias(ops.expand_dims(seen, 1)), **blocks}

    def step(self, x: Tensor, position: Tensor, state: State) -> tuple[Tensor, State]:
        """Decode one token; see `Decoder.step`."""
        place = cache_place(position, ops.shape(x)[0], state[self.blocks[0].name]["self_keys"], state["bias"])
        return self._decoded(x, position, state, place)
