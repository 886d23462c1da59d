"""Embeddings of tokens with their character n-grams, and of pairs of tokens."""

from typing import Any

import keras
from keras import ops

from supportnet.checks import check_positive, check_rate
from supportnet.layers.ngram_scores import pair_ids
from supportnet.layers.rows import sum_over_ngrams, take_rows
from supportnet.types import Shape, Tensor


@keras.saving.register_keras_serializable(package="supportnet")
class TokenEmbedding(keras.layers.Layer):
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
        >>> front_end = TextFrontEnd(["where", "parcel"], num_buckets=5000)
        >>> keras.ops.shape(embed(front_end(["where is my parcel?"])))
        (1, 5, 64)
    """

    def __init__(
        self,
        vocab_size: int,
        embedding_dim: int,
        num_buckets: int,
        word_dropout: float = 0.0,
        **kwargs: Any,
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

    def _add_table(self, rows: int, name: str) -> keras.Variable:
        initializer = keras.initializers.RandomNormal(stddev=self.embedding_dim**-0.5)
        # In float32 under every policy: bfloat16 can't count beyond 256 n-grams, and would copy the whole table.
        return self.add_weight((rows, self.embedding_dim), initializer=initializer, autocast=False, name=name)

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

    def compute_output_spec(self, inputs: dict[str, Tensor]) -> keras.KerasTensor:
        return keras.KerasTensor((*inputs["token_ids"].shape, self.embedding_dim), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "vocab_size": self.vocab_size,
            "embedding_dim": self.embedding_dim,
            "num_buckets": self.num_buckets,
            "word_dropout": self.word_dropout,
        }


@keras.saving.register_keras_serializable(package="supportnet")
class PairEmbedding(keras.layers.Layer):
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

    def __init__(self, num_pairs: int, embedding_dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_pairs = check_positive("num_pairs", num_pairs)
        self.embedding_dim = check_positive("embedding_dim", embedding_dim)

    def build(self, input_shape: Shape) -> None:
        initializer = keras.initializers.RandomNormal(stddev=self.embedding_dim**-0.5)
        shape = (self.num_pairs, self.embedding_dim)
        self.pair_embeddings = self.add_weight(shape, initializer=initializer, autocast=False, name="pair_embeddings")

    def call(self, token_ids: Tensor) -> Tensor:
        return ops.cast(take_rows(self.pair_embeddings, pair_ids(token_ids, self.num_pairs)), self.compute_dtype)

    def compute_output_spec(self, token_ids: Tensor) -> keras.KerasTensor:
        return keras.KerasTensor((*token_ids.shape, self.embedding_dim), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_pairs": self.num_pairs, "embedding_dim": self.embedding_dim}
