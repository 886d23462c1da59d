"""Embeddings of tokens with their character n-grams and of pairs of tokens, and the encoding of their positions.

The positional encoding is that of the article's section 3.1 (Vaswani et al. 2017, section 3.5).
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from supportnet.checks import check_positive, check_rate
from supportnet.errors import UserError
from supportnet.layers.base import BaseLayer, SequenceLayer, sum_over_ngrams, take_rows
from supportnet.layers.scores import pair_ids
from supportnet.types import Shape, Tensor


class TableLayer(BaseLayer):
    """Base of the layers that look vectors up in tables."""

    embedding_dim: int

    def _add_table(self, rows: int, name: str) -> keras.Variable:
        initializer = keras.initializers.RandomNormal(stddev=self.embedding_dim**-0.5)
        # In float32 under every policy: bfloat16 can't count beyond 256 n-grams, and would copy the whole table.
        return self.add_weight((rows, self.embedding_dim), initializer=initializer, autocast=False, name=name)


@keras.saving.register_keras_serializable(package="supportnet")
class TokenEmbedding(TableLayer):
    """A token's own vector plus the mean of the vectors of its character n-grams.

    With the n-grams, a word that training never saw still gets a vector, from its parts (Bojanowski et al.
    2017, Enriching Word Vectors with Subword Information). The n-grams of a batch are those of its distinct
    words, in one flat list: a word's mean is computed once, however often the word occurs.

    Args:
        vocab_size: number of token ids V; id 0 is padding, id 1 the unknown word.
        embedding_dim: depth D of the vectors.
        num_buckets: number of buckets that n-grams are hashed to.
        word_dropout: share of tokens whose whole vector is dropped in training, so that no single word decides.

    Call arguments:
        inputs: what the text front end returns:
            `token_ids` int `[B, T]`; `mask` bool `[B, T]`; `word_index` int `[B, T]`, the row of each token among
            the distinct words of the batch; `subword_ids` int `[N]`, the bucket of each n-gram of these words;
            `subword_segments` int `[N]`, the distinct word that each n-gram belongs to.

    Returns:
        float `[B, T, D]`, zero where the mask is False.

    Raises:
        UserError: a number out of its range.

    Example:
        >>> from supportnet.text.preprocessor import TextFrontEnd
        >>> embed = TokenEmbedding(vocab_size=1000, embedding_dim=64, num_buckets=5000)
        >>> preprocessor = TextFrontEnd(["where", "parcel"], num_buckets=5000)
        >>> keras.ops.shape(embed(preprocessor(["where is my parcel?"])))
        (1, 5, 64)
    """

    argument_names = ("vocab_size", "embedding_dim", "num_buckets", "word_dropout")

    def __init__(
        self, vocab_size: int, embedding_dim: int, num_buckets: int, word_dropout: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.vocab_size = check_positive("vocab_size", vocab_size)
        self.embedding_dim = check_positive("embedding_dim", embedding_dim)
        self.num_buckets = check_positive("num_buckets", num_buckets)
        self.word_dropout = check_rate("word_dropout", word_dropout)
        self.dropout = keras.layers.Dropout(
            self.word_dropout, noise_shape=(None, None, 1), dtype=self.dtype_policy, name="word_dropout"
        )

    def build(self, input_shape: Shape) -> None:
        self.word_embeddings = self._add_table(self.vocab_size, "word_embeddings")
        self.subword_embeddings = self._add_table(self.num_buckets, "subword_embeddings")

    def call(self, inputs: dict[str, Tensor]) -> Tensor:
        words = take_rows(self.word_embeddings, inputs["token_ids"])
        vectors = words + ops.take(self._subword_means(inputs), inputs["word_index"], axis=0)
        vectors = ops.cast(vectors, self.compute_dtype)
        return self.dropout(vectors) * ops.cast(ops.expand_dims(inputs["mask"], -1), self.compute_dtype)

    def _subword_means(self, inputs: dict[str, Tensor]) -> Tensor:
        """One row a distinct word, in float32; words without n-grams get zeros."""
        vectors = take_rows(self.subword_embeddings, inputs["subword_ids"])
        sums = sum_over_ngrams(vectors, inputs)
        counts = sum_over_ngrams(ops.ones_like(vectors[:, :1]), inputs)
        return sums / ops.maximum(counts, 1)


@keras.saving.register_keras_serializable(package="supportnet")
class PairEmbedding(TableLayer):
    """A vector for each token together with the one after it: some order, at the price of a look-up.

    Pairs are hashed to buckets, so that the table doesn't grow with the text (Henderson et al. 2017, section 4.2, sum
    vectors of n-grams in the same place; Joulin et al. 2017, section 2.2, hash them).

    Args:
        num_pairs: number of buckets.
        embedding_dim: depth D of the vectors.

    Call arguments:
        token_ids: int `[B, T]`, T at least 1.

    Returns:
        float `[B, T, D]`; what stands where no real token follows means nothing.

    Raises:
        UserError: a number below 1.

    Example:
        >>> keras.ops.shape(PairEmbedding(num_pairs=1000, embedding_dim=8)(keras.ops.array([[9, 10, 9]])))
        (1, 3, 8)
    """

    argument_names = ("num_pairs", "embedding_dim")

    def __init__(self, num_pairs: int, embedding_dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_pairs = check_positive("num_pairs", num_pairs)
        self.embedding_dim = check_positive("embedding_dim", embedding_dim)

    def build(self, input_shape: Shape) -> None:
        self.pair_embeddings = self._add_table(self.num_pairs, "pair_embeddings")

    def call(self, token_ids: Tensor) -> Tensor:
        return ops.cast(take_rows(self.pair_embeddings, pair_ids(token_ids, self.num_pairs)), self.compute_dtype)


def positional_encoding(length: int, depth: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Encode the positions 0 to `length - 1`: sines on the even columns, cosines on the odd ones.

    `encoding[p, 2i] = sin(p / 10000^(2i / depth))`, `encoding[p, 2i + 1] = cos(p / 10000^(2i / depth))`.
    The article adds the sine and the cosine into a single number, which can't tell positions apart; the
    original, which is computed here, interleaves them.

    Args:
        length: number of positions T, at least 1.
        depth: number of columns D, at least 1; if odd, the last column is a sine without its cosine.

    Returns:
        float32 `[T, D]`.

    Raises:
        UserError: a number below 1.

    Example:
        >>> positional_encoding(length=2, depth=2)
        array([[0.        , 1.        ],
               [0.84147096, 0.5403023 ]], dtype=float32)
    """
    check_positive("length", length)
    check_positive("depth", depth)
    column = np.arange(depth)
    angle = np.arange(length)[:, None] / np.power(10_000.0, 2 * (column // 2) / depth)
    return np.where(column % 2 == 0, np.sin(angle), np.cos(angle)).astype("float32")


@keras.saving.register_keras_serializable(package="supportnet")
class PositionalEncoding(SequenceLayer):
    """Add `positional_encoding` to a sequence of vectors.

    The table is computed once, in float64, and added in the layer's compute dtype: in bfloat16 the positions
    themselves would collide (512 and 513 are the same number), their sines and cosines don't.

    Args:
        max_length: length of the longest sequence; a longer one is an error.

    Call arguments:
        x: float `[B, T, D]`, T at most `max_length`.

    Returns:
        float `[B, T, D]`.

    Raises:
        UserError: `max_length` is below 1, or the length of a sequence is known and above it.

    Example:
        >>> keras.ops.convert_to_numpy(PositionalEncoding(max_length=128)(keras.ops.zeros((1, 2, 2))))
        array([[[0.        , 1.        ],
                [0.84147096, 0.5403023 ]]], dtype=float32)
    """

    argument_names = ("max_length",)

    def __init__(self, max_length: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_length = check_positive("max_length", max_length)

    def build(self, input_shape: Shape) -> None:
        self.table = positional_encoding(self.max_length, input_shape[-1])

    def call(self, x: Tensor) -> Tensor:
        self._check_length(x.shape[1])
        table = ops.convert_to_tensor(self.table, dtype=x.dtype)
        return x + table[: ops.shape(x)[1]]

    def step(self, x: Tensor, position: Tensor) -> Tensor:
        """Add the encoding of one position, an int32 scalar below `max_length`, to vectors `[B, D]`."""
        return x + ops.take(ops.convert_to_tensor(self.table, dtype=x.dtype), position, axis=0)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._check_length(input_shape[1])
        return input_shape

    def _check_length(self, length: int | None) -> None:
        if length is not None and length > self.max_length:
            raise UserError(f"A sequence may be at most max_length={self.max_length} long. Received: length={length}")
