"""The branches' loss and vote, by hand."""

from pathlib import Path

import keras
import numpy as np
import pytest

from supportnet.backbones.heads import BranchCrossentropy, Vote, vote, vote_accuracy, vote_log_loss

#: Two messages, two branches, two intents: probabilities (0.9, 0.1) and (0.3, 0.7), then (0.8, 0.2) and (0.1, 0.9).
LOGITS = np.log([[[0.9, 0.1], [0.3, 0.7]], [[0.8, 0.2], [0.1, 0.9]]]).astype("float32")
TARGETS = np.array([[1.0, 0.0], [1.0, 0.0]])


def test_loss_is_the_mean_of_the_branches() -> None:
    expected = -np.log([0.9, 0.3, 0.8, 0.1]).mean()
    assert float(BranchCrossentropy()(TARGETS, LOGITS)) == pytest.approx(expected, rel=1e-5)


def test_weights_and_smoothing() -> None:
    """A tenth of the target spread over two intents leaves 0.95 for the right one."""
    losses = -0.95 * np.log([0.9, 0.3, 0.8, 0.1]) - 0.05 * np.log([0.1, 0.7, 0.2, 0.9])
    first, second = losses.reshape(2, 2).mean(axis=1)
    loss = BranchCrossentropy(label_smoothing=0.1)
    weighted = float(loss(TARGETS, LOGITS, sample_weight=np.array([2.0, 0.0])))
    assert weighted == pytest.approx(2 * first / 2, rel=1e-5)
    assert float(loss(TARGETS, LOGITS)) == pytest.approx((first + second) / 2, rel=1e-5)


def test_vote() -> None:
    """By power means with the exponent 1/5: (0.54, 0.29) for the first, (0.31, 0.45) for the second."""
    assert keras.ops.convert_to_numpy(vote_accuracy(TARGETS, LOGITS)).tolist() == [1.0, 0.0]


#: For each message the shares 3/4 and 1/4, and the vote's logits, with the exponent 1/5.
UNEVEN = np.array([0.75, 0.25], "float32")
UNEVEN_VOTE = [
    [5 * np.log(0.75 * 0.9**0.2 + 0.25 * 0.3**0.2), 5 * np.log(0.75 * 0.1**0.2 + 0.25 * 0.7**0.2)],
    [5 * np.log(0.75 * 0.8**0.2 + 0.25 * 0.1**0.2), 5 * np.log(0.75 * 0.2**0.2 + 0.25 * 0.9**0.2)],
]


def numbers(tensor: object) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def test_shares_of_the_vote() -> None:
    """The second message's vote turns: by power means, (0.51, 0.29) after (0.31, 0.45)."""
    np.testing.assert_allclose(numbers(vote(LOGITS, UNEVEN)), UNEVEN_VOTE, rtol=1e-5)
    assert numbers(vote_accuracy(TARGETS, LOGITS)).tolist() == [1.0, 0.0]
    assert numbers(vote_accuracy(TARGETS, LOGITS, UNEVEN)).tolist() == [1.0, 1.0]


def test_equal_shares_change_no_probability() -> None:
    plain, equal = (numbers(keras.ops.softmax(vote(LOGITS, shares))) for shares in (None, np.full(2, 0.5, "float32")))
    np.testing.assert_allclose(equal, plain, rtol=1e-5)


@pytest.mark.parametrize("branch", [0, 1])
def test_a_share_of_0_leaves_nothing_of_a_branch(branch: int) -> None:
    shares = np.arange(2) == branch
    np.testing.assert_allclose(numbers(vote(LOGITS, shares.astype("float32"))), LOGITS[:, branch], rtol=1e-4)


def test_the_layer_votes_with_its_shares(tmp_path: Path) -> None:
    """With equal ones at first; they are not trained, and saved with the layer."""
    inputs = keras.Input((2, 2))
    model = keras.Model(inputs, Vote()(inputs))
    (shares,) = model.weights
    assert numbers(shares).tolist() == [0.5, 0.5]
    assert model.trainable_weights == []
    shares.assign(UNEVEN)
    model.save(tmp_path / "vote.keras")
    again = keras.saving.load_model(tmp_path / "vote.keras")
    np.testing.assert_allclose(numbers(again(LOGITS)), UNEVEN_VOTE, rtol=1e-5)


def test_log_loss_is_that_of_the_vote() -> None:
    """The power means above, which must add up to 1 before they are probabilities."""
    means = (np.exp(LOGITS) ** 0.2).mean(axis=1) ** 5
    expected = -np.log(means[:, 0] / means.sum(axis=1))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(vote_log_loss(TARGETS, LOGITS)), expected, rtol=1e-5)


def test_config() -> None:
    assert BranchCrossentropy.from_config(BranchCrossentropy(0.2).get_config()).label_smoothing == 0.2
