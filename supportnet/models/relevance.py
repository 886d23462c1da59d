"""From how alike two vectors are to how likely an answer is right: numbers that validation data decide."""

import math
import os
from dataclasses import asdict, dataclass, fields
from typing import Any

from supportnet.errors import UserError
from supportnet.files import read_json, write_json


@dataclass(frozen=True)
class Relevance:
    """The numbers that turn a network's scores into probabilities; `supportnet.training.relevance` fits them.

    An answer has the logit `sharpness` times the network's score, plus `prior` times the logarithm of its uses, plus
    `agreement` times the chance that message and answer have the same label. A softmax over all answers and "none of
    them", whose logit is `nothing`, gives the probabilities.

    In training, an answer stands among those of the same batch, where often used ones are as often wrong as they are
    right: the scores forget how often each is used (Yi et al. 2019, Sampling-Bias-Corrected Neural Modeling). The
    prior brings it back.

    Attributes:
        sharpness: what the network's scores are multiplied with, above 0.
        prior: weight of the logarithm of an answer's uses.
        agreement: weight of the chance of equal labels, where the network knows labels.
        nothing: logit of "none of them".

    Raises:
        UserError: a number that is none, or a sharpness of 0 or less.

    Example:
        >>> Relevance(sharpness=0.0)
        Traceback (most recent call last):
        supportnet.errors.UserError: sharpness must be above 0. Received: sharpness=0.0
    """

    sharpness: float = 1.0
    prior: float = 0.0
    agreement: float = 0.0
    nothing: float = 0.0

    def __post_init__(self) -> None:
        for name, value in ((field.name, getattr(self, field.name)) for field in fields(self)):
            if not math.isfinite(value):
                raise UserError(f"{name} must be a finite number. Received: {name}={value}")
        if not self.sharpness > 0:
            raise UserError(f"sharpness must be above 0. Received: sharpness={self.sharpness}")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as JSON, whole or not at all."""
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Relevance":
        """Read what `save` wrote.

        Raises:
            UserError: the file is missing or damaged; it is named.
        """
        numbers: Any = read_json(path)
        try:
            return cls(**numbers)
        except (TypeError, UserError) as error:
            raise UserError(f"{path} is damaged or of another version of supportnet ({error}).") from None
