"""Preprocessors: strings -> the tensors that a backbone reads, such as token ids and hashed character n-grams.

N-grams give unseen words a vector. A word is wrapped in `<` and `>`, so that those at its start and end differ from
those in its middle (Bojanowski et al. 2017, Enriching Word Vectors with Subword Information). Special tokens have none.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, ClassVar

import keras
import tensorflow as tf

from supportnet.checks import check_positive
from supportnet.errors import UserError
from supportnet.text.graph import as_strings, decoded, encoded, flat_tokens, redact_graph
from supportnet.text.special_tokens import PAD_ID
from supportnet.text.tokenizer import MAX_LENGTH, get_mode
from supportnet.text.vocabulary import Vocabulary
from supportnet.text.word_piece import WordPiece
from supportnet.text.word_piece_graph import piece_table, word_pieces

#: Shape, with None for a size that is known only at run time, and dtype of a tensor.
Spec = tuple[tuple[int | None, ...], str]


class Preprocessor(keras.layers.Layer, ABC):
    """Turn texts into a dictionary of tensors, with TensorFlow operations and no weights.

    A preprocessor is part of the model and of the exported graph, so training and serving read a text alike. Subclasses
    set `specs` and `table`, implement `features`, and are registered with Keras; `get_config` holds their tokens.

    Args:
        max_length: maximum number of tokens of a text.
        text_mode: name of the rules that cut a text into tokens.

    Attributes:
        specs: name -> shape and dtype of each returned tensor. A tensor of rank 2 or more is batched, one of rank 1 has
            a length of its own. `mask`, bool `[B, T]`, True = real token, is always there.
        table: lookup table that calls use, token -> id.

    Call arguments:
        texts: string `[B]`, or a list or an array of `str`; B may be 0, a text empty or invalid UTF-8.

    Returns:
        A dict with the tensors of `specs`.

    Raises:
        UserError: if `max_length` isn't positive.

    Example:
        >>> inputs = {name: keras.Input(shape[1:], dtype=dtype) for name, (shape, dtype) in TextFrontEnd.specs.items()}
        >>> inputs["mask"].shape, inputs["mask"].dtype
        ((None, None), 'bool')
    """

    specs: ClassVar[Mapping[str, Spec]]
    table: Any

    def __init__(self, max_length: int, text_mode: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_length, self.text_mode = check_positive("max_length", max_length), text_mode
        # XLA has no operations on strings.
        self.supports_jit = False

    def __call__(self, texts: Any, **kwargs: Any) -> Any:
        """Accept lists and arrays of texts too; Keras would read a list as several inputs."""
        if isinstance(texts, keras.KerasTensor):
            return super().__call__(texts, **kwargs)
        # No weights to build, nothing to cast, no mask to pass on: Keras's own call would only add to the time.
        return self.call(as_strings(texts))

    def call(self, texts: Any) -> dict[str, Any]:
        return self.features(texts, self.table)

    @abstractmethod
    def features(self, texts: Any, table: Any) -> dict[str, Any]:
        """Return what a call returns, looked up in another table.

        Args:
            texts: string `[B]`.
            table: table with the same tokens, such as one from `table_from_file`, whose file an export holds.
        """

    def compute_output_spec(self, texts: Any) -> dict[str, Any]:
        return {
            name: keras.KerasTensor((texts.shape[0], *shape[1:]) if len(shape) > 1 else shape, dtype)
            for name, (shape, dtype) in self.specs.items()
        }

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "max_length": self.max_length, "text_mode": self.text_mode}


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
        >>> preprocessor = TextFrontEnd(Vocabulary(["where", "parcel"]))
        >>> preprocessor(["Where is my parcel?", ""])["token_ids"].numpy()
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
        self.vocabulary = vocabulary if isinstance(vocabulary, Vocabulary) else Vocabulary(vocabulary)
        self.num_buckets = check_positive("num_buckets", num_buckets)
        self.min_gram, self.max_gram = min_gram, max_gram
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
        options = {name: getattr(self, name) for name in ("num_buckets", "min_gram", "max_gram")}
        return {**super().get_config(), "vocabulary": list(self.vocabulary), **options}


@keras.saving.register_keras_serializable(package="supportnet")
class PieceFrontEnd(TextFrontEnd):
    """Turn texts into what `TextFrontEnd` does, and into the word pieces that a pretrained encoder reads.

    Personal data is redacted first: the encoder reads the name of a placeholder, such as `email`, in its place.

    Args:
        vocabulary: a `Vocabulary` with `pieces`.
        pieces: those of a vocabulary that is given by its tokens, as a dictionary of the arguments of `WordPiece`.
        prompt: what the encoder reads before every message.
        *args, **kwargs: as for `TextFrontEnd`.

    Call arguments:
        texts: string `[B]`, or a list or an array of `str`; B may be 0, a text empty or invalid UTF-8.

    Returns:
        A dict with what `TextFrontEnd` returns; `piece_ids` int32 `[B, P]`, P at least 2, and `piece_mask` bool
        `[B, P]`, True = real piece.

    Example:
        >>> pieces = WordPiece(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "re", "##fund", "!"])
        >>> PieceFrontEnd(Vocabulary(["refund"], pieces))(["Refund!"])["piece_ids"].numpy()
        array([[2, 4, 5, 6, 3]], dtype=int32)
    """

    specs: ClassVar[Mapping[str, Spec]] = {
        **TextFrontEnd.specs,
        "piece_ids": ((None, None), "int32"),
        "piece_mask": ((None, None), "bool"),
    }

    def __init__(
        self, vocabulary: Vocabulary | Iterable[str], *args: Any, pieces: Any = None, prompt: str = "", **kwargs: Any
    ) -> None:
        super().__init__(vocabulary, *args, **kwargs)
        self.prompt = prompt
        if pieces is not None:
            self.vocabulary = Vocabulary(self.vocabulary, WordPiece(**pieces))
        if self.vocabulary.pieces is None:
            raise UserError("vocabulary must have word pieces, those of a pretrained encoder. It has none.")
        self.pieces = self.vocabulary.pieces
        self.table = (self.table, piece_table(self.pieces))

    def features(self, texts: Any, table: Any) -> dict[str, Any]:
        words, pieces = table
        readable = tf.strings.regex_replace(redact_graph(texts), "<([a-z]+)>", r"\1")
        if self.prompt:
            readable = tf.strings.join([self.prompt, readable])
        found = word_pieces(readable, self.pieces, pieces)
        return {**super().features(texts, words), "piece_ids": found.piece_ids, "piece_mask": found.mask}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pieces": asdict(self.pieces), "prompt": self.prompt}


def ngrams_graph(words: Any, min_gram: int, max_gram: int) -> tuple[Any, Any]:
    """Return the n-grams of words, string `[U]`, as strings `[N]`, and the word of each, int32 `[N]`."""
    # Only special tokens contain `<`: they become empty, other words are wrapped.
    words = tf.strings.regex_replace(words, "<[a-z]+>", "")
    wrapped = tf.strings.regex_replace(words, "([^<>]+)", r"<\1>")
    splits, code_points = decoded(wrapped)
    characters = encoded(code_points, tf.range(tf.size(code_points) + 1))
    options = {"separator": "", "left_pad": "", "right_pad": "", "pad_width": 0, "preserve_short_sequences": False}
    widths = list(range(min_gram, max_gram + 1))
    ngrams, ends = tf.raw_ops.StringNGrams(data=characters, data_splits=splits, ngram_widths=widths, **options)
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
