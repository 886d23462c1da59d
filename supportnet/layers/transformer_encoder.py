"""The second encoder: positions, then attention blocks; nothing recurrent (article 3.1, 3.3; Vaswani et al. 2017)."""

from typing import Any

import keras

from supportnet.checks import check_not_negative
from supportnet.layers.attention_block import AttentionBlock
from supportnet.layers.transformer_stack import TransformerStack


@keras.saving.register_keras_serializable(package="supportnet")
class TransformerEncoder(TransformerStack):
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
    check_num_layers = staticmethod(check_not_negative)

    def call(self, x: Any, mask: Any) -> Any:
        x = self.prepare(x, mask)
        for block in self.blocks:
            x = block(x, mask=mask)
        return self.norm(x)

    def prepare(self, x: Any, mask: Any) -> Any:
        """Return what the first block is given, `[B, T, D]`."""
        return self.dropout(self.positions(x * self.scale))
