"""The numbers that decide how a network is trained."""

import math
from dataclasses import dataclass

from supportnet.errors import UserError
from supportnet.layers.checks import check_not_negative, check_positive, check_rate


@dataclass(frozen=True)
class TrainingConfig:
    """How to train.

    Attributes:
        epochs: passes over the training messages, at most.
        batch_size: messages a step.
        learning_rate: peak of the schedule: linear warm-up, then cosine decay to a hundredth.
        warmup_share: share of all steps that warm up.
        weight_decay: decoupled decay of AdamW (Loshchilov & Hutter 2019), on matrices and tables only.
        label_smoothing: share of each target that is spread over all intents.
        patience: epochs without a better validation accuracy after which training stops.
        validation_share: share cut off for validation where the data has no validation split; 0 goes without.
        precision: share of the routed messages that shall be right; the routing threshold is fitted for it.
        out_of_scope_share: share of out-of-scope messages that the routing threshold expects; None expects what
            the validation data have.
        class_weights: weigh every intent alike, however many examples it has.
        mixed_precision: compute in bfloat16, with float32 variables; it pays on hardware made for it.
        min_count: how often a word must occur in training to have an id of its own. With 2 or more, what one
            customer typed once (a name, say) stays out of the vocabulary.
        seed: of everything random: weights, dropout, order, validation split; 0 to 2^32 - 1.

    Raises:
        UserError: a value out of its range.

    Example:
        >>> TrainingConfig(epochs=0)
        Traceback (most recent call last):
        supportnet.errors.UserError: epochs must be at least 1. Received: epochs=0
    """

    epochs: int = 20
    batch_size: int = 32
    learning_rate: float = 2e-3
    warmup_share: float = 0.1
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    patience: int = 5
    validation_share: float = 0.1
    precision: float = 0.95
    out_of_scope_share: float | None = None
    class_weights: bool = False
    mixed_precision: bool = False
    min_count: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "patience", "min_count"):
            check_positive(name, getattr(self, name))
        for name in ("warmup_share", "label_smoothing", "validation_share"):
            check_rate(name, getattr(self, name))
        check_rate("out_of_scope_share", self.out_of_scope_share or 0.0)
        if not 0 < self.precision <= 1:
            raise UserError(f"precision must be above 0 and at most 1. Received: precision={self.precision}")
        if not 0 < self.learning_rate < math.inf:
            raise UserError(f"learning_rate must be above 0. Received: learning_rate={self.learning_rate}")
        if not 0 <= self.weight_decay < math.inf:
            raise UserError(f"weight_decay must be at least 0. Received: weight_decay={self.weight_decay}")
        if check_not_negative("seed", self.seed) >= 2**32:
            raise UserError(f"seed must be below 2^32. Received: seed={self.seed}")
