"""Scores of n-grams, by hand: one intent, so that a row is (weight times idf, squared idf), and (known, 1).

A row of the vocabulary ends with whether it is a word. Hashes are few enough to work out: 7919 leaves 19 of 100.
"""

import numpy as np
import pytest
from keras import ops

from supportnet.errors import UserError
from supportnet.layers.scores import NgramScores, hashed_words, pair_ids

SIZES = {"num_intents": 1, "vocab_size": 4, "num_pairs": 100, "num_buckets": 2}
# Padding and unknown words, which are never looked up here; a word; punctuation.
WORDS = [[50.0, 50.0, 50.0], [50.0, 50.0, 50.0], [3.0, 9.0, 1.0], [2.0, 4.0, 0.0]]
NGRAMS = [[5.0, 4.0, 1.0, 1.0], [8.0, 1.0, 0.0, 1.0]]
PAIRS = {
    # The pair (2, 3): 2 * 19 + 3.
    41: [6.0, 3.0],
    # Unknown words whose n-grams sum to 1, and to 2.
    19: [7.0, 16.0],
    38: [-1.0, 4.0],
    # The pair of the first one and 2: it has the id 4 + 19, so that 23 * 19 + 2 leaves 39. That of both: 437 + 4 + 38.
    39: [1.0, 5.0],
    79: [4.0, 5.0],
}


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
    pairs = np.zeros((100, 2))
    pairs[list(PAIRS)] = list(PAIRS.values())
    layer.set_weights([np.array(WORDS), pairs, np.array(NGRAMS), np.array([0.5]), np.array(2.0)])
    return layer


def outputs(layer, inputs):
    return {name: ops.convert_to_numpy(output) for name, output in layer(inputs).items()}


def margins(layer, inputs):
    return outputs(layer, inputs)["margins"]


def test_words_and_their_pair_are_divided_by_their_common_length(layer):
    assert margins(layer, features([[2, 3]])) == pytest.approx((3 + 2 + 6) / np.sqrt(9 + 4 + 3) + 0.5)


def test_a_word_that_occurs_twice_counts_twice(layer):
    layer.pairs.assign(np.zeros((100, 2)))
    assert margins(layer, features([[2, 2]])) == pytest.approx((3 + 3) / np.sqrt(9 + 9) + 0.5)


def test_ngrams_have_a_length_of_their_own(layer):
    # Word 0 has both n-grams, word 1 the second one only.
    inputs = features([[2, 3]], [[0, 1]], [0, 1, 1], [0, 0, 1])
    expected = 11 / 4 + (5 + 8 + 8) / np.sqrt(4 + 1 + 1) + 0.5
    assert margins(layer, inputs) == pytest.approx(expected)


def test_scores_are_margins_times_the_scale(layer):
    found = outputs(layer, features([[2, 3], [2, 0]]))
    np.testing.assert_allclose(found["margins"], [[3.25], [1.5]], rtol=1e-6)
    np.testing.assert_allclose(found["scores"], [[6.5], [3.0]], rtol=1e-6)


def test_padding_makes_no_pair_and_no_score(layer):
    inputs = features([[2, 3, 0], [2, 0, 0], [0, 0, 0]], [[0, 1, 0], [0, 0, 0], [0, 0, 0]], [0, 1], [0, 1])
    first, second, third = margins(layer, inputs)[:, 0]
    assert first == pytest.approx(11 / 4 + 13 / np.sqrt(5) + 0.5)
    assert second == pytest.approx(3 / 3 + 5 / 2 + 0.5)
    assert third == pytest.approx(0.5)


def test_an_unknown_word_is_looked_up_by_its_ngrams(layer):
    """Alone, and before a word of the vocabulary, with which it makes a pair."""
    alone, followed = margins(layer, features([[1, 0], [1, 2]], [[0, 0], [0, 1]], [1], [0]))[:, 0]
    assert alone == pytest.approx(7 / 4 + 8 + 0.5)
    assert followed == pytest.approx((7 + 3 + 1) / np.sqrt(16 + 9 + 5) + 8 + 0.5)


def test_unknown_words_are_told_apart(layer):
    # Word 1 has the same n-gram twice.
    inputs = features([[1, 0], [1, 0], [1, 1]], [[0, 0], [1, 0], [0, 1]], [1, 1, 1], [0, 1, 1])
    first, second, both = margins(layer, inputs)[:, 0]
    assert first == pytest.approx(7 / 4 + 8 + 0.5)
    assert second == pytest.approx(-1 / 2 + 16 / np.sqrt(2) + 0.5)
    assert both == pytest.approx((7 - 1 + 4) / np.sqrt(16 + 4 + 5) + 24 / np.sqrt(3) + 0.5)


def test_words_count_that_are_known(layer):
    """Not punctuation, nor unknown words, nor padding."""
    inputs = features([[2, 3, 1, 2], [3, 2, 0, 0], [1, 3, 0, 0], [0, 0, 0, 0]])
    assert outputs(layer, inputs)["known_words"].tolist() == [2, 1, 0, 0]


def test_coverage_is_the_share_of_ngrams_that_are_known_with_twenty_unknown_ones_added(layer):
    # Word 0 has n-gram 0 twice and n-gram 1 once; word 1 n-gram 1 only; word 2 none.
    inputs = features([[2, 3], [3, 0], [2, 0], [0, 0]], [[0, 1], [1, 0], [2, 0], [0, 0]], [0, 0, 1, 1], [0, 0, 0, 1])
    np.testing.assert_allclose(outputs(layer, inputs)["coverage"][:, 0], [2 / 24, 0 / 21, 0, 0])


def test_an_empty_batch(layer):
    shapes = {name: output.shape for name, output in layer(features(np.zeros((0, 1)))).items()}
    assert shapes == {"margins": (0, 1), "scores": (0, 1), "coverage": (0, 1), "known_words": (0,)}


def test_hashed_words_by_hand():
    """Sums 3, 0 of a token without n-grams, and 1 + 4: 57, 0 and 95 of 100."""
    inputs = features([[2, 0, 0], [1, 1, 2]], [[1, 0, 0], [2, 1, 0]], [3, 1, 4], [1, 2, 2])
    found = ops.convert_to_numpy(hashed_words(inputs, num_buckets=100))
    assert found.tolist() == [[57, 0, 0], [95, 57, 0]]


def test_hashes_stay_within_their_buckets_where_sums_do_not_fit():
    inputs = features([[1, 1]], [[0, 1]], [2_000_000_000] * 3, [0, 0, 1])
    found = ops.convert_to_numpy(hashed_words(inputs, num_buckets=1_000))
    assert ((found >= 0) & (found < 1_000)).all()


def test_pairs_depend_on_the_order_and_stay_within_their_buckets():
    ids = np.array([[200_000, 4, 199_999, 5], [4, 200_000, 5, 199_999]], "int32")
    first, second = ops.convert_to_numpy(pair_ids(ids, num_pairs=16_384))
    assert first[0] != second[0]
    assert ((first >= 0) & (first < 16_384)).all()


@pytest.mark.parametrize("name", SIZES)
def test_the_sizes_are_checked(name):
    with pytest.raises(UserError, match=f"{name} must be at least 1. Received: {name}=0"):
        NgramScores(**{**SIZES, name: 0})
