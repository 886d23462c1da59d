"""From how alike two vectors are to how likely an answer is right: numbers that validation data decide."""

from dataclasses import dataclass

from supportnet.errors import UserError
from supportnet.tasks.fitted import Fitted


@dataclass(frozen=True)
class Relevance(Fitted):
    """The numbers that turn a network's scores into probabilities; `supportnet.tasks.suggest.calibrate` fits them.

    An answer has the logit `inverse_temperature` times the network's score, plus `prior` times the logarithm of its
    uses, plus `agreement` times the chance that message and answer have the same label. A softmax over all answers and
    "none of them", whose logit is `null_logit`, gives the probabilities.

    In training, an answer stands among those of the same batch, where often used ones are wrong about as often as they
    are right: the scores forget most of how often each is used (Yi et al. 2019, Sampling-Bias-Corrected Neural
    Modeling). The prior brings it back.

    Attributes:
        inverse_temperature: what the network's scores are multiplied with, above 0.
        prior: weight of the logarithm of an answer's uses.
        agreement: weight of the chance of equal labels, where the network knows labels.
        null_logit: logit of "none of them".

    Raises:
        UserError: a number that is none, or a inverse_temperature of 0 or less.

    Example:
        >>> Relevance(inverse_temperature=0.0)
        Traceback (most recent call last):
        supportnet.errors.UserError: inverse_temperature must be above 0. Received: inverse_temperature=0.0
    """

    inverse_temperature: float = 1.0
    prior: float = 0.0
    agreement: float = 0.0
    null_logit: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.inverse_temperature > 0:
            raise UserError(
                f"inverse_temperature must be above 0. Received: inverse_temperature={self.inverse_temperature}"
            )
