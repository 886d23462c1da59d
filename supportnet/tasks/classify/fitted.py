"""What validation data say of how far a model can be trusted: a temperature, and two thresholds."""

from dataclasses import dataclass

from supportnet.checks import check_not_negative
from supportnet.errors import UserError
from supportnet.tasks.fitted import Fitted


@dataclass(frozen=True)
class Confidence(Fitted):
    """The numbers that turn scores into probabilities and decisions; `supportnet.tasks.classify.calibrate` fits them.

    Without arguments, those of a model that nothing was fitted for: probabilities as the network gives them, every
    message in scope, none routed.

    Attributes:
        temperature: what the logits are divided by before their softmax (Guo et al. 2017).
        in_scope_threshold: the least in-scope score of a message that counts as in scope; None takes them all.
        coverage_weight: how much coverage counts in the route score; 0 leaves the largest probability.
        route_threshold: the least route score of a message that can be routed without a human; None routes none.
        promised_precision: share of the routed messages that shall be right; None promises nothing.
        out_of_scope_share: share of out-of-scope messages, among all, that the promise was made for.
        num_in_scope: validation messages with an intent that all of this was fitted on.
        num_out_of_scope: those that no intent covers.
        expected_coverage: share of all messages that are routed, as validation has it; None without a promise.
        expected_precision: share of the routed that are right, as validation has it; None if none is routed.

    Raises:
        UserError: a number that is none, a temperature of 0 or less, or a negative count.

    Example:
        >>> Confidence(temperature=0.0)
        Traceback (most recent call last):
        supportnet.errors.UserError: temperature must be above 0. Received: temperature=0.0
    """

    temperature: float = 1.0
    in_scope_threshold: float | None = None
    coverage_weight: float = 0.0
    route_threshold: float | None = None
    promised_precision: float | None = None
    out_of_scope_share: float | None = None
    num_in_scope: int = 0
    num_out_of_scope: int = 0
    expected_coverage: float | None = None
    expected_precision: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.temperature > 0:
            raise UserError(f"temperature must be above 0. Received: temperature={self.temperature}")
        for name in ("num_in_scope", "num_out_of_scope"):
            check_not_negative(name, getattr(self, name))
