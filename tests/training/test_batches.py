"""Which messages stand in which batch, and in which order, is decided by seed and epoch."""

import numpy as np
import pytest

from supportnet.training.examples import epoch_batches


def flat(batches: list[np.ndarray]) -> list[int]:
    return [int(index) for batch in batches for index in batch]


def test_the_docstring_is_true() -> None:
    batches = epoch_batches(np.array([3, 9, 4, 8]), batch_size=2, seed=0, epoch=0)
    assert [batch.tolist() for batch in batches] == [[3, 1], [0, 2]]


@pytest.mark.parametrize("num_messages", [1, 7, 8, 1000, 32 * 8 + 3])
def test_each_message_once(num_messages: int) -> None:
    batches = epoch_batches(np.arange(num_messages), batch_size=8, seed=0, epoch=0)
    assert sorted(flat(batches)) == list(range(num_messages))
    assert len(batches) == -(-num_messages // 8)
    assert max(len(batch) for batch in batches) <= 8


def test_order_comes_from_seed_and_epoch() -> None:
    lengths = np.random.default_rng(0).integers(1, 200, 1000)
    orders = [flat(epoch_batches(lengths, 8, seed, epoch)) for seed in (0, 1) for epoch in (0, 1)]
    assert orders[0] == flat(epoch_batches(lengths, 8, seed=0, epoch=0))
    assert len({tuple(order) for order in orders}) == 4


def test_lengths_in_a_batch_are_alike() -> None:
    lengths = np.random.default_rng(0).integers(1, 200, 1000)
    batches = epoch_batches(lengths, 8, seed=0, epoch=0)
    spread = np.mean([np.ptp(lengths[batch]) for batch in batches])
    assert spread < 10
    # Short and long batches alternate at random: sorted, the model would see all short messages first.
    means = [lengths[batch].mean() for batch in batches]
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.3
