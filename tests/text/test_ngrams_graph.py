"""Character n-grams: the graph's are the reference's."""

import tensorflow as tf
from campaigns import fuzz
from hypothesis import given
from hypothesis import strategies as st
from references import character_ngrams

from supportnet.text.preprocessor import hashed_ngrams, ngrams_graph
from supportnet.text.special_tokens import SPECIAL_TOKENS

CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="<>")


def ngrams_by_word(words: list[str], min_gram: int, max_gram: int) -> list[list[str]]:
    ngrams, segments = ngrams_graph(tf.constant(words, tf.string), min_gram, max_gram)
    found: list[list[str]] = [[] for _ in words]
    for ngram, word in zip(ngrams.numpy(), segments.numpy(), strict=True):
        found[word].append(ngram.decode())
    assert list(segments.numpy()) == sorted(segments.numpy())
    return found


@fuzz(100)
@given(st.lists(st.one_of(st.text(CHARACTERS, max_size=9), st.sampled_from(SPECIAL_TOKENS)), max_size=20))
def test_twins_agree(words: list[str]) -> None:
    for min_gram, max_gram in ((3, 5), (1, 1), (2, 6)):
        expected = [character_ngrams(word, min_gram, max_gram) for word in words]
        assert ngrams_by_word(words, min_gram, max_gram) == expected


def test_reference_by_hand() -> None:
    assert character_ngrams("bill", 3, 4) == ["<bi", "bil", "ill", "ll>", "<bil", "bill", "ill>"]
    assert character_ngrams("é", 3, 5) == ["<é>"]
    assert character_ngrams("退", 3, 5) == ["<退>"]


def test_special_tokens_have_none() -> None:
    assert all(character_ngrams(token) == [] for token in SPECIAL_TOKENS)
    assert ngrams_by_word(list(SPECIAL_TOKENS), 3, 5) == [[]] * len(SPECIAL_TOKENS)


def test_buckets_are_the_hashes_of_the_ngrams() -> None:
    words = ["refund", "<email>", "é"]
    buckets, segments = hashed_ngrams(tf.constant(words), 50, 3, 5)
    ngrams = [ngram for word in words for ngram in character_ngrams(word)]
    assert buckets.numpy().tolist() == tf.strings.to_hash_bucket_fast(ngrams, 50).numpy().tolist()
    assert buckets.dtype == segments.dtype == tf.int32
    assert set(segments.numpy()) == {0, 2}


def test_hash_never_changes() -> None:
    """A trained model's n-gram vectors are found by these numbers."""
    buckets, _ = hashed_ngrams(tf.constant(["refund"]), 12_000, 3, 3)
    assert buckets.numpy().tolist() == [1248, 11513, 4199, 6914, 6065, 11956]
