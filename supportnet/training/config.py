"""The numbers that decide how a network is trained."""

import math
from dataclasses import dataclass

from supportnet.checks import check_not_negative, check_positive, check_rate
from supportnet.errors import UserError


@dataclass(frozen=True)
class RunConfig:
    """What every training is told.

    Attributes:
        epochs: passes over the training messages, at most.
        learning_rate: peak of the schedule: linear warm-up, then cosine decay to a hundredth.
        warmup_share: share of all steps that warm up.
        weight_decay: decoupled decay of AdamW (Loshchilov & Hutter 2019), on matrices and tables only.
        ema_momentum: what a step leaves of the running mean of the weights, such as 0.999; the mean is then what
            validation measures and the run keeps, as with averaged checkpoints (Vaswani et al. 2017, section 6.1;
            Polyak & Juditsky 1992). 0 keeps the weights as they are.
        patience: epochs without a better validation accuracy after which training stops.
        validation_share: share cut off for validation where the data has no validation split; 0 goes without.
        min_count: how often a word must occur in training to have an id of its own. With 2 or more, what one
            customer typed once (a name, say) stays out of the vocabulary.
        seed: of everything random: weights, dropout, order, validation split; 0 to 2^32 - 1.

    Raises:
        UserError: a value out of its range.

    Example:
        >>> RunConfig(epochs=0)
        Traceback (most recent call last):
        supportnet.errors.UserError: epochs must be at least 1. Received: epochs=0
    """

    epochs: int = 20
    learning_rate: float = 2e-3
    warmup_share: float = 0.1
    weight_decay: float = 0.05
    ema_momentum: float = 0.0
    patience: int = 5
    validation_share: float = 0.1
    min_count: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "patience", "min_count"):
            check_positive(name, getattr(self, name))
        for name in ("warmup_share", "ema_momentum", "validation_share"):
            check_rate(name, getattr(self, name))
        if not 0 < self.learning_rate < math.inf:
            raise UserError(f"learning_rate must be above 0. Received: learning_rate={self.learning_rate}")
        if not 0 <= self.weight_decay < math.inf:
            raise UserError(f"weight_decay must be at least 0. Received: weight_decay={self.weight_decay}")
        if check_not_negative("seed", self.seed) >= 2**32:
            raise UserError(f"seed must be below 2^32. Received: seed={self.seed}")


@dataclass(frozen=True)
class TrainingConfig(RunConfig):
    """How to train; beside it, what `RunConfig` says.

    Attributes:
        batch_size: messages a step.
        label_smoothing: share of each target that is spread over all intents.
        precision: share of the routed messages that shall be right; the routing threshold is fitted for it.
        out_of_scope_share: share of out-of-scope messages that the routing threshold expects; None expects what
            the validation data have.
        class_weights: weigh every intent alike, however many examples it has.
        mixed_precision: compute in bfloat16, with float32 variables; it pays on hardware made for it.
        rounds: how often unlabelled messages are learned from, where there are any (see
            `supportnet.tasks.classify.self_training`); 0 takes their words only, for the vocabulary and for word
            vectors.
        round_epochs: passes over the labelled and the unlabelled messages in each of these rounds, at most.
        frozen_epochs: epochs at the start in which given word embeddings stay as they are.

    Raises:
        UserError: a value out of its range.

    Example:
        >>> TrainingConfig(precision=2)
        Traceback (most recent call last):
        supportnet.errors.UserError: precision must be above 0 and at most 1. Received: precision=2
    """

    batch_size: int = 32
    label_smoothing: float = 0.1
    precision: float = 0.95
    out_of_scope_share: float | None = None
    class_weights: bool = False
    mixed_precision: bool = False
    rounds: int = 2
    round_epochs: int = 10
    frozen_epochs: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("batch_size", "round_epochs"):
            check_positive(name, getattr(self, name))
        for name in ("rounds", "frozen_epochs"):
            check_not_negative(name, getattr(self, name))
        check_rate("label_smoothing", self.label_smoothing)
        check_rate("out_of_scope_share", self.out_of_scope_share or 0.0)
        if not 0 < self.precision <= 1:
            raise UserError(f"precision must be above 0 and at most 1. Received: precision={self.precision}")


@dataclass(frozen=True)
class PretrainingConfig(RunConfig):
    """How to pre-train; beside it, what `RunConfig` says.

    Attributes:
        batch_size: messages a step.
        mask_share: share of the words of a message that are asked for.
        validation_share: share of the messages that is held out, to measure the perplexity and to choose the epoch.

    Raises:
        UserError: a value out of its range.

    Example:
        >>> PretrainingConfig(mask_share=1.0)
        Traceback (most recent call last):
        supportnet.errors.UserError: mask_share must be above 0 and below 1. Received: mask_share=1.0
    """

    batch_size: int = 64
    mask_share: float = 0.2
    validation_share: float = 0.05

    def __post_init__(self) -> None:
        check_positive("batch_size", self.batch_size)
        for name in ("mask_share", "validation_share"):
            value = getattr(self, name)
            if not 0 < value < 1:
                raise UserError(f"{name} must be above 0 and below 1. Received: {name}={value}")
        super().__post_init__()


@dataclass(frozen=True)
class SuggestionConfig(RunConfig):
    """How to train a suggestion network; beside it, what `RunConfig` says.

    Attributes:
        batch_size: messages a step; each reply stands among as many.
        hard_negatives: further wrong replies a message, searched anew for every epoch but the first; 0 searches none.
        label_weight: weight of the second objective, to tell the label of the reply from either side; 0 does without.

    Raises:
        UserError: a value out of its range.

    Example:
        >>> SuggestionConfig(batch_size=1)
        Traceback (most recent call last):
        supportnet.errors.UserError: batch_size must be at least 2. Received: batch_size=1
    """

    epochs: int = 8
    learning_rate: float = 3e-3
    batch_size: int = 128
    hard_negatives: int = 0
    label_weight: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch_size < 2:
            raise UserError(f"batch_size must be at least 2. Received: batch_size={self.batch_size}")
        check_not_negative("hard_negatives", self.hard_negatives)
        if not 0 <= self.label_weight < math.inf:
            raise UserError(f"label_weight must be at least 0. Received: label_weight={self.label_weight}")


@dataclass(frozen=True)
class ReplyConfig(RunConfig):
    """How to train a network that writes replies; beside it, what `RunConfig` says.

    Attributes:
        batch_tokens: tokens a step, of messages and replies together, padding included.
        label_smoothing: share of each target that is spread over all pieces.
        pretraining_epochs: passes over the turns of the training conversations that come first, at most; see
            `supportnet.tasks.reply.pretrain`.
        quality: mean quality (ROUGE-L, 0 to 1) that the replies shall have that aren't handed to a person.

    Raises:
        UserError: a value out of its range.

    Example:
        >>> ReplyConfig(quality=2)
        Traceback (most recent call last):
        supportnet.errors.UserError: quality must be above 0 and at most 1. Received: quality=2
    """

    epochs: int = 8
    batch_tokens: int = 4096
    label_smoothing: float = 0.1
    pretraining_epochs: int = 0
    quality: float = 0.8

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive("batch_tokens", self.batch_tokens)
        check_not_negative("pretraining_epochs", self.pretraining_epochs)
        check_rate("label_smoothing", self.label_smoothing)
        if not 0 < self.quality <= 1:
            raise UserError(f"quality must be above 0 and at most 1. Received: quality={self.quality}")
