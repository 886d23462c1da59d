"""Options of a training that writes replies."""

from dataclasses import dataclass

from supportnet.checks import check_not_negative, check_positive, check_rate, in_range
from supportnet.config import RunConfig, option


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
    batch_tokens: int = option(4096, check_positive)
    label_smoothing: float = option(0.1, check_rate)
    pretraining_epochs: int = option(0, check_not_negative)
    quality: float = option(0.8, in_range("above 0 and at most 1", lambda share: 0 < share <= 1), group="confidence")
