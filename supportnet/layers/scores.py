"""From vectors to scores: pooling of tokens, a linear classifier of n-grams, and cosines of messages and candidates."""

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops
from sklearn.preprocessing import normalize

from supportnet.checks import check_positive
from supportnet.layers.base import BaseLayer, sum_over_ngrams, take_rows
from supportnet.text.special_tokens import UNKNOWN_ID
from supportnet.types import Mask, Shape, Tensor

#: Spreads the ids of a pair's first word; a prime, and small enough for int32 times a vocabulary of 200,000 words.
_PRIME = 7919

#: N-grams that are added to each message and known of no intent: a fragment is made of what many messages hold.
UNSEEN_NGRAMS = 20

#: Where the scale begins, and its largest value: Radford et al. 2021 (CLIP), section 2.5.
INITIAL_SCALE, LARGEST_SCALE = 1 / 0.07, 100.0


@keras.saving.register_keras_serializable(package="supportnet")
class MaskedPooling(keras.layers.Layer):
    """The maximum and the mean over the real tokens, side by side.

    A message without real tokens gives zeros: the mean over nothing would be NaN, the maximum over nothing the
    smallest number there is.

    Call arguments:
        x: float `[B, T, D]`, T at least 1.
        mask: bool `[B, T]`, True = real token.

    Returns:
        float `[B, 2 D]`: maximum, then mean.

    Example:
        >>> x, mask = keras.ops.array([[[1.0], [3.0], [9.0]]]), keras.ops.array([[True, True, False]])
        >>> keras.ops.convert_to_numpy(MaskedPooling()(x, mask=mask))
        array([[3., 2.]], dtype=float32)
    """

    def call(self, x: Tensor, mask: Mask) -> Tensor:
        mask = ops.expand_dims(mask, -1)
        real = ops.cast(mask, x.dtype)
        lowest = ops.min(x, axis=1, keepdims=True)
        maximum = ops.max(ops.where(mask, x, lowest), axis=1) * ops.max(real, axis=1)
        mean = ops.sum(x * real, axis=1) / ops.maximum(ops.sum(real, axis=1), 1)
        return ops.concatenate([maximum, mean], axis=-1)

    def compute_mask(self, inputs: Tensor, previous_mask: Mask | None = None) -> None:
        """One vector a message: there is no time axis left to mask."""

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], 2 * input_shape[-1])


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


def hashed_words(inputs: Mapping[str, Tensor], num_buckets: int) -> Tensor:
    """Hash each word to a bucket, by its character n-grams: a word outside the vocabulary has no id of its own.

    Args:
        inputs: what the text front end returns; see `TokenEmbedding`.
        num_buckets: number of buckets.

    Returns:
        int `[B, T]`; 0 for tokens without n-grams.

    Example:
        >>> from supportnet.text.preprocessor import TextFrontEnd
        >>> first, second = hashed_words(TextFrontEnd(["a"])(["where is it", "is it where"]), num_buckets=1000)
        >>> first[0] == second[2]
        <tf.Tensor: shape=(), dtype=bool, numpy=True>
    """
    # Sums that don't fit into 32 bits wrap around, with every backend alike.
    signatures = ops.take(sum_over_ngrams(inputs["subword_ids"], inputs), inputs["word_index"], axis=0)
    return signatures * _PRIME % num_buckets


