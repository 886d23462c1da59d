"""The recurrent encoder and decoder: an LSTM, then attention blocks (article 4.3; Luong et al. 2015, section 3.1)."""

import keras
from keras import ops

from supportnet.checks import check_positive
from supportnet.layers.attention import mask_bias
from supportnet.layers.base import by_row, without_padding
from supportnet.layers.blocks import AttentionBlock, CrossAttentionBlock, LayerNorm
from supportnet.layers.scores import MaskedPooling
from supportnet.layers.stacks import AttentionEncoder, Decoder
from supportnet.types import Mask, Shape, State, Tensor


@keras.saving.register_keras_serializable(package="supportnet")
class BiLSTMAttention(AttentionEncoder):
    """A bidirectional LSTM that adds to the token vectors what stands around them, then attention blocks.

    The article's stack (section 4.3) with what it lacks: masks, residuals and normalization.

    Args:
        hidden_dim: units of the LSTM in each direction, and width of the blocks' feed-forward layers.
        num_layers: number of attention blocks, 0 or more.
        num_heads: heads of each block; must divide the depth of the input.
        dropout_rate: dropout in and between the parts.

    Call arguments:
        x: float `[B, T, D]`, T at least 1.
        mask: bool `[B, T]`, True = real token.

    Returns:
        float `[B, T, D]`, normalized. Padding changes nothing at real positions.

    Raises:
        UserError: `num_heads` doesn't divide the depth, or a number is out of its range.

    Example:
        >>> encoder = BiLSTMAttention(hidden_dim=96, num_layers=1, num_heads=4)
        >>> x, mask = keras.random.normal((2, 5, 128)), keras.ops.ones((2, 5), "bool")
        >>> keras.ops.shape(encoder(x, mask=mask))
        (2, 5, 128)
    """

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        read = (*input_shape[:-1], 2 * self.hidden_dim)
        self.lstm = self._make_lstm(self.dtype_policy)
        self.lstm.build(input_shape)
        self.project = self._part(keras.layers.Dense, read, input_shape[-1], name="project")
        self.dropout = self._part(keras.layers.Dropout, input_shape, self.dropout_rate, name="dropout")
        self.blocks = self._blocks(AttentionBlock, input_shape)
        self.norm = self._part(LayerNorm, input_shape, name="norm")

    def _make_lstm(self, policy: keras.DTypePolicy) -> keras.layers.Layer:
        """Make the layer `lstm`: `[B, T, D]` and a mask -> `[B, T, 2 U]`. An export has another one."""
        # cuDNN's LSTM fails on a message without tokens, and a graph exported with it runs on no CPU.
        lstm = keras.layers.LSTM(self.hidden_dim, return_sequences=True, use_cudnn=False, dtype=policy)
        return keras.layers.Bidirectional(lstm, dtype=policy, name="lstm")

    def before_attention(self, x: Tensor, mask: Mask) -> Tensor:
        x = ops.cast(x, self.compute_dtype)
        return x + self.dropout(by_row(self.lstm(x, mask=mask), self.project))


