"""The Transformer's decoder: positions, then blocks of attention to what came before and to a memory."""

from typing import Any, ClassVar

import keras
from keras import ops

from supportnet.checks import check_positive
from supportnet.errors import UserError
from supportnet.layers.blocks import ResidualBlock
from supportnet.layers.causal_self_attention import cache_place
from supportnet.layers.decoder_block import DecoderBlock
from supportnet.layers.heads import mask_bias
from supportnet.layers.rows import pick_rows, without_padding
from supportnet.layers.transformer_stack import TransformerStack


@keras.saving.register_keras_serializable(package="supportnet")
class TransformerDecoder(TransformerStack):
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
    check_num_layers = staticmethod(check_positive)

    def call(self, x: Any, memory: Any, memory_mask: Any) -> Any:
        memory = without_padding(memory, memory_mask)
        x = self.dropout(self.positions(x * self.scale))
        for block in self.blocks:
            x = block(x, memory, memory_mask=memory_mask)
        return self.norm(x)

    def start(self, memory: Any, memory_mask: Any, max_length: int) -> dict[str, Any]:
        """Make the state of targets of which nothing is written.

        Args:
            memory: float `[B, S, D]`.
            memory_mask: bool `[B, S]`, True = real token.
            max_length: number of positions that the buffers hold, at most the layer's own. The cost of each step grows
                with it.

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

    def step(self, x: Any, position: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Decode one token.

        Args:
            x: float `[B, D]`, the token's vector.
            position: int32 scalar, the token's place, from 0 and below the state's `max_length`.
            state: what `start` or the step before returned.

        Returns:
            What a call, without dropout, returns at that position, `[B, D]`; and the new state.
        """
        place = cache_place(position, ops.shape(x)[0], state[self.blocks[0].name]["self_keys"])
        x, state = self.positions.step(ops.cast(x, self.compute_dtype) * self.scale, position), dict(state)
        for block in self.blocks:
            x, state[block.name] = block.step(x, state["memory_bias"], place, state[block.name])
        return self.norm(x), state

    def reorder(self, state: dict[str, Any], rows: Any) -> dict[str, Any]:
        """Pick rows of a state, int32 `[N]`: those of the hypotheses that beam search goes on with."""
        return pick_rows(state, rows)
