"""Parts that heads share: pooling of token vectors to one vector per message, the vote of branches, its loss."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from supportnet.backbones.backbone import check_encoder
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
        architecture `none` lacks; of a pretrained encoder `sentence` float `[B, D]` alone.

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
        if "sentence" in inputs:
            return {"sentence": inputs["sentence"]}
        words, mask = inputs["words"], inputs["mask"]
        if self.phrases is not None:
            words = self.phrases(words, mask=mask)
        pooled = {"words": self.pool["words"](words, mask=mask)}
        if "encoded" in inputs:
            sides = [self.pool[name](inputs[name], mask=mask) for name in ("encoded", "tokens")]
            pooled["context"] = self.join(sides)
        return pooled


def vote(branch_logits: Any, shares: Any = None) -> Any:
    """Return the logarithm of the power mean of the branches' probabilities, with the exponent 1/5.

    It lies between the geometric mean (exponent 0), the most accurate, and the arithmetic one (1), the best calibrated.

    Args:
        branch_logits: float `[B, N, K]` of N branches.
        shares: how much each branch counts, float `[N]`, at least 0; alike by default.

    Returns:
        Logits `[B, K]`.

    Example:
        >>> logits = vote(ops.log(ops.array([[[0.9, 0.1], [0.5, 0.5]]])))
        >>> keras.ops.convert_to_numpy(ops.softmax(logits)).round(3)
        array([[0.739, 0.261]], dtype=float32)
    """
    powers = ops.multiply(ops.log_softmax(branch_logits, axis=-1), VOTE_EXPONENT)
    if shares is not None:
        # A share of 0 has no logarithm; that of this number leaves nothing of a branch.
        powers = powers + ops.log(ops.maximum(shares, 1e-30))[:, None]
    return ops.logsumexp(powers, axis=1) / VOTE_EXPONENT


@keras.saving.register_keras_serializable(package="supportnet")
class Vote(keras.layers.Layer):
    """The vote of N branches, each with a share that is fitted and not trained; see `vote`.

    Call arguments:
        branch_logits: float `[B, N, K]`.

    Returns:
        Logits `[B, K]`.

    Example:
        >>> keras.ops.shape(Vote()(ops.zeros((2, 3, 5))))
        (2, 5)
    """

    def build(self, input_shape: Any) -> None:
        equal = keras.initializers.Constant(1 / input_shape[1])
        self.shares = self.add_weight((input_shape[1],), initializer=equal, trainable=False, name="shares")

    def call(self, branch_logits: Any) -> Any:
        return vote(branch_logits, self.shares)


class BranchCrossentropy(keras.losses.Loss):
    """The mean of the branches' cross-entropies: each learns for itself.

    Args:
        label_smoothing: share of each target that is spread over all intents.

    Call arguments:
        y_true: one-hot `[B, K]`.
        y_pred: logits `[B, N, K]` of N branches.

    Example:
        >>> loss = BranchCrossentropy()
        >>> float(loss(ops.array([[1.0, 0.0]]), ops.zeros((1, 2, 2))))
        0.6931471824645996
    """

    def __init__(self, label_smoothing: float = 0.0, name: str = "branch_crossentropy", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.label_smoothing = label_smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        targets = ops.broadcast_to(ops.expand_dims(y_true, 1), ops.shape(y_pred))
        losses = keras.losses.categorical_crossentropy(
            targets, y_pred, from_logits=True, label_smoothing=self.label_smoothing
        )
        return ops.mean(losses, axis=1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "label_smoothing": self.label_smoothing}


def vote_accuracy(y_true: Any, y_pred: Any, shares: Any = None) -> Any:
    """Tell for each message whether the branches' vote is highest for the true intent.

    Args:
        y_true: one-hot `[B, K]`.
        y_pred: logits `[B, N, K]` of N branches.
        shares: see `vote`.

    Returns:
        float `[B]`, 0 or 1.
    """
    return keras.metrics.categorical_accuracy(y_true, vote(y_pred, shares))


def vote_log_loss(y_true: Any, y_pred: Any) -> Any:
    """Return the cross-entropy of the branches' vote for each message, or for each word.

    Args:
        y_true: one-hot `[B, K]`.
        y_pred: logits `[B, N, K]` of N branches.

    Returns:
        float `[B]`, in nats; the exponential of its mean is the perplexity.
    """
    return keras.losses.categorical_crossentropy(y_true, vote(y_pred), from_logits=True)
