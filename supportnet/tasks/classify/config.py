"""Options of a training that classifies."""

from dataclasses import dataclass

from supportnet.checks import check_not_negative, check_positive, check_rate, in_range
from supportnet.config import RunConfig, option

#: Upper blocks of a pretrained encoder that are tuned with many messages, unless another number is asked for.
TUNED_BLOCKS = 3


@dataclass(frozen=True)
class ClassifyConfig(RunConfig):
    """Options of a training that classifies, beside those of `RunConfig`.

    Attributes:
        batch_size: messages per step.
        label_smoothing: share of each target that is spread over all classes: intents, or subword tokens of a reply.
        validation: `cv` cross-validates and then trains on all messages; `split` holds `validation_share` of them out,
            `none` nothing. By default, at most 2,000 labelled messages are cross-validated, and more are split; data
            with a validation split keep it.
        precision: target precision of the routed messages; where it can't be promised, the highest below it that can.
        out_of_scope_share: share of out-of-scope messages to expect in traffic; as in the validation data by default.
        class_weights: weigh every intent alike, however many examples it has.
        mixed_precision: train in bfloat16, with float32 variables; useful on hardware made for it.
        rounds: rounds of self-training on unlabelled messages, where there are any (see
            `supportnet.tasks.classify.fit`); 0 takes only their words, for the vocabulary and word vectors.
        round_epochs: passes over the labelled and the unlabelled messages in each of these rounds, at most.
        tuned_blocks: upper blocks of a pretrained encoder that are tuned; 0 leaves it as it is. By default 3, where
            messages are many and validation finds the tuned encoder better.
        frozen_epochs: epochs at the start in which given word embeddings stay as they are.

    Raises:
        UserError: a value out of its range.

    Example:
        >>> ClassifyConfig(precision=2)
        Traceback (most recent call last):
        supportnet.errors.UserError: precision must be above 0 and at most 1. Received: precision=2
    """

    batch_size: int = option(32, check_positive)
    validation: str | None = option(None, choices=("cv", "split", "none"))
    label_smoothing: float = option(0.1, check_rate)
    precision: float = option(0.95, in_range("above 0 and at most 1", lambda share: 0 < share <= 1), group="confidence")
    out_of_scope_share: float | None = option(None, check_rate, group="confidence")
    class_weights: bool = False
    mixed_precision: bool = False
    rounds: int = option(2, check_not_negative)
    round_epochs: int = option(10, check_positive)
    tuned_blocks: int | None = option(None, check_not_negative)
    frozen_epochs: int = option(0, check_not_negative)
