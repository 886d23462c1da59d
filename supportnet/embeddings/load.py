"""Reading word vectors from a file."""

import os
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from supportnet.embeddings.fasttext import read_fasttext
from supportnet.embeddings.formats import FASTTEXT_MAGIC, Layout, layout, rows
from supportnet.embeddings.kept import KeptRows
from supportnet.embeddings.reading import Source, opened
from supportnet.errors import UserError

if TYPE_CHECKING:
    from gensim.models import KeyedVectors

#: Rows between two looks at the progress bar.
_ROWS_PER_STEP = 4096


def load_word_embeddings(
    file_path: str | os.PathLike[str],
    limit: int | None = None,
    words: Iterable[str] | None = None,
    progress_bar: bool = True,
) -> "KeyedVectors":
    """Read word vectors in whatever format they are.

    Known are word2vec's binary and text formats, GloVe's text, and fastText's `.vec` and `.bin`, each also gzipped.
    The content decides, not the name. Of words that occur twice the first is kept. Rows whose words no token can
    equal are left out: words that are empty, hold a space, or aren't valid UTF-8 (some of GoogleNews's are cut inside
    a character). A warning tells how many there were of both. Nothing is ever unpickled.

    Args:
        file_path: the file.
        limit: number of rows to read at most. Files have the commonest words first.
        words: keep only these words, for example those of a `Vocabulary`, in every case that the file has: for
            `paris` also `Paris` and `PARIS`. Memory is needed for what is kept, in a `.bin` of fastText for its
            n-grams as well. Of the other rows only the number of fields is checked.
        progress_bar: show one on standard error if it takes more than a second.

    Returns:
        gensim's `KeyedVectors`, the vectors float32 `[N, D]`, in the order of the file. Of fastText's `.bin`, gensim's
        `FastTextKeyedVectors`, which also make vectors for words that the file lacks.

    Raises:
        UserError: an argument is wrong; the file is missing, in no known format, cut off or damaged. The message
            names the line, or in a binary file the byte.

    Example (needs a download):
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
        return _read(source, limit, words)


def _read(source: Source, limit: int | None, words: Iterable[str] | None) -> "KeyedVectors":
    from gensim.models import KeyedVectors

    shape = layout(source)
    kept = KeptRows(source.name, shape.dim, words)
    # A number beyond float32 becomes infinite, and is found with the others that are.
    with np.errstate(over="ignore"):
        for number, (place, word, numbers) in enumerate(islice(rows(source, shape), limit)):
            if number % _ROWS_PER_STEP == 0:
                source.advance()
            if kept.keeps(word):
                kept.add(numbers if shape.binary else _parsed(numbers, source, shape, place), place)
    vectors = KeyedVectors(shape.dim)
    vectors.vectors = kept.vectors(shape.place)
    vectors.index_to_key, vectors.key_to_index = list(kept.index), kept.index
    vectors.next_index = len(kept.index)
    return vectors


def _parsed(numbers: bytes, source: Source, shape: Layout, place: int) -> bytes:
    """Return the numbers of a line of text as float32."""
    try:
        return np.fromiter(map(float, numbers.split(b" ")), "<f4", shape.dim).tobytes()
    except ValueError as error:
        raise UserError(
            f"{source.name}, {shape.place(place)}: there must be {shape.dim} numbers after the word ({error})."
        ) from None
