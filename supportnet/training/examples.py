"""Training examples of a classifier, labelled or pseudo-labelled, and the batches of an epoch.

The order of the batches comes from the seed and the epoch alone, so that a resumed run sees the same ones.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, compress

import numpy as np
import numpy.typing as npt
import tensorflow as tf


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

    def where(self, chosen: npt.NDArray[np.bool_]) -> "Examples":
        """Return those that are chosen, bool `[N]`."""
        return Examples(list(compress(self.texts, chosen)), self.targets[chosen])

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


#: Batches are cut from pools of this many, sorted by length: little padding, and still a random order.
BATCHES_A_POOL = 32


def epoch_batches(
    lengths: npt.NDArray[np.int64], batch_size: int, seed: int, epoch: int
) -> list[npt.NDArray[np.int64]]:
    """Split the indices of all messages into batches of similar length, in random order.

    Args:
        lengths: length of each message, int `[N]`.
        batch_size: messages a batch; a pool's last one may be smaller.
        seed: of the run.
        epoch: counted from 0.

    Returns:
        Index arrays that together hold each of 0 to N - 1 once; the same for the same arguments.

    Example:
        >>> epoch_batches(np.array([3, 9, 4, 8]), batch_size=2, seed=0, epoch=0)
        [array([3, 1]), array([0, 2])]
    """
    generator = np.random.default_rng([seed, epoch])
    shuffled = generator.permutation(len(lengths))
    pool_size = batch_size * BATCHES_A_POOL
    batches = []
    for start in range(0, len(shuffled), pool_size):
        pool = shuffled[start : start + pool_size]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += [pool[i : i + batch_size] for i in range(0, len(pool), batch_size)]
    return [batches[i] for i in generator.permutation(len(batches))]


def in_epochs(batches: Callable[[int], Iterable[npt.NDArray[np.int64]]], epochs: range) -> tf.data.Dataset:
    """Return the batches of all `epochs`, one after the other; those of an epoch are made when it begins."""
    return tf.data.Dataset.from_generator(
        lambda: chain.from_iterable(map(batches, epochs)), output_signature=tf.TensorSpec([None], tf.int64)
    )


def epoch_order(texts: Sequence[str], batch_size: int, seed: int, epochs: range) -> tf.data.Dataset:
    """Return the batches of all `epochs`, as indices into `texts`; see `epoch_batches`."""
    lengths = np.array([len(text) for text in texts])
    return in_epochs(lambda epoch: epoch_batches(lengths, batch_size, seed, epoch), epochs)