@keras.saving.register_keras_serializable(package="supportnet")
class RecurrentDecoder(Decoder):
    """An LSTM that adds to each target token what stands before it, then blocks of attention to the memory.

    `BiLSTMAttention`, turned from an encoder into a decoder: its LSTM reads forwards only and begins with what the mean
    of the memory says, its blocks attend to the memory. It has the `call`, `start`, `step` and `reorder` of
    `TransformerDecoder`; `equal_hidden_dim` in `supportnet.compare.matching` finds the `hidden_dim` that gives both the
    same number of weights.

    Args:
        hidden_dim: units of the LSTM, and width of the blocks' feed-forward layers.
        num_layers: number of blocks, 1 or more.
        num_heads: heads of each block; must divide the depth of the input.
        dropout_rate: dropout in and between the parts.

    Call arguments:
        x: float `[B, T, D]`, the targets' tokens, T at least 1. Padding stands at the end.
        memory: float `[B, S, D]`, the encoder's output.
        memory_mask: bool `[B, S]`, True = real token.

    Returns:
        float `[B, T, D]`, normalized. The output of a position depends on the tokens up to it and on the memory's real
        tokens only.

    Raises:
        UserError: `num_heads` doesn't divide the depth, or a number is out of its range.

    Example:
        >>> decoder = RecurrentDecoder(hidden_dim=64, num_layers=1, num_heads=4)
        >>> x, memory, mask = keras.ops.ones((2, 3, 16)), keras.ops.ones((2, 5, 16)), keras.ops.ones((2, 5), "bool")
        >>> keras.ops.shape(decoder(x, memory, memory_mask=mask))
        (2, 3, 16)
        >>> state = decoder.start(memory, mask, max_length=8)
        >>> output, state = decoder.step(x[:, 0], 0, state)
        >>> keras.ops.shape(output)
        (2, 16)
    """

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        depth, units = input_shape[-1], self.hidden_dim
        self.pool = self._part(MaskedPooling, input_shape, name="pool")
        self.begin = self._part(keras.layers.Dense, (None, depth), 2 * units, activation="tanh", name="begin")
        # As in `BiLSTMAttention`: a graph exported with cuDNN's LSTM runs on no CPU.
        options = {"return_sequences": True, "use_cudnn": False, "name": "lstm"}
        self.lstm = self._part(keras.layers.LSTM, input_shape, units, **options)
        self.project = self._part(keras.layers.Dense, (*input_shape[:-1], units), depth, name="project")
        self.dropout = self._part(keras.layers.Dropout, input_shape, self.dropout_rate, name="dropout")
        self.blocks = self._blocks(CrossAttentionBlock, input_shape)
        self.norm = self._part(LayerNorm, input_shape, name="norm")

    def call(self, x: Tensor, memory: Tensor, memory_mask: Mask) -> Tensor:
        memory = without_padding(memory, memory_mask)
        read = self.lstm(x, initial_state=self._beginning(memory, memory_mask))
        x = x + self.dropout(by_row(read, self.project))
        for block in self.blocks:
            x = block(x, memory, memory_mask=memory_mask)
        return self.norm(x)

    def _beginning(self, memory: Tensor, memory_mask: Mask) -> list[Tensor]:
        """The hidden and the carry state of the LSTM before the first token, `[B, hidden_dim]` each."""
        mean = self.pool(memory, mask=memory_mask)[:, memory.shape[-1] :]
        return list(ops.split(self.begin(mean), 2, axis=-1))

    def start(self, memory: Tensor, memory_mask: Mask, max_length: int) -> State:
        """Make the state of targets of which nothing is written; see `Decoder.start`.

        Any `max_length` will do: the state of an LSTM doesn't grow.

        Returns:
            `memory_bias` float32 `[B, 1, S]`, `hidden` and `carry` `[B, hidden_dim]`; for each block a dict `block_0`,
            ... of `cross_keys` and `cross_values` `[B, H, S, D / H]`. Steps change `hidden` and `carry`.

        Raises:
            UserError: `max_length` is below 1.
        """
        check_positive("max_length", max_length)
        memory = without_padding(memory, memory_mask)
        hidden, carry = self._beginning(memory, memory_mask)
        blocks = {block.name: block.remember(memory) for block in self.blocks}
        return {"memory_bias": mask_bias(ops.expand_dims(memory_mask, 1)), "hidden": hidden, "carry": carry, **blocks}

    def step(self, x: Tensor, position: Tensor, state: State) -> tuple[Tensor, State]:
        """Decode one token; see `Decoder.step`. `position` is unused: the tokens are taken in order."""
        x = ops.cast(x, self.compute_dtype)
        read, (hidden, carry) = self.lstm.cell(x, [state["hidden"], state["carry"]])
        x = x + self.project(read)
        for block in self.blocks:
            x = block.recall(x, state["memory_bias"], state[block.name])
        return self.norm(x), {**state, "hidden": hidden, "carry": carry}
