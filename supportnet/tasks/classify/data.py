"""What a network is fitted to: messages, with intents that are known or only believed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from supportnet.data.ticket import Ticket


@dataclass(frozen=True)
class Examples:
    """Messages with their intents.

    Attributes:
        texts: N messages.
        targets: the index of each message's intent, int `[N]`; or, where it is only believed, the probability of
            every intent, float `[N, K]`.
    """

    texts: Sequence[str]
    targets: npt.NDArray[np.int64] | npt.NDArray[np.float32]

    @property
    def best(self) -> npt.NDArray[np.int64]:
        """The index of the likeliest intent of each message, int `[N]`."""
        return self.targets.argmax(axis=1) if self.targets.ndim == 2 else self.targets.astype("int64")

    @property
    def certainty(self) -> npt.NDArray[np.float32]:
        """The probability of that intent, float32 `[N]`; 1 where it is known."""
        known = self.targets.ndim == 1
        return np.ones(len(self.texts), "float32") if known else self.targets.max(axis=1).astype("float32")

    def __len__(self) -> int:
        return len(self.texts)


def labelled_examples(tickets: Sequence[Ticket], intents: Sequence[str]) -> Examples:
    """Return labelled messages as examples.

    Args:
        tickets: with intents that are among `intents`.
        intents: names in the order of the indices.

    Example:
        >>> labelled_examples([Ticket("where is it", "track")], ["cancel", "track"]).targets
        array([1])
    """
    index = {intent: i for i, intent in enumerate(intents)}
    targets = np.array([index[str(ticket.intent)] for ticket in tickets], dtype="int64")
    return Examples([ticket.text for ticket in tickets], targets)


#: The share that labelled messages get of what is trained on, by repetition, where there are fewer; see `mixed`.
KNOWN_SHARE = 0.2


def mixed(known: Examples, believed: Examples, num_intents: int) -> Examples:
    """Return both kinds of messages as one, the labelled ones repeated where they are fewer than `KNOWN_SHARE`.

    Args:
        known: labelled messages, at least one.
        believed: messages with probabilities `[N, K]`.
        num_intents: number of intents K.

    Returns:
        Examples with probabilities, the labelled ones first.

    Example:
        >>> known = Examples(["where is it"], np.array([1]))
        >>> believed = Examples(["stop it"] * 8, np.full((8, 2), 0.5, "float32"))
        >>> mixed(known, believed, num_intents=2).targets.shape
        (10, 2)
    """
    times = max(1, round(KNOWN_SHARE / (1 - KNOWN_SHARE) * len(believed) / len(known)))
    certain = np.tile(np.eye(num_intents, dtype="float32")[known.best], (times, 1))
    return Examples([*list(known.texts) * times, *believed.texts], np.concatenate([certain, believed.targets]))
