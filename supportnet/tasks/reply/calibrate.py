"""Which replies to hand off to a person: a threshold on their scores, chosen on validation for a target quality."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from supportnet.data.ticket import Ticket
from supportnet.errors import UserError
from supportnet.metrics.thresholds import RoutingCurve, best_point, lowest_point, routing_curve, threshold_at
from supportnet.tasks.reply.data import filled
from supportnet.tasks.task import Fitted
from supportnet.text.rouge import rouge_l

if TYPE_CHECKING:
    from supportnet.tasks.reply.config import ReplyConfig
    from supportnet.tasks.reply.data import Split
    from supportnet.tasks.reply.model import Replier
    from supportnet.training.loop import History


#: A threshold that keeps fewer replies would be an accident.
MIN_KEPT = 30
#: Validation messages that replies are written to.
MAX_MESSAGES = 1000


@dataclass(frozen=True)
class Handoff(Fitted):
    """A threshold, and what it gave on validation data; `choose_handoff` chooses it.

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


def calibrate(model: "Replier", split: "Split", config: "ReplyConfig", history: "History") -> None:
    """Fit the hand-off threshold on validation messages; without any, every reply is handed off."""
    if split.validation:
        model.handoff = fit_handoff(model, split.validation, config.quality, config.seed)


def fit_handoff(model: "Replier", validation: Sequence[Ticket], target: float, seed: int = 0) -> Handoff:
    """Let a model write replies to validation messages, and choose on them; see `choose_handoff`.

    Args:
        model: a trained one.
        validation: messages with a reply.
        target: mean ROUGE-L (F1, 0 to 1) that the replies shall have that are sent.
        seed: draws 1,000 of them, if there are more.

    Example (needs a trained model):
        >>> model.handoff = fit_handoff(model, dataset["validation"], target=0.8)
    """
    chosen = [validation[i] for i in np.random.default_rng(seed).permutation(len(validation))[:MAX_MESSAGES]]
    texts = [ticket.text for ticket in chosen]
    answers = model.write(texts)
    references = filled([ticket.reply or "" for ticket in chosen], texts, model.config.max_length)
    quality = rouge_l([reply.decode() for reply in answers["reply"]], references)
    return choose_handoff(np.where(answers["complete"], answers["reply_score"], -np.inf), quality, target)


def choose_handoff(scores: npt.NDArray[np.floating], quality: npt.NDArray[np.floating], target: float) -> Handoff:
    """Choose the lowest threshold at which the mean quality of the kept replies is at least the target.

    The mean over the kept, not each of them, reaches the target: it is a promise for the replies as a whole. As few as
    possible are handed off, and at least 30 are kept, so that the promise rests on more than luck.

    Args:
        scores: score of each validation reply, the highest is the surest, `[N]`; minus infinity for one that is handed
            off in any case.
        quality: how good each is, 0 to 1, `[N]`: whether it matches the agent's, say, or its ROUGE-L.
        target: mean quality that the kept replies shall have, 0 to 1.

    Returns:
        The threshold, a float32 as scores are. It is None if no threshold reaches the target.

    Raises:
        UserError: there are no replies, not as many qualities, or a quality or the target isn't 0 to 1.

    Warns:
        UserWarning: no threshold reaches the target; the best that can be had is named.

    Example:
        >>> scores, quality = np.repeat([-0.1, -0.5, -2.0], 40), np.repeat([1.0, 0.8, 0.2], 40)
        >>> handoff = choose_handoff(scores, quality, target=0.9)
        >>> handoff.threshold, round(handoff.quality, 2), round(handoff.rate, 2)
        (-1.25, 0.9, 0.33)
    """
    # In the graph, scores are float32: what equals the threshold there has to equal it here.
    scores, quality = np.asarray(scores, dtype="float32"), np.asarray(quality, dtype="float64")
    if not 0 < len(scores) == len(quality):
        raise UserError(
            "There must be at least one reply to choose a threshold on, and as many qualities. "
            f"Received: {len(scores)} scores, {len(quality)} qualities"
        )
    if not 0 <= target <= 1:
        raise UserError(f"The target quality must be 0 to 1. Received: {target=}")
    # A quality that is no number fails the comparison too.
    if not ((quality >= 0) & (quality <= 1)).all():
        raise UserError(f"Qualities must be 0 to 1. Received: {quality.min()} to {quality.max()}")
    curve = routing_curve(scores, quality)
    point = lowest_point(curve, target, MIN_KEPT)
    if point is None:
        warnings.warn(
            f"A mean quality of {target:g} (--quality) can't be reached on validation data: {_reason(curve)}. "
            "Every reply will be handed off.",
            stacklevel=2,
        )
        return Handoff(None, target, None, 1.0, len(scores))
    kept = float(curve.coverage[point])
    return Handoff(threshold_at(curve.thresholds, point), target, float(curve.precision[point]), 1 - kept, len(scores))


def _reason(curve: RoutingCurve) -> str:
    """Say what keeps the target from being reached."""
    best = best_point(curve, MIN_KEPT)
    if best is None:
        return f"that takes {MIN_KEPT} validation replies or more that can be kept"
    # Rounded down: it is what one would ask for next.
    quality = np.floor(curve.precision[best] * 1e4) / 1e4
    return f"the best is {quality:.4f}, for {curve.coverage[best]:.1%} of the replies"
