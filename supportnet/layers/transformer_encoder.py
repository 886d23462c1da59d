"""The second encoder: positions, then attention blocks; nothing recurrent (article 3.1, 3.3; Vaswani et al. 2017)."""

from typing import Any

import keras

from supportnet.layers.attention_block import AttentionBlock
from supportnet.layers.checks import check_choice, check_divides, check_not_negative, check_positive, check_rate
from supportnet.layers.positional_encoding import PositionalEncoding
from supportnet.layers.residual_block import NORMS, make_last_norm


@keras.saving.register_keras_serializable(package="supportnet")
class TransformerEncoder(keras.layers.Layer):
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
        super().__init__(**kwargs)
        self.hidden_dim = check_positive("hidden_dim", hidden_dim)
        self.num_layers = check_not_negative("num_layers", num_layers)
        self.num_heads = num_heads
        self.dropout_rate = check_rate("dropout_rate", dropout_rate)
        self.max_length = check_positive("max_length", max_length)
        # Files of weights name the last layer `norm`.
        self.norm_place = check_choice("norm", norm, NORMS)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        policy, depth = self.dtype_policy, input_shape[-1]
        check_divides("num_heads", self.num_heads, "the depth", depth)
        # A token's vector is about 1 long, a position's sqrt(D / 2): unscaled, it would drown the token (section 3.4).
        self.scale = float(depth) ** 0.5
        self.positions = PositionalEncoding(self.max_length, dtype=policy, name="positions")
        self.dropout = keras.layers.Dropout(self.dropout_rate, dtype=policy, name="dropout")
        sizes = (self.num_heads, self.hidden_dim, self.dropout_rate, self.norm_place)
        self.blocks = [AttentionBlock(*sizes, dtype=policy, name=f"block_{i}") for i in range(self.num_layers)]
        self.norm = make_last_norm(self.norm_place, policy)
        for layer in (self.positions, *self.blocks, self.norm):
            layer.build(input_shape)

    def call(self, x: Any, mask: Any) -> Any:
        x = self.dropout(self.positions(x * self.scale))
        for block in self.blocks:
            x = block(x, mask=mask)
        return self.norm(x)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "hidden_dim": self.hidden_dim,
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "dropout_rate": self.dropout_rate,
            "max_length": self.max_length,
            "norm": self.norm_place,
        }
