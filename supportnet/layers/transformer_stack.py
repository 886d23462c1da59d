"""What the Transformer's encoder and decoder share: positions, then blocks, then a last normalization."""

from typing import Any, ClassVar

import keras

from supportnet.checks import check_choice, check_divides, check_positive, check_rate
from supportnet.layers.blocks import NORMS, ResidualBlock, make_last_norm
from supportnet.layers.positional_encoding import PositionalEncoding


class TransformerStack(keras.layers.Layer):
    """The base of `TransformerEncoder` and `TransformerDecoder`, which say what a call is given.

    Args:
        hidden_dim, num_layers, num_heads, dropout_rate, max_length, norm: see there.

    Attributes:
        block: what it is a stack of.
        check_num_layers: returns the number of them, or raises a `UserError` that names it.
    """

    block: ClassVar[type[ResidualBlock]]
    check_num_layers: "ClassVar[staticmethod[[str, int], int]]"

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
        self.num_layers = self.check_num_layers("num_layers", num_layers)
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
        self.blocks = [self.block(*sizes, dtype=policy, name=f"block_{i}") for i in range(self.num_layers)]
        self.norm = make_last_norm(self.norm_place, policy)
        for layer in (self.positions, *self.blocks, self.norm):
            layer.build(input_shape)

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
