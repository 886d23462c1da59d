"""Hard negatives: replies that the model takes for right and that weren't given."""

from queue import SimpleQueue

import keras
import numpy as np
import numpy.typing as npt

from supportnet.models.suggester import Suggester
from supportnet.training.pairs import Pairs

#: A negative is drawn from so many of the best wrong replies: the very best are often as right as the one given.
POOL = 50


class HardNegatives(keras.callbacks.Callback):
    """At the start of each epoch, search for every message the replies that the model ranks high and that are wrong.

    The batches are made ahead in a thread of their own, which waits for the epoch's negatives (see `of_epoch`): without
    that, a run that goes on after a kill would see others than one that was never killed.

    Source: Xiong et al. 2021, Approximate Nearest Neighbor Negative Contrastive Learning (ANCE).

    Args:
        model: the model in training.
        pairs: what it learns from.
        count: negatives a message H, at least 1.
        seed: of the run.

    Example (needs a training run):
        >>> negatives = HardNegatives(model, pairs, count=1, seed=0)
        >>> network.fit(training_pairs(model, pairs, 128, 0, range(10), negatives.of_epoch), callbacks=[negatives])
    """

    def __init__(self, suggester: Suggester, pairs: Pairs, count: int, seed: int) -> None:
        super().__init__()
        self.suggester = suggester
        self.pairs = pairs
        self.count = count
        self.seed = seed
        self._mined: SimpleQueue[npt.NDArray[np.int64] | None] = SimpleQueue()

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        # What nothing was learned by yet ranks at random.
        self._mined.put(self.mine(epoch) if epoch else np.zeros((len(self.pairs), 0), "int64"))

    def of_epoch(self, epoch: int) -> npt.NDArray[np.int64] | None:
        """Wait for the epoch's negatives, the rows of replies `[N, H]`; None after `close`."""
        return self._mined.get()

    def close(self) -> None:
        """Let a thread go that waits for an epoch that won't come."""
        self._mined.put(None)

    def mine(self, epoch: int) -> npt.NDArray[np.int64]:
        """Return rows of wrong replies for every message, `[N, H]`."""
        pairs, random = self.pairs, np.random.default_rng([self.seed, epoch])
        replies = self.suggester.vectors(pairs.replies, "reply", batch_size=256)
        messages = self.suggester.vectors(pairs.texts, "message", batch_size=256) * self.suggester.weights
        pool = min(POOL, len(pairs.replies) - 1)
        drawn = random.integers(pool, size=(len(pairs), self.count))
        for rows in np.array_split(np.arange(len(pairs)), -(-len(pairs) // 1024)):
            best = _best_wrong(messages[rows] @ replies.T, pairs.reply[rows], pool)
            drawn[rows] = np.take_along_axis(best, drawn[rows], axis=1)
        return drawn


def _best_wrong(scores: npt.NDArray[np.floating], right: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    """Return the columns of the highest scores of each row but the right one, in no order, `[B, count]`."""
    scores[np.arange(len(scores)), right] = -np.inf
    return np.argpartition(scores, -count, axis=1)[:, -count:]
