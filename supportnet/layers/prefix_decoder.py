"""The decoder that needs no encoder: one causal Transformer over the memory and, behind it, the target."""

from typing import Any

import keras
from keras import ops

from supportnet.checks import check_positive
from supportnet.layers.causal_block import CausalBlock
from supportnet.layers.causal_self_attention import cache_place
from supportnet.layers.heads import mask_bias
from supportnet.layers.positional_encoding import PositionalEncoding
from supportnet.layers.rows import without_padding
from supportnet.layers.transformer import TransformerDecoder


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

    block = CausalBlock

    def __init__(self, *args: Any, max_memory_length: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.max_memory_length = check_positive("max_memory_length", max_memory_length)

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.memory_positions = PositionalEncoding(
            self.max_memory_length, dtype=self.dtype_policy, name="memory_positions"
        )
        self.memory_positions.build(input_shape)

    def call(self, x: Any, memory: Any, memory_mask: Any) -> Any:
        target = self.positions(x * self.scale)
        x = self.dropout(ops.concatenate([self._prefix(memory, memory_mask), target], axis=1))
        mask = ops.concatenate([memory_mask, ops.ones_like(target[:, :, 0], "bool")], axis=1)
        for block in self.blocks:
            x = block(x, mask=mask)
        return self.norm(x[:, ops.shape(memory)[1] :])

    def _prefix(self, memory: Any, memory_mask: Any) -> Any:
        """What the first block reads of the memory."""
        return self.memory_positions(without_padding(ops.cast(memory, self.compute_dtype), memory_mask) * self.scale)

    def start(self, memory: Any, memory_mask: Any, max_length: int) -> dict[str, Any]:
        """Read the memory, and make the state of targets of which nothing is written.

        Args:
            memory, memory_mask, max_length: as for `TransformerDecoder`.

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

    def step(self, x: Any, position: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Decode one token; see `TransformerDecoder.step`."""
        place = cache_place(position, ops.shape(x)[0], state[self.blocks[0].name]["self_keys"], state["bias"])
        x, state = self.positions.step(ops.cast(x, self.compute_dtype) * self.scale, position), dict(state)
        for block in self.blocks:
            x, state[block.name] = block.step(x, place, state[block.name])
        return self.norm(x), state

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "max_memory_length": self.max_memory_length}
