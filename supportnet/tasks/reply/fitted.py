"""When a written reply is good enough to be sent: a threshold that validation data decide."""

import math
from dataclasses import dataclass
from typing import Any

from supportnet.tasks.fitted import Fitted


@dataclass(frozen=True)
class Handoff(Fitted):
    """A threshold, and what it gave on validation data; `supportnet.tasks.reply.calibrate` chooses it.

    Attributes:
        threshold: a reply with at least this score is sent; None hands every one to a person.
        target: the mean quality that was asked for; None where nothing was chosen.
        quality: mean quality of the replies that are sent; None if none is.
        rate: share of the replies that are handed off.
        num_replies: replies that it was chosen on.

    Example:
        >>> import numpy as np
        >>> Handoff(threshold=-0.5).applies_to(np.array([-0.1, -0.9, -0.1]), np.array([True, True, False])).tolist()
        [False, True, True]
    """

    threshold: float | None = None
    target: float | None = None
    quality: float | None = None
    rate: float = 1.0
    num_replies: int = 0

    def applies_to(self, scores: Any, complete: Any) -> Any:
        """Tell which replies are handed off: those with a low score, and those that aren't complete, whatever theirs.

        Args:
            scores: float32 `[N]`, an array or a tensor.
            complete: bool `[N]`; see `ReplyWriter.answers`.

        Returns:
            bool `[N]`.
        """
        return (scores < (math.inf if self.threshold is None else self.threshold)) | ~complete
