"""The article's encoder: BiLSTM, then multi-head attention."""

from collections.abc import Callable
from typing import Any

import keras

from supportnet.checks import check_divides, check_not_negative, check_positive, check_rate
from supportnet.layers.attention_block import AttentionBlock
from supportnet.layers.norm import LayerNorm
from supportnet.layers.rows import by_row


@keras.saving.register_keras_serializable(package="supportnet")
class BiLSTMAttention(keras.layers.Layer):
    """A bidirectional LSTM that adds to the token vectors what stands around them, then attention blocks.

    The article's stack (section 4.3) with what it lacks: masks, residuals and normalization.

    Args:
        hidden_dim: units of the LSTM in each direction, and width of the blocks' feed-forward layers.
        num_layers: number of attention blocks, 0 or more.
        num_heads: heads of each block; must divide the depth of the input.
        dropout_rate: dropout in and between the parts.

    Attributes:
        reader: what is called in place of the LSTM, with the same arguments, in a graph that is only run and never
            trained; None at all other times.

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

    def __init__(
        self, hidden_dim: int, num_layers: int, num_heads: int, dropout_rate: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.hidden_dim = check_positive("hidden_dim", hidden_dim)
        self.num_layers = check_not_negative("num_layers", num_layers)
        self.num_heads = num_heads
        self.dropout_rate = check_rate("dropout_rate", dropout_rate)
        self.reader: Callable[..., Any] | None = None
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        policy, depth = self.dtype_policy, input_shape[-1]
        check_divides("num_heads", self.num_heads, "the depth", depth)
        # cuDNN's LSTM fails on a message without tokens, and a graph exported with it runs on no CPU.
        lstm = keras.layers.LSTM(self.hidden_dim, return_sequences=True, use_cudnn=False, dtype=policy)
        self.lstm = keras.layers.Bidirectional(lstm, dtype=policy, name="lstm")
        self.project = keras.layers.Dense(depth, dtype=policy, name="project")
        self.dropout = keras.layers.Dropout(self.dropout_rate, dtype=policy, name="dropout")
        self.blocks = [
            AttentionBlock(self.num_heads, self.hidden_dim, self.dropout_rate, dtype=policy, name=f"block_{i}")
            for i in range(self.num_layers)
        ]
        self.norm = LayerNorm(dtype=policy, name="norm")
        self.lstm.build(input_shape)
        self.project.build((*input_shape[:-1], 2 * self.hidden_dim))
        for block in self.blocks:
            block.build(input_shape)
        self.norm.build(input_shape)

    def call(self, x: Any, mask: Any) -> Any:
        x = self.prepare(x, mask)
        for block in self.blocks:
            x = block(x, mask=mask)
        return self.norm(x)

    def prepare(self, x: Any, mask: Any) -> Any:
        """Return what the first block is given, `[B, T, D]`."""
        read = self.reader or self.lstm
        return x + self.dropout(by_row(read(x, mask=mask), self.project))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "hidden_dim": self.hidden_dim,
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "dropout_rate": self.dropout_rate,
        }