@keras.saving.register_keras_serializable(package="supportnet")
class NgramScores(BaseLayer):
    """The decision function of TF-IDF with a linear classifier, and how familiar a message is.

    Every feature counts as often as it occurs, times its inverse document frequency; words with pairs, and character
    n-grams, are two vectors, each divided by its length (Salton & Buckley 1988, Term-weighting approaches in automatic
    text retrieval; a repeated feature enters the length once for each time). Then a word adds the same wherever it
    stands, and the classifier is a table look-up: a row holds the weights of a feature for every intent, times its
    idf, and in a column of its own its squared idf, the sum of which over the message is the squared length.

    Words outside the vocabulary share the buckets of pairs, so that one that occurred once in training counts, and
    stands nowhere in plain text.

    Words have one more column: 1 where a row of the vocabulary is a word, 0 for punctuation and special tokens.
    Character n-grams have more columns: whether training saw the n-gram with an intent, 0 or 1, for every intent, and a
    1, which counts them. They give the coverage: of the n-grams of a message, the share that is known of an intent,
    where 20 that are known of none are added to each message (additive smoothing; Laplace 1814). "the other one" is
    no clearer for being made of n-grams that every intent has seen.

    The weights are not trained by gradient descent; `supportnet.training.svm.fit_ngrams` fits them.

    Args:
        num_intents: number of intents K.
        vocab_size: number of token ids V.
        num_pairs: number of buckets that pairs of words, and unknown words, are hashed to.
        num_buckets: number of buckets that character n-grams are hashed to.

    Call arguments:
        inputs: what the text front end returns; see `TokenEmbedding`.

    Returns:
        A dictionary of `margins` float `[B, K]`, the decision function, the bias where a message has no tokens;
        `scores` float `[B, K]`, the margins times a fitted factor that makes logits of them; `coverage` float `[B, K]`,
        between 0 and 1, 0 where a message has no n-grams; and `known_words` float `[B]`, the number of words that are
        in the vocabulary.

    Raises:
        UserError: a number below 1.

    Example:
        >>> from supportnet.text.preprocessor import TextFrontEnd
        >>> ngrams = NgramScores(num_intents=77, vocab_size=1000, num_pairs=5000, num_buckets=5000)
        >>> outputs = ngrams(TextFrontEnd(["where", "parcel"], num_buckets=5000)(["where is my parcel?"]))
        >>> keras.ops.shape(outputs["scores"]), keras.ops.shape(outputs["known_words"])
        ((1, 77), (1,))
    """

    argument_names = ("num_intents", "vocab_size", "num_pairs", "num_buckets")

    def __init__(self, num_intents: int, vocab_size: int, num_pairs: int, num_buckets: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_intents = check_positive("num_intents", num_intents)
        self.vocab_size = check_positive("vocab_size", vocab_size)
        self.num_pairs = check_positive("num_pairs", num_pairs)
        self.num_buckets = check_positive("num_buckets", num_buckets)

    def build(self, input_shape: Shape) -> None:
        columns = self.num_intents + 1
        self.words = self._add_weight((self.vocab_size, columns + 1), "words")
        self.pairs = self._add_weight((self.num_pairs, columns), "pairs")
        self.ngrams = self._add_weight((self.num_buckets, 2 * columns), "ngrams")
        self.bias = self._add_weight((self.num_intents,), "bias")
        self.scale = self._add_weight((), "scale", "ones")

    def _add_weight(self, shape: tuple[int, ...], name: str, initializer: str = "zeros") -> keras.Variable:
        return self.add_weight(shape, initializer=initializer, trainable=False, autocast=False, name=name)

    def call(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        mask = inputs["mask"]
        unknown, hashed, pairs, followed = self.feature_ids(inputs)
        known = ops.logical_and(mask, ops.logical_not(unknown))
        words, known_words = _without_last(_total(take_rows(self.words, inputs["token_ids"]), known))
        words = words + _total(take_rows(self.pairs, hashed), unknown) + _total(take_rows(self.pairs, pairs), followed)
        by_word = sum_over_ngrams(take_rows(self.ngrams, inputs["subword_ids"]), inputs)
        ngrams, seen = ops.split(_total(ops.take(by_word, inputs["word_index"], axis=0), mask), 2, axis=-1)
        margins = _normalized(words) + _normalized(ngrams) + self.bias
        seen, num_ngrams = _without_last(seen)
        outputs = {
            "margins": margins,
            "scores": margins * self.scale,
            "coverage": seen / (num_ngrams + UNSEEN_NGRAMS)[:, None],
            "known_words": known_words,
        }
        return {name: ops.cast(output, self.compute_dtype) for name, output in outputs.items()}

    def feature_ids(self, inputs: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return which tokens are unknown words, their buckets, the buckets of pairs, and what begins a pair.

        All are `[B, T]`: bool, int, int, bool.
        """
        token_ids, mask = inputs["token_ids"], inputs["mask"]
        unknown, hashed = ops.equal(token_ids, UNKNOWN_ID), hashed_words(inputs, self.num_pairs)
        keys = ops.where(unknown, self.vocab_size + hashed, token_ids)
        followed = ops.logical_and(mask, ops.pad(mask[:, 1:], ((0, 0), (0, 1))))
        return unknown, hashed, pair_ids(keys, self.num_pairs), followed


def _total(rows: Tensor, mask: Mask) -> Tensor:
    """`[B, T, C]` -> `[B, C]`, over the real tokens."""
    return ops.sum(rows * ops.cast(ops.expand_dims(mask, -1), rows.dtype), axis=1)


def _without_last(columns: Tensor) -> tuple[Tensor, Tensor]:
    """`[B, C + 1]` -> `[B, C]` and the last column, `[B]`."""
    return columns[:, :-1], columns[:, -1]


def _normalized(sums: Tensor) -> Tensor:
    """Divide the scores by the length of the feature vector; a feature's idf is at least 1, so is the length."""
    scores, squared_length = _without_last(sums)
    return scores / ops.sqrt(ops.maximum(squared_length, 1.0))[:, None]


@keras.saving.register_keras_serializable(package="supportnet")
class MeanSimilarity(BaseLayer):
    """The cosine of a message's vector and the mean vector of each intent's training messages.

    The means are not trained by gradient descent; `set_means` sets them (Snell et al. 2017, Prototypical Networks).

    Args:
        num_intents: number of intents K.

    Call arguments:
        vectors: float `[..., D]`.

    Returns:
        float `[..., K]`, between 0 and 1; a negative cosine counts as 0, and that of a vector of zeros is 0.

    Raises:
        UserError: `num_intents` is below 1.

    Example:
        >>> similarity = MeanSimilarity(num_intents=2)
        >>> similarity.set_means(np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 4.0]]), np.array([0, 1, 1]))
        >>> keras.ops.convert_to_numpy(similarity(keras.ops.array([[3.0, 4.0]])))
        array([[0.6, 0.8]], dtype=float32)
    """

    argument_names = ("num_intents",)

    def __init__(self, num_intents: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_intents = check_positive("num_intents", num_intents)

    def build(self, vectors_shape: Shape) -> None:
        shape = (vectors_shape[-1], self.num_intents)
        self.means = self.add_weight(shape, initializer="zeros", trainable=False, autocast=False, name="means")

    def set_means(self, vectors: npt.NDArray[np.floating], targets: npt.NDArray[np.integer]) -> None:
        """Set the means to those of N messages.

        Args:
            vectors: float `[N, D]`.
            targets: the index of each message's intent, int `[N]`. The mean of an intent without messages is zeros.
        """
        if not self.built:
            self.build(vectors.shape)
        sums = np.zeros((self.num_intents, vectors.shape[1]), "float32")
        np.add.at(sums, targets, vectors)
        # A sum and a mean have the same direction.
        self.means.assign(normalize(sums).T)

    def call(self, vectors: Tensor) -> Tensor:
        cosines = ops.matmul(ops.normalize(ops.cast(vectors, "float32")), self.means)
        return ops.cast(ops.clip(cosines, 0.0, 1.0), self.compute_dtype)

    def compute_output_shape(self, vectors_shape: Shape) -> Shape:
        return (*vectors_shape[:-1], self.num_intents)


@keras.saving.register_keras_serializable(package="supportnet")
class ScaledCosine(BaseLayer):
    """Products of unit vectors, times a learned scale: the inverse temperature of a softmax over them.

    Each of N branches has vectors and a scale of its own. The scale is learned as its logarithm, which keeps it
    positive, and ends at 100: beyond, one pair would decide.

    Args:
        num_branches: number of branches N.

    Call arguments:
        messages: float `[B, N, D]`, rows of length 1.
        candidates: float `[C, N, D]`, rows of length 1.

    Returns:
        float `[N, B, C]`.

    Raises:
        UserError: `num_branches` is below 1.

    Example:
        >>> cosine = ScaledCosine(num_branches=1)
        >>> scores = cosine(keras.ops.array([[[1.0, 0.0]]]), keras.ops.array([[[0.0, 1.0]], [[1.0, 0.0]]]))
        >>> keras.ops.convert_to_numpy(scores).round(2)
        array([[[ 0.  , 14.29]]], dtype=float32)
    """

    argument_names = ("num_branches",)

    def __init__(self, num_branches: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_branches = check_positive("num_branches", num_branches)

    def build(self, input_shape: Shape, *_: Any) -> None:
        initial = keras.initializers.Constant(math.log(INITIAL_SCALE))
        self.log_scale = self.add_weight((self.num_branches,), initializer=initial, name="log_scale")

    @property
    def scale(self) -> Tensor:
        """The scales, float `[N]`."""
        return ops.exp(ops.minimum(self.log_scale, math.log(LARGEST_SCALE)))

    def call(self, messages: Tensor, candidates: Tensor) -> Tensor:
        scale = ops.cast(self.scale, messages.dtype)
        products = ops.matmul(ops.transpose(messages, (1, 0, 2)), ops.transpose(candidates, (1, 2, 0)))
        return products * scale[:, None, None]

    def compute_output_spec(self, messages: Tensor, candidates: Tensor) -> keras.KerasTensor:
        # Two numbers of rows that aren't known: JAX would take both for the same.
        shape = (self.num_branches, messages.shape[0], candidates.shape[0])
        return keras.KerasTensor(shape, dtype=self.compute_dtype)
