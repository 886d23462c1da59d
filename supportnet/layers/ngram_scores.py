"""A linear classifier over the n-grams of a message, and which of them training saw with an intent."""

from typing import Any

import keras
from keras import ops

from supportnet.checks import check_positive
from supportnet.layers.rows import sum_over_ngrams, take_rows
from supportnet.types import Mask, Shape, Tensor

#: Spreads the ids of a pair's first word; a prime, and small enough for int32 times a vocabulary of 200,000 words.
_PRIME = 7919


def pair_ids(token_ids: Tensor, num_pairs: int) -> Tensor:
    """Hash each token and the one after it to a bucket.

    Args:
        token_ids: int `[B, T]`, T at least 1.
        num_pairs: number of buckets.

    Returns:
        int `[B, T]`; what stands where no real token follows means nothing.

    Example:
        >>> keras.ops.convert_to_numpy(pair_ids(keras.ops.array([[9, 10, 9]]), num_pairs=1000))
        array([[281, 199, 280]], dtype=int32)
    """
    following = ops.roll(token_ids, -1, axis=1)
    return (token_ids * _PRIME + following) % num_pairs


@keras.saving.register_keras_serializable(package="supportnet")
class NgramScores(keras.layers.Layer):
    """The decision function of TF-IDF with a linear classifier, and how familiar a message is.

    Every feature counts as often as it occurs, times its inverse document frequency; words with pairs, and character
    n-grams, are two vectors, each divided by its length (Salton & Buckley 1988, Term-weighting approaches in automatic
    text retrieval; a repeated feature enters the length once for each time). Then a word adds the same wherever it
    stands, and the classifier is a table look-up: a row holds the weights of a feature for every intent, times its
    idf, and in a last column its squared idf, the sum of which over the message is the squared length.

    Character n-grams have more columns: whether training saw the n-gram with an intent, 0 or 1, for every intent, and a
    1, which counts them. They give the coverage: of the n-grams of a message, the share that is known of an intent.

    The weights are not trained by gradient descent; `supportnet.training.ngrams.fit_ngrams` fits them.

    Args:
        num_intents: number of intents K.
        vocab_size: number of token ids V.
        num_pairs: number of buckets that pairs of words are hashed to.
        num_buckets: number of buckets that character n-grams are hashed to.

    Call arguments:
        inputs: what the text front end returns; see `TokenEmbedding`.

    Returns:
        Scores `[B, K]`, the bias where a message has no tokens, and coverage `[B, K]`, between 0 and 1, 0 where a
        message has no n-grams.

    Raises:
        UserError: a number below 1.

    Example:
        >>> from supportnet.text.preprocessor import TextFrontEnd
        >>> ngrams = NgramScores(num_intents=77, vocab_size=1000, num_pairs=5000, num_buckets=5000)
        >>> scores, coverage = ngrams(TextFrontEnd(["where", "parcel"], num_buckets=5000)(["where is my parcel?"]))
        >>> keras.ops.shape(scores), keras.ops.shape(coverage)
        ((1, 77), (1, 77))
    """

    def __init__(self, num_intents: int, vocab_size: int, num_pairs: int, num_buckets: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_intents = check_positive("num_intents", num_intents)
        self.vocab_size = check_positive("vocab_size", vocab_size)
        self.num_pairs = check_positive("num_pairs", num_pairs)
        self.num_buckets = check_positive("num_buckets", num_buckets)

    def build(self, input_shape: Shape) -> None:
        columns = self.num_intents + 1
        self.words = self._add_table((self.vocab_size, columns), "words")
        self.pairs = self._add_table((self.num_pairs, columns), "pairs")
        self.ngrams = self._add_table((self.num_buckets, 2 * columns), "ngrams")
        self.bias = self.add_weight((self.num_intents,), initializer="zeros", trainable=False, name="bias")

    def _add_table(self, shape: tuple[int, int], name: str) -> keras.Variable:
        return self.add_weight(shape, initializer="zeros", trainable=False, autocast=False, name=name)

    def call(self, inputs: dict[str, Tensor]) -> Tensor:
        token_ids, mask = inputs["token_ids"], inputs["mask"]
        followed = ops.pad(mask[:, 1:], ((0, 0), (0, 1)))
        words = _total(take_rows(self.words, token_ids), mask)
        pairs = _total(take_rows(self.pairs, pair_ids(token_ids, self.num_pairs)), followed)
        by_word = sum_over_ngrams(take_rows(self.ngrams, inputs["subword_ids"]), inputs)
        ngrams, known = ops.split(_total(ops.take(by_word, inputs["word_index"], axis=0), mask), 2, axis=-1)
        scores = _normalized(words + pairs) + _normalized(ngrams)
        coverage = known[:, :-1] / ops.maximum(known[:, -1:], 1.0)
        return ops.cast(scores, self.compute_dtype) + self.bias, ops.cast(coverage, self.compute_dtype)

    def compute_output_spec(self, inputs: dict[str, Tensor]) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        shape = (inputs["token_ids"].shape[0], self.num_intents)
        return keras.KerasTensor(shape, dtype=self.compute_dtype), keras.KerasTensor(shape, dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_intents": self.num_intents,
            "vocab_size": self.vocab_size,
            "num_pairs": self.num_pairs,
            "num_buckets": self.num_buckets,
        }


def _total(rows: Tensor, mask: Mask) -> Tensor:
    """`[B, T, C]` -> `[B, C]`, over the real tokens."""
    return ops.sum(rows * ops.cast(ops.expand_dims(mask, -1), rows.dtype), axis=1)


def _normalized(sums: Tensor) -> Tensor:
    """Divide the scores by the length of the feature vector; a feature's idf is at least 1, so is the length."""
    return sums[:, :-1] / ops.sqrt(ops.maximum(sums[:, -1:], 1.0))
