"""Probabilities from models that never saw the message."""

import numpy as np
import pytest

from supportnet.errors import UserError
from supportnet.evaluation.cross_validation import out_of_fold_probabilities

#: Six messages of each of three intents: one word tells the intent, one doesn't.
TEXTS = [
    f"{word} {other}" for word in ("parcel", "refund", "login") for other in ("my", "the", "a", "our", "one", "no")
]
TARGETS = np.repeat([0, 1, 2], 6)


def test_probabilities(capsys: pytest.CaptureFixture[str]) -> None:
    probabilities = out_of_fold_probabilities(TEXTS, TARGETS, folds=3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert np.array_equal(probabilities.argmax(axis=1), TARGETS)
    assert "checking: 100%" in capsys.readouterr().err
    again = out_of_fold_probabilities(TEXTS, TARGETS, folds=3, progress_bar=False)
    assert np.array_equal(again, probabilities)
    assert not np.array_equal(out_of_fold_probabilities(TEXTS, TARGETS, folds=3, seed=1), probabilities)


def test_no_model_has_seen_what_it_judges() -> None:
    """Messages with nothing in common can only be told by who learned them."""
    texts, targets = [letter * 5 for letter in "abcdefghijklmnopqrstuvwx"], np.arange(24) % 3
    probabilities = out_of_fold_probabilities(texts, targets)
    assert np.mean(probabilities.argmax(axis=1) == targets) < 0.5
    assert out_of_fold_probabilities(texts * 2, np.tile(targets, 2)).max() > 0.9


def test_two_intents_and_fewer_messages_than_folds() -> None:
    texts, targets = [*TEXTS[:6], *TEXTS[6:8]], np.array([0] * 6 + [1] * 2)
    probabilities = out_of_fold_probabilities(texts, targets, folds=5)
    assert probabilities.shape == (8, 2)
    assert np.array_equal(probabilities.argmax(axis=1), targets)


def test_no_words() -> None:
    with pytest.raises(UserError, match="No message holds a word of two letters or more"):
        out_of_fold_probabilities(["?", "!", "a", "b"], np.array([0, 0, 1, 1]), folds=2)
