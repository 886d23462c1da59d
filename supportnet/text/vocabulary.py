"""Vocabulary of words: tokens and their ids."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import tensorflow as tf

from supportnet.checks import check_positive
from supportnet.errors import UserError
from supportnet.files import read_json, write_json, written_whole
from supportnet.text.graph import tokenize_graph
from supportnet.text.special_tokens import SPECIAL_TOKENS, UNKNOWN_ID
from supportnet.text.tokenizer import MAX_LENGTH
from supportnet.text.word_piece import WordPiece

#: The file of the word pieces, beside that of the words.
PIECES = "word_pieces.json"

#: Number of texts that are tokenized at once.
_BATCH_SIZE = 1024


class Vocabulary:
    """An ordered list of distinct tokens; a token's index is its id. The special tokens come first.

    Args:
        tokens: the tokens, in order. The special tokens are put first unless the list begins with them.
        pieces: the word pieces that a pretrained encoder reads beside them; None without one.

    Raises:
        UserError: if a token is empty, contains white space, or occurs twice.

    Example:
        >>> vocabulary = Vocabulary(["refund", "parcel"])
        >>> vocabulary["refund"], vocabulary["never seen"], len(vocabulary)
        (9, 1, 11)
    """

    def __init__(self, tokens: Iterable[str], pieces: WordPiece | None = None) -> None:
        self.pieces = pieces
        given = tuple(tokens)
        self.tokens = given if given[: len(SPECIAL_TOKENS)] == SPECIAL_TOKENS else SPECIAL_TOKENS + given
        self.ids = {token: index for index, token in enumerate(self.tokens)}
        for index, token in enumerate(self.tokens):
            if not token or token.split() != [token]:
                raise UserError(f"A token must not be empty or hold white space. Received: token {index} = {token!r}")
            if self.ids[token] != index:
                raise UserError(f"Tokens must be distinct. Received: token {index} = {token!r} a second time")

    @classmethod
    def build(
        cls,
        texts: Iterable[str],
        mode: str = "unicode",
        max_length: int = MAX_LENGTH,
        min_count: int = 2,
        max_size: int | None = None,
    ) -> "Vocabulary":
        """Build a vocabulary from texts: the most frequent tokens first, ties in alphabetical order.

        Args:
            texts: the texts to count tokens in, normally the training split.
            mode: `unicode` or `article`, as in the model.
            max_length: maximum number of tokens of a text.
            min_count: minimum frequency of a token.
            max_size: maximum number of tokens, including the special tokens.

        Raises:
            UserError: if there is no such mode, or a number is too small.
        """
        check_positive("min_count", min_count)
        if max_size is not None and max_size < len(SPECIAL_TOKENS):
            raise UserError(f"max_size must be at least {len(SPECIAL_TOKENS)}. Received: max_size={max_size}")
        counts = count_tokens(texts, mode, max_length)
        common = sorted((-count, token) for token, count in counts.items() if count >= min_count)
        return cls((*SPECIAL_TOKENS, *(token for _, token in common))[:max_size])

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Vocabulary":
        """Load a vocabulary from `save`, with its pieces; raise UserError if a file is missing or damaged."""
        try:
            text = Path(path).read_bytes().decode("utf-8")
        except FileNotFoundError:
            raise UserError(f"{path} is missing.") from None
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{path} can't be read as a vocabulary: {error}.") from None
        lines = text.split("\n")
        if lines.pop() or tuple(lines[: len(SPECIAL_TOKENS)]) != SPECIAL_TOKENS:
            special = ", ".join(SPECIAL_TOKENS)
            raise UserError(f"{path} is no whole vocabulary: one token a line, first {special}, a line end last.")
        try:
            return cls(lines, _load_pieces(Path(path).with_name(PIECES)))
        except UserError as error:
            raise UserError(f"{path} is damaged. {error}") from None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one token per line, UTF-8, in the order of the ids, atomically; and the pieces to a file beside it."""
        if self.pieces is not None:
            write_json(Path(path).with_name(PIECES), asdict(self.pieces))
        with written_whole(path) as temporary:
            temporary.write_bytes("".join(f"{token}\n" for token in self.tokens).encode("utf-8"))

    def table(self) -> Any:
        """Return a lookup table, string -> int64, that contains the tokens."""
        ids = tf.range(len(self), dtype=tf.int64)
        initializer = tf.lookup.KeyValueTensorInitializer(list(self.tokens), ids)
        return tf.lookup.StaticHashTable(initializer, default_value=UNKNOWN_ID)

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, token: str) -> int:
        """Return the id of a token, `UNKNOWN_ID` if it isn't in the vocabulary."""
        return self.ids.get(token, UNKNOWN_ID)

    def __contains__(self, token: object) -> bool:
        return token in self.ids

    def __iter__(self) -> Iterator[str]:
        return iter(self.tokens)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and (self.tokens, self.pieces) == (other.tokens, other.pieces)

    def __hash__(self) -> int:
        return hash(self.tokens)

    def __repr__(self) -> str:
        return f"Vocabulary of {len(self)} tokens"


def _load_pieces(path: Path) -> WordPiece | None:
    if not path.exists():
        return None
    try:
        return WordPiece(**read_json(path))
    except TypeError as error:
        raise UserError(f"{path} is damaged ({error}).") from None


def count_tokens(texts: Iterable[str], mode: str = "unicode", max_length: int = MAX_LENGTH) -> Counter[str]:
    """Count the tokens of texts as a model reads them, without the special tokens.

    Args:
        texts: the texts.
        mode: `unicode` or `article`.
        max_length: maximum number of tokens of a text.

    Example:
        >>> count_tokens(["Where is it?", "where"])["where"]
        2
    """
    counts: Counter[str] = Counter()
    for sentences in tokenize_batches(texts, mode, max_length):
        counts.update(token.decode("utf-8") for token in sentences.values.numpy())
    for token in SPECIAL_TOKENS:
        counts.pop(token, None)
    return counts


def table_from_file(path: str | os.PathLike[str], missing_id: int = UNKNOWN_ID) -> Any:
    """Return a lookup table, string -> int64, whose file becomes an asset of an export.

    The exported module must have the table as an attribute, so that TensorFlow tracks it.

    Args:
        path: file from `Vocabulary.save`.
        missing_id: what is returned for a token that isn't in the file.
    """
    lookup = tf.lookup
    initializer = lookup.TextFileInitializer(
        os.fspath(path), tf.string, lookup.TextFileIndex.WHOLE_LINE, tf.int64, lookup.TextFileIndex.LINE_NUMBER
    )
    return lookup.StaticHashTable(initializer, default_value=missing_id)


def tokenize_batches(texts: Iterable[str], mode: str = "unicode", max_length: int = MAX_LENGTH) -> Iterator[Any]:
    """Yield the tokens of texts in batches, as ragged tensors of strings; see `tokenize_graph`.

    TensorFlow is several times faster than the reference in Python.
    """
    iterator = iter(texts)
    while batch := list(islice(iterator, _BATCH_SIZE)):
        yield tokenize_graph(batch, mode, max_length)
