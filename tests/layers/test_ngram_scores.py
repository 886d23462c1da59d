"""Scores of n-grams, by hand: one intent, so that a row is (weight times idf, squared idf), and (known, 1)."""

import numpy as np
import pytest
from keras import ops

from supportnet.errors import UserError
from supportnet.layers.scores import NgramScores, pair_ids

SIZES = {"num_intents": 1, "vocab_size": 3, "num_pairs": 5, "num_buckets": 2}
WORDS = [[50.0, 50.0], [3.0, 9.0], [2.0, 4.0]]
NGRAMS = [[5.0, 4.0, 1.0, 1.0], [8.0, 1.0, 0.0, 1.0]]


def features(token_ids, word_index=None, subword_ids=(), subword_segments=()):
    ids = np.array(token_ids, "int32")
    return {
        "token_ids": ids,
        "mask": ids != 0,
        "word_index": np.zeros_like(ids) if word_index is None else np.array(word_index, "int32"),
        "subword_ids": np.array(subword_ids, "int32"),
        "subword_segments": np.array(subword_segments, "int32"),
    }


@pytest.fixture
def layer():
    layer = NgramScores(**SIZES)
    layer.build(None)
    pairs = np.zeros((5, 2))
    # The pair (1, 2), whatever its bucket is.
    pairs[(1 * 7919 + 2) % 5] = [6.0, 3.0]
    layer.set_weights([np.array(WORDS), pairs, np.array(NGRAMS), np.array([0.5])])
    return layer


def scores(layer, inputs):
    return ops.convert_to_numpy(layer(inputs)[0])


def test_words_and_their_pair_are_divided_by_their_common_length(layer):
    assert scores(layer, features([[1, 2]])) == pytest.approx((3 + 2 + 6) / np.sqrt(9 + 4 + 3) + 0.5)


def test_a_word_that_occurs_twice_counts_twice(layer):
    layer.pairs.assign(np.zeros((5, 2)))
    assert scores(layer, features([[1, 1]])) == pytest.approx((3 + 3) / np.sqrt(9 + 9) + 0.5)


def test_ngrams_have_a_length_of_their_own(layer):
    # Word 0 has both n-grams, word 1 the second one only.
    inputs = features([[1, 2]], [[0, 1]], [0, 1, 1], [0, 0, 1])
    expected = 11 / 4 + (5 + 8 + 8) / np.sqrt(4 + 1 + 1) + 0.5
    assert scores(layer, inputs) == pytest.approx(expected)


def test_padding_makes_no_pair_and_no_score(layer):
    inputs = features([[1, 2, 0], [1, 0, 0], [0, 0, 0]], [[0, 1, 0], [0, 0, 0], [0, 0, 0]], [0, 1], [0, 1])
    first, second, third = scores(layer, inputs)[:, 0]
    assert first == pytest.approx(11 / 4 + 13 / np.sqrt(5) + 0.5)
    assert second == pytest.approx(3 / 3 + 5 / 2 + 0.5)
    assert third == pytest.approx(0.5)


def test_coverage_is_the_share_of_ngrams_that_are_known(layer):
    # Word 0 has n-gram 0 twice and n-gram 1 once; word 1 n-gram 1 only; word 2 none.
    inputs = features([[1, 2], [2, 0], [1, 0], [0, 0]], [[0, 1], [1, 0], [2, 0], [0, 0]], [0, 0, 1, 1], [0, 0, 0, 1])
    coverage = ops.convert_to_numpy(layer(inputs)[1])
    np.testing.assert_allclose(coverage[:, 0], [2 / 4, 0 / 1, 0, 0])


def test_an_empty_batch(layer):
    assert [output.shape for output in layer(features(np.zeros((0, 1))))] == [(0, 1), (0, 1)]


def test_pairs_depend_on_the_order_and_stay_within_their_buckets():
    ids = np.array([[200_000, 4, 199_999, 5], [4, 200_000, 5, 199_999]], "int32")
    first, second = ops.convert_to_numpy(pair_ids(ids, num_pairs=16_384))
    assert first[0] != second[0]
    assert ((first >= 0) & (first < 16_384)).all()


@pytest.mark.parametrize("name", SIZES)
def test_the_sizes_are_checked(name):
    with pytest.raises(UserError, match=f"{name} must be at least 1. Received: {name}=0"):
        NgramScores(**{**SIZES, name: 0})
