"""Training examples of a classifier: messages with classes that are labelled or pseudo-labelled."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Examples:
    """Messages with their classes.

    Attributes:
        texts: N messages.
        targets: the index of each message's class, int `[N]`; or, where it is pseudo-labelled, the probability of every
            class, float `[N, K]`.
    """

    texts: Sequence[str]
    targets: npt.NDArray[np.int64] | npt.NDArray[np.float32]

    @property
    def best(self) -> npt.NDArray[np.int64]:
        """The index of the likeliest class of each message, int `[N]`."""
        return self.targets.argmax(axis=1) if self.targets.ndim == 2 else self.targets.astype("int64")

    @property
    def certainty(self) -> npt.NDArray[np.float32]:
        """The probability of that class, float32 `[N]`; 1 where it is labelled."""
        known = self.targets.ndim == 1
        return np.ones(len(self.texts), "float32") if known else self.targets.max(axis=1).astype("float32")

    def __len__(self) -> int:
        return len(self.texts)


#: The share that labelled messages get of what is trained on, by repetition, where there are fewer; see `mixed`.
LABELLED_SHARE = 0.2


def mixed(labelled: Examples, pseudo: Examples, num_classes: int) -> Examples:
    """Return both kinds of messages as one, the labelled ones repeated where they are fewer than `LABELLED_SHARE`.

    Args:
        labelled: labelled messages, at least one.
        pseudo: messages with probabilities `[N, K]`.
        num_classes: number of classes K.

    Returns:
        Examples with probabilities, the labelled ones first.

    Example:
        >>> labelled = Examples(["where is it"], np.array([1]))
        >>> pseudo = Examples(["stop it"] * 8, np.full((8, 2), 0.5, "float32"))
        >>> mixed(labelled, pseudo, num_classes=2).targets.shape
        (10, 2)
    """
    times = max(1, round(LABELLED_SHARE / (1 - LABELLED_SHARE) * len(pseudo) / len(labelled)))
    certain = np.tile(np.eye(num_classes, dtype="float32")[labelled.best], (times, 1))
    return Examples([*list(labelled.texts) * times, *pseudo.texts], np.concatenate([certain, pseudo.targets]))
