"""Load word vectors from a file, and save them."""

import gzip
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from supportnet.embeddings.fasttext import FASTTEXT_MAGIC, has_ngrams, read_fasttext, write_fasttext
from supportnet.embeddings.files import opened
from supportnet.embeddings.word2vec import read_word2vec, write_word2vec
from supportnet.errors import UserError
from supportnet.files import written_whole

if TYPE_CHECKING:
    from gensim.models import KeyedVectors


def load_word_embeddings(
    file_path: str | os.PathLike[str],
    limit: int | None = None,
    words: Iterable[str] | None = None,
    progress_bar: bool = True,
) -> "KeyedVectors":
    """Load word vectors; the format is detected from the content.

    The formats are word2vec's binary and text, GloVe's text, and fastText's `.vec` and `.bin`, each also gzipped. The
    first of several rows with the same word is kept. Rows whose words can't be tokens are skipped: words that are
    empty, contain a space, or aren't valid UTF-8 (GoogleNews has words that are cut inside a character). A warning
    gives the number of both. Nothing is ever unpickled.

    Args:
        file_path: the file.
        limit: maximum number of rows to read. Files have the most frequent words first.
        words: words to keep, such as a `Vocabulary`, in all cases that the file has: for `paris` also `Paris` and
            `PARIS`. Only the kept rows take memory, and the n-grams of a fastText `.bin`. Of the other rows only the
            number of fields is checked.
        progress_bar: show one on standard error if it takes more than a second.

    Returns:
        gensim's `KeyedVectors`, the vectors float32 `[N, D]`, in the order of the file; for fastText's `.bin`,
        `FastTextKeyedVectors`, which also have vectors for words that aren't in the file.

    Raises:
        UserError: if an argument is invalid, or the file is missing, in an unknown format, truncated or damaged. The
            message names the line, or in a binary file the byte.

    Example:
        >>> vectors = load_word_embeddings("GoogleNews-vectors-negative300.bin.gz", words=vocabulary)
        >>> vectors["refund"].shape
        (300,)
    """
    if limit is not None and limit < 1:
        raise UserError(f"limit must be positive. Received: limit={limit}")
    if isinstance(words, (str, bytes)):
        raise UserError(f"words must be a collection of words. Received: words={words[:40]!r}")
    with opened(file_path, progress_bar) as source:
        if source.head.startswith(FASTTEXT_MAGIC):
            return read_fasttext(source, limit, words)
        return read_word2vec(source, limit, words)


def save_word_embeddings(path: str | os.PathLike[str], vectors: "KeyedVectors") -> None:
    """Save word vectors atomically, for `load_word_embeddings` and gensim.

    The format is word2vec's binary, for vectors with n-grams fastText's `.bin`; gzipped if the name ends with `.gz`.

    Args:
        path: the file; an existing one is replaced.
        vectors: N words and their vectors.

    Raises:
        UserError: if there are no words, or a word is empty, contains a space, a line end or a NUL, which end a word
            in the file, or has no UTF-8.

    Example:
        >>> save_word_embeddings("tickets.bin", train_word_embeddings(texts))
    """
    if not vectors.index_to_key:
        raise UserError("There are no word vectors to write.")
    for word in vectors.index_to_key:
        _check(word)
    with written_whole(path) as temporary, _created(temporary) as file:
        if has_ngrams(vectors):
            write_fasttext(file, vectors)
        else:
            write_word2vec(file, vectors)


def _check(word: str) -> None:
    try:
        word.encode("utf-8")
        usable = bool(word) and not any(mark in word for mark in " \n\0")
    except UnicodeEncodeError:
        usable = False
    if not usable:
        raise UserError(f"A word must not be empty or hold a space, a line end or a NUL. Received: {word!r}")


def _created(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "wb") if path.suffix == ".gz" else path.open("wb"))
