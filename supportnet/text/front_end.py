"""Preprocessor of words: strings -> token ids and hashed character n-grams."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import keras
import tensorflow as tf

from supportnet.errors import UserError
from supportnet.text.preprocessor import Preprocessor, Spec
from supportnet.text.special_tokens import PAD_ID
from supportnet.text.subwords import hashed_ngrams
from supportnet.text.tokenizer import MAX_LENGTH, get_mode
from supportnet.text.tokenizer_graph import flat_tokens
from supportnet.text.vocabulary import Vocabulary


@keras.saving.register_keras_serializable(package="supportnet")
class TextFrontEnd(Preprocessor):
    """Turn texts into token ids and the hashed character n-grams of their distinct words; see `Preprocessor`.

    Args:
        vocabulary: a `Vocabulary`, or its tokens.
        text_mode: `unicode` or `article`, see `supportnet.text.tokenizer`.
        max_length: maximum number of tokens of a text.
        num_buckets: number of hash buckets of n-grams.
        min_gram: length of the shortest n-grams, in characters.
        max_gram: length of the longest n-grams.

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
        UserError: if there is no such mode, a number isn't positive, or `min_gram` is greater than `max_gram`.

    Example:
        >>> front_end = TextFrontEnd(Vocabulary(["where", "parcel"]))
        >>> front_end(["Where is my parcel?", ""])["token_ids"].numpy()
        array([[ 9,  1,  1, 10,  1],
               [ 0,  0,  0,  0,  0]], dtype=int32)
    """

    specs: ClassVar[Mapping[str, Spec]] = {
        "token_ids": ((None, None), "int32"),
        "mask": ((None, None), "bool"),
        "word_index": ((None, None), "int32"),
        "subword_ids": ((None,), "int32"),
        "subword_segments": ((None,), "int32"),
    }

    def __init__(
        self,
        vocabulary: Vocabulary | Iterable[str],
        text_mode: str = "unicode",
        max_length: int = MAX_LENGTH,
        num_buckets: int = 12_000,
        min_gram: int = 3,
        max_gram: int = 5,
        **kwargs: Any,
    ) -> None:
        super().__init__(max_length, text_mode, **kwargs)
        get_mode(text_mode)
        if not 1 <= min_gram <= max_gram:
            raise UserError(f"1 <= min_gram <= max_gram must hold. Received: min_gram={min_gram}, max_gram={max_gram}")
        if num_buckets < 1:
            raise UserError(f"num_buckets must be positive. Received: num_buckets={num_buckets}")
        self.vocabulary = vocabulary if isinstance(vocabulary, Vocabulary) else Vocabulary(vocabulary)
        self.num_buckets, self.min_gram, self.max_gram = num_buckets, min_gram, max_gram
        self.table = self.vocabulary.table()

    def features(self, texts: Any, table: Any) -> dict[str, Any]:
        values, positions, shape = flat_tokens(texts, self.text_mode, self.max_length)
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

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "vocabulary": list(self.vocabulary),
            "num_buckets": self.num_buckets,
            "min_gram": self.min_gram,
            "max_gram": self.max_gram,
        }
