"""Writing word vectors to a file."""

import gzip
import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from supportnet.embeddings.fasttext import has_ngrams, write_fasttext
from supportnet.errors import UserError
from supportnet.files import written_whole

if TYPE_CHECKING:
    from gensim.models import KeyedVectors


def save_word_embeddings(path: str | os.PathLike[str], vectors: "KeyedVectors") -> None:
    """Write word vectors, whole or not at all, so that `load_word_embeddings` and gensim read them back.

    The format is word2vec's binary; for vectors with n-grams it is fastText's `.bin`, so that nothing is lost. Gzipped
    if the name ends with `.gz`.

    Args:
        path: the file. What stands there is replaced.
        vectors: N words and their vectors.

    Raises:
        UserError: there are no words, or one is empty, holds a space, a line end or a NUL, or can't be written in
            UTF-8: no reader would find its end.

    Example (needs a training run):
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
            _write_word2vec(file, vectors)


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


def _write_word2vec(file: BinaryIO, vectors: "KeyedVectors") -> None:
    file.write(f"{len(vectors)} {vectors.vector_size}\n".encode())
    for word, vector in zip(vectors.index_to_key, vectors.vectors, strict=True):
        file.write(b"%b %b\n" % (word.encode("utf-8"), vector.astype("<f4").tobytes()))
