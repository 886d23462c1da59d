"""Hashed character n-grams, which give unseen words a vector.

A word is wrapped in `<` and `>`, so that the n-grams at its start and end differ from those in its middle
(Bojanowski et al. 2017, Enriching Word Vectors with Subword Information). Special tokens have no n-grams.
"""

from typing import Any

import tensorflow as tf

from supportnet.text.special_tokens import SPECIAL_TOKENS


def character_ngrams(word: str, min_gram: int = 3, max_gram: int = 5) -> list[str]:
    """Return the n-grams of a word, the shorter ones first: the reference of `hashed_ngrams`.

    Example:
        >>> character_ngrams("bill", 3, 4)
        ['<bi', 'bil', 'ill', 'll>', '<bil', 'bill', 'ill>']
    """
    if not word or word in SPECIAL_TOKENS:
        return []
    wrapped = f"<{word}>"
    sizes = range(min_gram, max_gram + 1)
    return [wrapped[start : start + size] for size in sizes for start in range(len(wrapped) - size + 1)]


def ngrams_graph(words: Any, min_gram: int, max_gram: int) -> tuple[Any, Any]:
    """Return the n-grams of words, string `[U]`, as strings `[N]`, and the word of each, int32 `[N]`."""
    # Only special tokens contain `<`: they become empty, other words are wrapped.
    words = tf.strings.regex_replace(words, "<[a-z]+>", "")
    wrapped = tf.strings.regex_replace(words, "([^<>]+)", r"<\1>")
    splits, code_points = tf.raw_ops.UnicodeDecode(
        input=wrapped, input_encoding="UTF-8", errors="replace", Tsplits=tf.int32
    )
    each = tf.range(tf.size(code_points) + 1)
    characters = tf.raw_ops.UnicodeEncode(input_values=code_points, input_splits=each, output_encoding="UTF-8")
    ngrams, ends = tf.raw_ops.StringNGrams(
        data=characters,
        data_splits=splits,
        separator="",
        ngram_widths=list(range(min_gram, max_gram + 1)),
        left_pad="",
        right_pad="",
        pad_width=0,
        preserve_short_sequences=False,
    )
    # The word of an n-gram is the number of words whose n-grams end before it.
    numbers = tf.range(tf.size(ngrams))
    segments = tf.raw_ops.UpperBound(sorted_inputs=ends[tf.newaxis, 1:], values=numbers[tf.newaxis])
    return ngrams, segments[0]


def hashed_ngrams(words: Any, num_buckets: int, min_gram: int, max_gram: int) -> tuple[Any, Any]:
    """Hash the n-grams of words to buckets.

    Args:
        words: string `[U]`.
        num_buckets: number of buckets.
        min_gram: length of the shortest n-grams, in characters.
        max_gram: length of the longest n-grams.

    Returns:
        int32 `[N]`, the bucket of each n-gram, and int32 `[N]`, the index of its word, ascending.
    """
    ngrams, segments = ngrams_graph(words, min_gram, max_gram)
    return tf.cast(tf.strings.to_hash_bucket_fast(ngrams, num_buckets), tf.int32), segments
