"""Parts that heads share: pooling of token vectors to one vector per message, and the vote of several branches."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from supportnet.backbones.encoders import check_encoder
from supportnet.config import NetworkConfig
from supportnet.layers import MaskedPooling, Phrases

#: Exponent of the branches' power mean; chosen on validation data. See benchmarks/README.md.
VOTE_EXPONENT = 0.2


class MessagePooling:
    """Pools token vectors to one vector per branch. Calling an object twice reads two texts with the same weights.

    The branch `context` pools the encoder's output and its input side by side. The branch `words` pools word vectors of
    its own, as fastText does (Joulin et al. 2017), without regard to order; with `num_filters`, the outputs of filters
    over short phrases of them (Kim 2014).

    Args:
        config: sizes and rates.

    Call arguments:
        inputs: `mask` bool `[B, T]`, and the vectors of the backbone, symbolic.

    Returns:
        branch -> vector: `words` float `[B, 2 D]`, with F filters `[B, 4 F]`, and `context` float `[B, 4 D]`, which the
        architecture `none` lacks.

    Raises:
        UserError: the architecture reads messages with its decoder.
    """

    def __init__(self, config: NetworkConfig) -> None:
        check_encoder(config)
        self.pool = {name: MaskedPooling(name=f"pool_{name}") for name in ("words", "encoded", "tokens")}
        self.join = keras.layers.Concatenate(name="context")
        self.phrases = Phrases(config.num_filters, name="phrases") if config.num_filters else None

    def __call__(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Pool one text per row."""
        words, mask = inputs["words"], inputs["mask"]
        if self.phrases is not None:
            words = self.phrases(words, mask=mask)
        pooled = {"words": self.pool["words"](words, mask=mask)}
        if "encoded" in inputs:
            sides = [self.pool[name](inputs[name], mask=mask) for name in ("encoded", "tokens")]
            pooled["context"] = self.join(sides)
        return pooled


def vote(branch_logits: Any) -> Any:
    """Return the logarithm of the power mean of the branches' probabilities, with the exponent 1/5.

    It lies between the geometric mean (exponent 0), the most accurate, and the arithmetic one (1), the best calibrated.

    Args:
        branch_logits: float `[B, N, K]` of N branches.

    Returns:
        Logits `[B, K]`.

    Example:
        >>> logits = vote(ops.log(ops.array([[[0.9, 0.1], [0.5, 0.5]]])))
        >>> keras.ops.convert_to_numpy(ops.softmax(logits)).round(3)
        array([[0.739, 0.261]], dtype=float32)
    """
    powers = ops.multiply(ops.log_softmax(branch_logits, axis=-1), VOTE_EXPONENT)
    return ops.logsumexp(powers, axis=1) / VOTE_EXPONENT
