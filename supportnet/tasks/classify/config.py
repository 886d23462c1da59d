"""Options of a training that classifies."""

from dataclasses import dataclass, field

from supportnet.checks import check_not_negative, check_positive, check_rate
from supportnet.config import RunConfig
from supportnet.errors import UserError

#: Heading of the options that decide what the model promises.
_CONFIDENCE = {"group": "confidence"}


@dataclass(frozen=True)
class ClassifyConfig(RunConfig):
    """Options of a training that classifies, beside those of `RunConfig`.

    Attributes:
        batch_size: messages per step.
        label_smoothing: share of each target that is spread over all classes: intents, or subword tokens of a reply.
        precision: target precision of the routed messages; the routing threshold is fitted for it.
        out_of_scope_share: share of out-of-scope messages to expect in traffic; as in the validation data by default.
        class_weights: weigh every intent alike, however many examples it has.
        mixed_precision: train in bfloat16, with float32 variables; useful on hardware made for it.
        rounds: rounds of self-training on unlabelled messages, where there are any (see
            `supportnet.tasks.classify.fit`); 0 takes only their words, for the vocabulary and word vectors.
        round_epochs: passes over the labelled and the unlabelled messages in each of these rounds, at most.
        frozen_epochs: epochs at the start in which given word embeddings stay as they are.

    Raises:
        UserError: a value out of its range.

    Example:
        >>> ClassifyConfig(precision=2)
        Traceback (most recent call last):
        supportnet.errors.UserError: precision must be above 0 and at most 1. Received: precision=2
    """

    batch_size: int = 32
    label_smoothing: float = 0.1
    precision: float = field(default=0.95, metadata=_CONFIDENCE)
    out_of_scope_share: float | None = field(default=None, metadata=_CONFIDENCE)
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
