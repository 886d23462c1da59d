"""Batches with about as many tokens each, of messages and replies that are about as long: little is padding."""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

#: Lengths that differ by less count as the same: the wider, the more padding, and the more different the batches.
SOURCE_WIDTH, TARGET_WIDTH = 4, 2


def token_batches(sources: Ints, targets: Ints, tokens: int, seed: int, epoch: int) -> list[Ints]:
    """Split the indices of all pairs into batches, in random order.

    Pairs are sorted by the length of the source, and among sources that are about as long by that of the target, which
    rises and falls by turns so that neighbours are alike. Which pair of a length comes first is random.

    Args:
        sources: tokens of each message, int `[N]`.
        targets: tokens of each reply, int `[N]`.
        tokens: what a batch holds at most, padding and both sides counted; a longer pair is a batch of its own.
        seed: of the run.
        epoch: counted from 0.

    Returns:
        Index arrays that together hold each of 0 to N - 1 once; the same for the same arguments, and as many in
        every epoch.

    Example:
        >>> token_batches(np.array([3, 40, 4, 41]), np.array([5, 9, 6, 9]), tokens=120, seed=0, epoch=0)
        [array([1, 3]), array([2, 0])]
    """
    generator = np.random.default_rng([seed, epoch])
    source, target = -(-sources // SOURCE_WIDTH), -(-targets // TARGET_WIDTH)
    shuffled = generator.permutation(len(sources))
    source, target = source[shuffled], target[shuffled]
    order = np.lexsort([np.where(source % 2, target, -target), source])
    cuts = _cuts(source[order] * SOURCE_WIDTH, target[order] * TARGET_WIDTH, tokens)
    batches = np.split(shuffled[order], cuts)
    return [batches[i] for i in generator.permutation(len(batches))]


def padding_share(sources: Ints, targets: Ints, batches: list[Ints]) -> float:
    """Return the share of what the batches hold that is padding.

    Example:
        >>> round(padding_share(np.array([2, 4]), np.array([3, 3]), [np.array([0, 1])]), 3)
        0.143
    """
    held = sum(len(batch) * (sources[batch].max() + targets[batch].max()) for batch in batches)
    return 1.0 - float(sources.sum() + targets.sum()) / float(held)


def _cuts(sources: Ints, targets: Ints, tokens: int) -> list[int]:
    """Where the batches of sorted pairs begin, but for the first."""
    cuts, start, source, target = [], 0, 0, 0
    for i, (own_source, own_target) in enumerate(zip(sources.tolist(), targets.tolist(), strict=True)):
        source, target = max(source, own_source), max(target, own_target)
        if i > start and (i + 1 - start) * (source + target) > tokens:
            cuts.append(i)
            start, source, target = i, own_source, own_target
    return cuts
