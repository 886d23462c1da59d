"""Pairs of words -> one vector a pair."""

from typing import Any

import keras
from keras import ops

from supportnet.checks import check_positive
from supportnet.layers.ngram_scores import pair_ids
from supportnet.layers.rows import take_rows


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

    def build(self, input_shape: Any) -> None:
        initializer = keras.initializers.RandomNormal(stddev=self.embedding_dim**-0.5)
        shape = (self.num_pairs, self.embedding_dim)
        self.pair_embeddings = self.add_weight(shape, initializer=initializer, autocast=False, name="pair_embeddings")

    def call(self, token_ids: Any) -> Any:
        return ops.cast(take_rows(self.pair_embeddings, pair_ids(token_ids, self.num_pairs)), self.compute_dtype)

    def compute_output_spec(self, token_ids: Any) -> keras.KerasTensor:
        return keras.KerasTensor((*token_ids.shape, self.embedding_dim), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_pairs": self.num_pairs, "embedding_dim": self.embedding_dim}
