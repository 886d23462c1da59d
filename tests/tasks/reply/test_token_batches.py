"""Batches of about as many tokens: each pair once, little padding, as many batches in every epoch."""

import numpy as np
import pytest

from supportnet.tasks.reply.data import token_batches


def lengths(num_pairs: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.integers(1, 128, num_pairs), random.geometric(0.06, num_pairs).clip(2, 64)


def padding_share(sources: np.ndarray, targets: np.ndarray, batches: list[np.ndarray]) -> float:
    held = sum(len(batch) * (sources[batch].max() + targets[batch].max()) for batch in batches)
    return 1 - (sources.sum() + targets.sum()) / held


def test_the_docstring_is_true() -> None:
    batches = token_batches(np.array([3, 40, 4, 41]), np.array([5, 9, 6, 9]), tokens=120, seed=0, epoch=0)
    assert [batch.tolist() for batch in batches] == [[1, 3], [2, 0]]
    assert padding_share(np.array([2, 4]), np.array([3, 3]), [np.array([0, 1])]) == pytest.approx(1 / 7)


@pytest.mark.parametrize("num_pairs", [1, 2, 1000])
def test_each_pair_once_within_the_tokens(num_pairs: int) -> None:
    sources, targets = lengths(num_pairs)
    batches = token_batches(sources, targets, tokens=2048, seed=0, epoch=0)
    assert sorted(np.concatenate(batches).tolist()) == list(range(num_pairs))
    assert all(len(batch) * (sources[batch].max() + targets[batch].max()) <= 2048 for batch in batches)


def test_a_pair_that_is_too_long_stands_alone() -> None:
    batches = token_batches(np.array([90, 4, 90, 4]), np.array([30, 4, 30, 4]), tokens=100, seed=0, epoch=0)
    assert sorted(map(sorted, (batch.tolist() for batch in batches))) == [[0], [1, 3], [2]]


def test_little_is_padding() -> None:
    """A shuffled order would waste a third and more."""
    sources, targets = lengths(20_000)
    batches = token_batches(sources, targets, tokens=4096, seed=0, epoch=0)
    assert padding_share(sources, targets, batches) < 0.08
    in_order = np.array_split(np.arange(len(sources)), len(batches))
    assert padding_share(sources, targets, in_order) > 0.4


def test_other_batches_in_every_epoch_but_as_many() -> None:
    """The number of steps decides the learning rate's schedule, and where a resumed run goes on."""
    sources, targets = lengths(20_000)
    epochs = [token_batches(sources, targets, 2048, seed=0, epoch=epoch) for epoch in range(3)]
    assert len({len(batches) for batches in epochs}) == 1
    together = [{frozenset(batch.tolist()) for batch in batches} for batches in epochs]
    assert len(together[0] & together[1]) < 0.1 * len(together[0])
    again = token_batches(sources, targets, 2048, seed=0, epoch=1)
    assert all(np.array_equal(one, other) for one, other in zip(epochs[1], again, strict=True))
    # Long and short batches alternate at random.
    means = [sources[batch].mean() for batch in epochs[0]]
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.3
