"""Bases of the encoders and decoders: what networks, `supportnet.compare` and the export expect of one."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Self

import keras

from supportnet.checks import check_divides, check_not_negative, check_positive, check_rate
from supportnet.layers.base import SequenceLayer, pick_rows
from supportnet.layers.blocks import ResidualBlock
from supportnet.types import Mask, Shape, State, Tensor

if TYPE_CHECKING:
    from supportnet.config import NetworkConfig


class Stack(SequenceLayer, ABC):
    """Base of `Encoder` and `Decoder`: a stack of blocks, and the sizes that all of them take.

    Args:
        hidden_dim: width of the inner layers.
        num_layers: number of blocks.
        num_heads: attention heads of each block; must divide the depth of the input.
        dropout_rate: dropout in and between the parts.

    Attributes:
        blocks: the layers that are stacked, `num_layers` of them; `build` makes them.

    Raises:
        UserError: `num_heads` doesn't divide the depth, or a number is out of its range.
    """

    argument_names: ClassVar[tuple[str, ...]] = ("hidden_dim", "num_layers", "num_heads", "dropout_rate")
    #: The layer's name in a network.
    role: ClassVar[str]
    #: Return the number of blocks, or raise a `UserError` that names it.
    check_num_layers: "ClassVar[staticmethod[[str, int], int]]"
    blocks: list[keras.layers.Layer]

    def __init__(
        self, hidden_dim: int, num_layers: int, num_heads: int, dropout_rate: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.hidden_dim = check_positive("hidden_dim", hidden_dim)
        self.num_layers = self.check_num_layers("num_layers", num_layers)
        self.num_heads = num_heads
        self.dropout_rate = check_rate("dropout_rate", dropout_rate)

    @classmethod
    def from_network(cls, config: "NetworkConfig") -> Self:
        """Make the layer from a network's configuration, with the name that it has in networks."""
        return cls(**cls.network_arguments(config), name=cls.role)

    @classmethod
    def network_arguments(cls, config: "NetworkConfig") -> dict[str, Any]:
        """Return the arguments that `from_network` passes; a layer that takes others as well adds them."""
        return {name: getattr(config, name) for name in Stack.argument_names}

    def build(self, input_shape: Shape) -> None:
        check_divides("num_heads", self.num_heads, "the depth", input_shape[-1])

    def _blocks(self, kind: type[ResidualBlock], shape: Shape, *more: Any) -> list[keras.layers.Layer]:
        """Make the blocks; `more` are arguments after those that all have."""
        sizes = (self.num_heads, self.hidden_dim, self.dropout_rate, *more)
        return [self._part(kind, shape, *sizes, name=f"block_{i}") for i in range(self.num_layers)]


class Encoder(Stack):
    """Base of encoders: each token's vector, and what it says in its context.

    A network names its encoder `encoder`, and gives it vectors of a standard deviation around `D ** -0.5`. The export
    traces `call` for any batch, 0 messages too, and any T from 1; real tokens come first in each message. Nothing after
    an encoder reads its output at padding, so that an export may compute it differently there.

    Args:
        hidden_dim, num_layers, num_heads, dropout_rate: see `Stack`; `num_layers` is 0 or more.

    Call arguments:
        x: float `[B, T, D]`, T at least 1.
        mask: bool `[B, T]`, True = real token.

    Returns:
        float `[B, T, D]`. Padding changes nothing at real positions.

    Raises:
        UserError: `num_heads` doesn't divide the depth, or a number is out of its range.
    """

    role = "encoder"
    check_num_layers = staticmethod(check_not_negative)

    @abstractmethod
    def call(self, x: Tensor, mask: Mask) -> Tensor:
        """Encode the tokens."""

    def attention_weights(self, x: Tensor, mask: Mask) -> list[Tensor]:
        """Return how much each token attends to each, as `supportnet.compare` shows it; no dropout.

        Args:
            x, mask: as in a call.

        Returns:
            float32 `[B, H, T, T]` for each attention block, the first one first; each row sums to 1. Empty for an
            encoder without attention.
        """
        return []

    def before_attention(self, x: Tensor, mask: Mask) -> Tensor:
        """Return the input of the first attention block; of an encoder without attention, its output.

        `supportnet.compare` measures the gradients of it beside those of the output: how far the encoder remembers by
        itself, and how far with attention.

        Args:
            x, mask: as in a call.

        Returns:
            float `[B, T, D]`.
        """
        return self(x, mask=mask)


class AttentionEncoder(Encoder):
    """Base of encoders that end in attention blocks and a normalization.

    Attributes:
        blocks: an `AttentionBlock` each.
        norm: the last layer.
    """

    norm: Callable[[Tensor], Tensor]

    @abstractmethod
    def before_attention(self, x: Tensor, mask: Mask) -> Tensor:
        """Return the input of the first attention block, float `[B, T, D]`."""

    def call(self, x: Tensor, mask: Mask) -> Tensor:
        x = self.before_attention(x, mask)
        for block in self.blocks:
            x = block(x, mask=mask)
        return self.norm(x)

    def attention_weights(self, x: Tensor, mask: Mask) -> list[Tensor]:
        x, weights = self.before_attention(x, mask), []
        for block in self.blocks:
            weights.append(block.weights_of(x, mask))
            x = block(x, mask=mask)
        return weights


class Decoder(Stack):
    """Base of decoders: the vectors of a target's tokens beside a memory, the encoded source.

    A call decodes whole targets, for training. While a target is being written, `start` and `step` give the same
    numbers for one token at a time; beam search picks hypotheses with `reorder`. A network names its decoder `decoder`.

    Args:
        hidden_dim, num_layers, num_heads, dropout_rate: see `Stack`; `num_layers` is 1 or more.

    Call arguments:
        x: float `[B, T, D]`, the targets' tokens, T at least 1. Padding stands at the end.
        memory: float `[B, S, D]`, the encoder's output.
        memory_mask: bool `[B, S]`, True = real token.

    Returns:
        float `[B, T, D]`, normalized. The output of a position depends on the tokens up to it and on the memory's real
        tokens only.

    Raises:
        UserError: `num_heads` doesn't divide the depth, or a number is out of its range.
    """

    role = "decoder"
    check_num_layers = staticmethod(check_positive)

    @abstractmethod
    def call(self, x: Tensor, memory: Tensor, memory_mask: Mask) -> Tensor:
        """Decode whole targets."""

    @abstractmethod
    def start(self, memory: Tensor, memory_mask: Mask, max_length: int) -> State:
        """Make the state of targets of which nothing is written.

        Args:
            memory: float `[B, S, D]`.
            memory_mask: bool `[B, S]`, True = real token.
            max_length: number of positions to decode, at most.

        Returns:
            Tensors with the batch first, or dictionaries of them. A step changes neither their names nor their shapes.

        Raises:
            UserError: `max_length` is below 1, or above what the layer can decode.
        """

    @abstractmethod
    def step(self, x: Tensor, position: Tensor, state: State) -> tuple[Tensor, State]:
        """Decode one token.

        Args:
            x: float `[B, D]`, the token's vector.
            position: int32 scalar, the token's place, from 0 and below the `max_length` of `start`.
            state: what `start` or the step before returned.

        Returns:
            What a call, without dropout, returns at that position, `[B, D]`; and the new state.
        """

    def reorder(self, state: State, rows: Tensor) -> State:
        """Pick rows of a state, int32 `[N]`: those of the hypotheses that beam search goes on with."""
        return pick_rows(state, rows)
