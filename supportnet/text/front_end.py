"""Strings -> what a token embedder reads: the first of the model's three contracts."""

from collections.abc import Iterable
from typing import Any

import keras
import tensorflow as tf

from supportnet.errors import UserError
from supportnet.text.special_tokens import PAD_ID
from supportnet.text.subwords import hashed_ngrams
from supportnet.text.tokenizer import MAX_LENGTH, get_mode
from supportnet.text.tokenizer_graph import as_strings, flat_tokens
from supportnet.text.vocabulary import Vocabulary


@keras.saving.register_keras_serializable(package="supportnet")
class TextFrontEnd(keras.layers.Layer):
    """Texts to token ids, and the hashed character n-grams of their distinct words.

    It is part of the model and of the exported graph, so training and serving can't read a text differently.

    Args:
        vocabulary: a `Vocabulary`, or its tokens.
        mode: `unicode` or `article`, see `supportnet.text.tokenizer`.
        max_length: number of tokens of a text at most.
        num_buckets: number of buckets that n-grams are hashed to.
        min_gram: length of the shortest n-grams, in characters.
        max_gram: length of the longest.

    Call arguments:
        texts: string `[B]`, or a list or an array of `str`; B may be 0, a text empty or invalid UTF-8.

    Returns:
        A dict, with T the number of tokens of the longest text, at least 1:
            `token_ids` int32 `[B, T]`, 0 where padded;
            `mask` bool `[B, T]`, True = real token;
            `word_index` int32 `[B, T]`, the row of each token among the batch's distinct words, 0 where padded;
            `subword_ids` int32 `[N]`, the buckets of the n-grams of these distinct words;
            `subword_segments` int32 `[N]`, the distinct word that each n-gram belongs to, ascending.

    Raises:
        UserError: there is no such mode, a number isn't positive, or `min_gram` is greater than `max_gram`.

    Example:
        >>> front_end = TextFrontEnd(Vocabulary(["where", "parcel"]))
        >>> front_end(["Where is my parcel?", ""])["token_ids"].numpy()
        array([[ 9,  1,  1, 10,  1],
               [ 0,  0,  0,  0,  0]], dtype=int32)
    """

    def __init__(
        self,
        vocabulary: Vocabulary | Iterable[str],
        mode: str = "unicode",
        max_length: int = MAX_LENGTH,
        num_buckets: int = 12_000,
        min_gram: int = 3,
        max_gram: int = 5,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        get_mode(mode)
        if not 1 <= min_gram <= max_gram:
            raise UserError(f"1 <= min_gram <= max_gram must hold. Received: min_gram={min_gram}, max_gram={max_gram}")
        for name, value in (("max_length", max_length), ("num_buckets", num_buckets)):
            if value < 1:
                raise UserError(f"{name} must be positive. Received: {name}={value}")
        self.vocabulary = vocabulary if isinstance(vocabulary, Vocabulary) else Vocabulary(vocabulary)
        self.mode, self.max_length = mode, max_length
        self.num_buckets, self.min_gram, self.max_gram = num_buckets, min_gram, max_gram
        self.table = self.vocabulary.table()
        # The inputs are strings: Keras must not convert them to its float type, and XLA can't compile them.
        self._convert_input_args = False
        self.supports_jit = False

    def __call__(self, texts: Any, **kwargs: Any) -> Any:
        """Take lists and arrays of texts too; Keras would read a list as several inputs."""
        symbolic = isinstance(texts, keras.KerasTensor)
        return super().__call__(texts if symbolic else as_strings(texts), **kwargs)

    def call(self, texts: Any) -> dict[str, Any]:
        return self.features(texts, self.table)

    def features(self, texts: Any, table: Any) -> dict[str, Any]:
        """Do what a call does, with another lookup table, such as one from `table_from_file` in an export."""
        values, positions, shape = flat_tokens(texts, self.mode, self.max_length)
        words, index = tf.unique(values)
        ids = tf.gather(tf.cast(table.lookup(words), tf.int32), index)
        token_ids = tf.scatter_nd(positions, ids, shape)
        buckets, segments = hashed_ngrams(words, self.num_buckets, self.min_gram, self.max_gram)
        return {
            "token_ids": token_ids,
            "mask": tf.not_equal(token_ids, PAD_ID),
            "word_index": tf.scatter_nd(positions, index, shape),
            "subword_ids": buckets,
            "subword_segments": segments,
        }

    def compute_output_spec(self, texts: Any) -> dict[str, Any]:
        per_token = (texts.shape[0], None)
        return {
            "token_ids": keras.KerasTensor(per_token, "int32"),
            "mask": keras.KerasTensor(per_token, "bool"),
            "word_index": keras.KerasTensor(per_token, "int32"),
            "subword_ids": keras.KerasTensor((None,), "int32"),
            "subword_segments": keras.KerasTensor((None,), "int32"),
        }

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "vocabulary": list(self.vocabulary),
            "mode": self.mode,
            "max_length": self.max_length,
            "num_buckets": self.num_buckets,
            "min_gram": self.min_gram,
            "max_gram": self.max_gram,
        }
