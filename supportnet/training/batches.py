"""Training batches whose order comes from the seed and the epoch alone, so that a resumed run sees the same ones."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

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


def epoch_order(texts: Sequence[str], batch_size: int, seed: int, epochs: range) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the batches of all `epochs`, one after the other, as indices into `texts`; see `epoch_batches`."""
    lengths = np.array([len(text) for text in texts])
    for epoch in epochs:
        yield from epoch_batches(lengths, batch_size, seed, epoch)
