import numpy as np
import pytest
from keras import ops

from supportnet.errors import UserError
from supportnet.layers import TokenEmbedding

WORDS = [[50, 50], [1, 2], [3, 4]]
SUBWORDS = [[10, 0], [0, 20], [30, 30]]


def features(token_ids, word_index, subword_ids=(), subword_segments=()):
    ids = np.array(token_ids, "int32")
    return {
        "token_ids": ids,
        "mask": ids != 0,
        "word_index": np.array(word_index, "int32"),
        "subword_ids": np.array(subword_ids, "int32"),
        "subword_segments": np.array(subword_segments, "int32"),
    }


@pytest.fixture
def layer():
    layer = TokenEmbedding(vocab_size=3, embedding_dim=2, num_buckets=3)
    layer.build(None)
    layer.set_weights([np.array(WORDS, "float32"), np.array(SUBWORDS, "float32")])
    return layer


def call(layer, inputs, **options):
    return ops.convert_to_numpy(ops.cast(layer(inputs, **options), "float32"))


def test_a_word_is_its_vector_plus_the_mean_of_its_ngrams(layer):
    # The distinct words: 0 with the n-grams 0 and 1, whose mean is [5, 10]; 1 without n-grams.
    inputs = features([[2, 1, 2], [1, 0, 0]], [[0, 1, 0], [1, 0, 0]], [0, 1], [0, 0])
    expected = [[[3 + 5, 4 + 10], [1, 2], [3 + 5, 4 + 10]], [[1, 2], [0, 0], [0, 0]]]
    np.testing.assert_array_equal(call(layer, inputs), expected)


def test_an_ngram_that_a_word_has_twice_counts_twice(layer):
    inputs = features([[1]], [[0]], [0, 0, 2], [0, 0, 0])
    np.testing.assert_allclose(call(layer, inputs), [[[1 + 50 / 3, 2 + 10]]], rtol=1e-6)


def test_no_ngrams_at_all(layer):
    np.testing.assert_array_equal(call(layer, features([[2, 0]], [[0, 0]])), [[[3, 4], [0, 0]]])


def test_an_empty_batch(layer):
    empty = np.zeros((0, 1))
    assert call(layer, features(empty, empty)).shape == (0, 1, 2)


def test_a_batch_without_tokens_is_zeros(layer):
    np.testing.assert_array_equal(call(layer, features([[0], [0]], [[0], [0]])), np.zeros((2, 1, 2)))


def test_means_of_many_ngrams_are_exact_in_bfloat16():
    # A running count in bfloat16 would stop at 256.
    layer = TokenEmbedding(vocab_size=2, embedding_dim=1, num_buckets=1, dtype="mixed_bfloat16")
    layer.build(None)
    layer.set_weights([np.zeros((2, 1)), np.ones((1, 1))])
    many = np.zeros(1000, "int32")
    np.testing.assert_array_equal(call(layer, features([[1]], [[0]], many, many)), [[[1]]])


def test_word_dropout_drops_whole_words_in_training_only():
    layer = TokenEmbedding(vocab_size=2, embedding_dim=4, num_buckets=1, word_dropout=0.5)
    inputs = features(np.ones((8, 50)), np.zeros((8, 50)))
    plain, dropped = call(layer, inputs), call(layer, inputs, training=True)
    kept = (dropped != 0).any(axis=-1)
    assert 0.35 < kept.mean() < 0.65
    np.testing.assert_allclose(dropped[kept], 2 * plain[kept], rtol=1e-6)
    np.testing.assert_array_equal(plain, call(layer, inputs, training=False))


@pytest.mark.parametrize("name", ["vocab_size", "embedding_dim", "num_buckets"])
@pytest.mark.parametrize(("value", "rule"), [(0, "at least 1"), (2.5, "a whole number"), (True, "a whole number")])
def test_sizes_are_checked(name, value, rule):
    sizes = {"vocab_size": 3, "embedding_dim": 2, "num_buckets": 3, name: value}
    with pytest.raises(UserError, match=f"{name} must be {rule}. Received: {name}={value}"):
        TokenEmbedding(**sizes)


def test_word_dropout_is_checked():
    with pytest.raises(UserError, match=r"word_dropout must be .* Received: word_dropout=1\.5"):
        TokenEmbedding(3, 2, 3, word_dropout=1.5)
