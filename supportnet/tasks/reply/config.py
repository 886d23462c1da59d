"""Options of a training that writes replies."""

from dataclasses import dataclass, field

from supportnet.checks import check_not_negative, check_positive, check_rate
from supportnet.config import RunConfig
from supportnet.errors import UserError


@dataclass(frozen=True)
class ReplyConfig(RunConfig):
    """Options of a training that writes replies, beside those of `RunConfig`.

    Attributes:
        batch_tokens: tokens per step, of messages and replies together, padding included.
        label_smoothing: share of each target that is spread over all subword tokens.
        pretraining_epochs: passes over the turns of the training conversations before replies are learned, at most; 2
            for gpt (see `supportnet.tasks.reply.fit.fit`).
        quality: target mean quality (ROUGE-L, 0 to 1) of the replies that are not handed to a person.

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
    quality: float = field(default=0.8, metadata={"group": "confidence"})

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive("batch_tokens", self.batch_tokens)
        check_not_negative("pretraining_epochs", self.pretraining_epochs)
        check_rate("label_smoothing", self.label_smoothing)
        if not 0 < self.quality <= 1:
            raise UserError(f"quality must be above 0 and at most 1. Received: quality={self.quality}")
