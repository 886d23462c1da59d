"""Hard negatives: wrong, near, drawn anew for each epoch, and the same again."""

from threading import Thread

import keras
import numpy as np
import pytest

from supportnet.config import NetworkConfig
from supportnet.data.ticket import Ticket
from supportnet.tasks.suggest.data import Pairs
from supportnet.tasks.suggest.fit import POOL, HardNegatives
from supportnet.tasks.suggest.model import Suggester
from supportnet.text.vocabulary import Vocabulary

PAIRS = Pairs.of([Ticket(f"message {i} of {i % 7}", reply=f"reply {i % 70} to {i % 5}") for i in range(140)])


@pytest.fixture(scope="module")
def model() -> Suggester:
    keras.utils.set_random_seed(0)
    config = NetworkConfig("none", embedding_dim=16, num_heads=2, num_buckets=500, vector_dim=16)
    return Suggester(config, Vocabulary(["message", "reply", *map(str, range(70))]))


def test_they_are_among_the_best_wrong_replies(model: Suggester) -> None:
    mined = HardNegatives(model, PAIRS, count=3, seed=0).mine(1)
    assert (mined.shape, len(PAIRS.replies)) == ((140, 3), 70)
    scores = (model.vectors(PAIRS.texts, "message") * model.weights) @ model.vectors(PAIRS.replies, "reply").T
    drawn = []
    for own, right, rows in zip(scores, PAIRS.reply, mined, strict=True):
        assert right not in rows
        wrong = [row for row in np.argsort(-own, kind="stable") if row != right]
        # A hair of room: a batch of other size may round otherwise.
        assert (own[rows] >= own[wrong[POOL - 1]] - 1e-4).all()
        drawn += [wrong.index(row) for row in rows]
    # The whole pool is drawn from, not its best alone.
    assert min(drawn) < 5
    assert max(drawn) > POOL - 5


def test_they_come_from_the_seed_and_the_epoch(model: Suggester) -> None:
    first, again, other = (HardNegatives(model, PAIRS, count=2, seed=seed).mine(3) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert (first != HardNegatives(model, PAIRS, count=2, seed=0).mine(4)).any()


def test_of_two_replies_the_other_one_is_wrong(model: Suggester) -> None:
    pairs = Pairs.of([Ticket("a", reply="yes"), Ticket("b", reply="no"), Ticket("c", reply="yes")])
    assert HardNegatives(model, pairs, count=2, seed=0).mine(1).tolist() == [[1, 1], [0, 0], [1, 1]]


def test_epochs_wait_for_theirs_and_the_first_has_none(model: Suggester) -> None:
    negatives = HardNegatives(model, PAIRS, count=1, seed=0)
    found = []

    def generator() -> None:
        epoch = 0
        while (rows := negatives.of_epoch(epoch)) is not None:
            found.append(rows)
            epoch += 1

    waiting = Thread(target=generator, daemon=True)
    waiting.start()
    for epoch in range(2):
        negatives.on_epoch_begin(epoch)
    assert waiting.is_alive()
    negatives.close()
    waiting.join(timeout=20)
    assert not waiting.is_alive()
    assert found[0].shape == (140, 0)
    np.testing.assert_array_equal(found[1], negatives.mine(1))
