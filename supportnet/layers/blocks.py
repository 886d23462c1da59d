"""What the blocks of attention share: where the residual and the normalization stand, and the feed-forward half."""

from collections.abc import Callable
from typing import Any

import keras

from supportnet.checks import check_choice, check_positive, check_rate
from supportnet.layers.norm import LayerNorm
from supportnet.layers.rows import by_row

#: Where a block normalizes: what each of its parts is given, or the sum with what the part returns.
NORMS = ("pre", "post")


def make_last_norm(norm: str, dtype: Any) -> keras.layers.Layer:
    """Make what a stack of blocks ends with, a layer with the name `norm`.

    Pre-norm blocks add to what they are given and leave the sum as it is; post-norm blocks have normalized it.
    """
    if norm == "post":
        return keras.layers.Identity(dtype=dtype, name="norm")
    return LayerNorm(dtype=dtype, name="norm")


class ResidualBlock(keras.layers.Layer):
    """The base of the blocks: for each part `x + part(norm(x))`, pre-norm, or `norm(x + part(x))`, post-norm.

    Pre-norm trains without warm-up and at any depth, and leaves it to the stack to normalize the last sum (Xiong et
    al. 2020, On Layer Normalization in the Transformer Architecture). Post-norm is the original (Vaswani et al. 2017);
    what it returns is normalized.

    Args:
        num_heads: heads of each attention; must divide the depth.
        hidden_dim: width of the feed-forward layer.
        dropout_rate: dropout on the attention weights and on what each part adds.
        norm: "pre" or "post".

    Raises:
        UserError: a number is out of its range, or `norm` is neither.
    """

    def __init__(
        self, num_heads: int, hidden_dim: int, dropout_rate: float = 0.0, norm: str = "pre", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.hidden_dim = check_positive("hidden_dim", hidden_dim)
        self.dropout_rate = check_rate("dropout_rate", dropout_rate)
        self.norm = check_choice("norm", norm, NORMS)
        self.supports_masking = True

    def _build_feed_forward(self, shape: Any) -> None:
        policy = self.dtype_policy
        self.feed_forward_norm = self._build_norm("feed_forward_norm", shape)
        self.expand = keras.layers.Dense(self.hidden_dim, activation="relu", dtype=policy, name="expand")
        self.contract = keras.layers.Dense(shape[-1], dtype=policy, name="contract")
        self.dropout = keras.layers.Dropout(self.dropout_rate, dtype=policy, name="dropout")
        self.expand.build(shape)
        self.contract.build((*shape[:-1], self.hidden_dim))

    def _build_norm(self, name: str, shape: Any) -> keras.layers.Layer:
        norm = LayerNorm(dtype=self.dtype_policy, name=name)
        norm.build(shape)
        return norm

    def _add(self, x: Any, norm: keras.layers.Layer, part: Callable[[Any], Any]) -> Any:
        """Add to `x` what `part` makes of it."""
        return self._sum(x, part(self._given(x, norm)), norm)

    def _given(self, x: Any, norm: keras.layers.Layer) -> Any:
        """What a part is given of `x`."""
        return norm(x) if self.norm == "pre" else x

    def _sum(self, x: Any, made: Any, norm: keras.layers.Layer) -> Any:
        """`x` and what a part made of it."""
        total = x + self.dropout(made)
        return total if self.norm == "pre" else norm(total)

    def _feed_forward(self, x: Any) -> Any:
        """The feed-forward half, `[B, T, D]` -> `[B, T, D]`."""
        return by_row(x, self._feed_forward_rows)

    def _feed_forward_rows(self, rows: Any) -> Any:
        """The same, `[R, D]` -> `[R, D]`."""
        return self._add(rows, self.feed_forward_norm, lambda y: self.contract(self.expand(y)))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "dropout_rate": self.dropout_rate,
            "norm": self.norm,
        }
