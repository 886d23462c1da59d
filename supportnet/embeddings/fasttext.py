"""Read and write fastText's `.bin` files, which contain vectors of character n-grams.

gensim's `load_facebook_vectors` can't read part of a file, loops forever on a truncated one, and fails on a gzipped
one; so files are read here, into gensim's classes. The layout is that of `FastText::saveModel`
(https://github.com/facebookresearch/fastText/blob/main/src/fasttext.cc). The output matrix at the end, which only
further training needs, isn't read.
"""

import struct
from collections.abc import Iterable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np

from supportnet.embeddings.files import (
    FLOAT_BYTES,
    MOST_DIMENSIONS,
    ByteReader,
    CutOffError,
    RowCollector,
    Source,
    finite,
)
from supportnet.errors import UserError

if TYPE_CHECKING:
    from gensim.models.fasttext import FastTextKeyedVectors

#: The first bytes of fastText's `.bin`, 793712314 in little-endian order.
FASTTEXT_MAGIC = b"\xba\x16\x4f\x2f"
_VERSIONS = (11, 12)
#: Rows of the n-gram table that are read at once.
_BLOCK = 1024


def has_ngrams(vectors: Any) -> bool:
    """Return whether word vectors have n-grams, so that unknown words get vectors too."""
    return getattr(vectors, "vectors_ngrams", None) is not None and vectors.bucket > 0


def read_fasttext(source: Source, limit: int | None, wanted: Iterable[str] | None) -> "FastTextKeyedVectors":
    """Read a `.bin` file: the rows of the wanted words, and the whole n-gram table.

    Args:
        source: the open file.
        limit: maximum number of words, the first of the file.
        wanted: words to keep, in any case; None keeps all.

    Raises:
        UserError: if the file is truncated, damaged, or a classifier.

    Example (needs a download):
        >>> with opened("cc.en.300.bin", progress_bar=True) as source:
        ...     vectors = read_fasttext(source, None, wanted=["refund"])
    """
    reader = ByteReader(source)
    try:
        return _read(source, reader, limit, wanted)
    except CutOffError:
        raise UserError(f"{source.name}, byte {reader.position}: the fastText file is cut off here.") from None


def _read(
    source: Source, reader: ByteReader, limit: int | None, wanted: Iterable[str] | None
) -> "FastTextKeyedVectors":
    from gensim.models.fasttext import FastTextKeyedVectors

    header = _header(source, reader)
    kept = RowCollector(source.name, header.dim, wanted)
    counts = _counts(reader, kept, header.num_words, limit)
    _check_matrix(source, reader, header)
    for number in range(header.num_words):
        place, vector = reader.position, reader.take(FLOAT_BYTES * header.dim)
        if number in counts:
            kept.add(vector, place)
    vectors = FastTextKeyedVectors(header.dim, header.min_n, header.max_n, header.num_buckets)
    vectors.vectors_ngrams = _ngrams(source, reader, header)
    vectors.vectors_vocab = kept.vectors(lambda place: f"byte {place}")
    vectors.index_to_key, vectors.key_to_index = list(kept.index), kept.index
    vectors.next_index = len(kept.index)
    for word, count in zip(kept.index, counts.values(), strict=True):
        vectors.set_vecattr(word, "count", count)
    # A word's vector is the mean of its own row and those of its n-grams, which gensim adds.
    vectors.recalc_char_ngram_buckets()
    vectors.adjust_vectors()
    return vectors


class _Header(NamedTuple):
    """Header of a file: D, the numbers of words and of n-gram buckets, and the lengths of n-grams."""

    dim: int
    num_words: int
    num_buckets: int
    min_n: int
    max_n: int


def _header(source: Source, reader: ByteReader) -> _Header:
    _, version = _unpack(reader, "<ii")
    dim, *_, num_buckets, min_n, max_n, _, _ = _unpack(reader, "<12id")
    num_words, _, num_labels, _, num_pruned = _unpack(reader, "<3i2q")
    if version not in _VERSIONS or not 1 <= dim <= MOST_DIMENSIONS or num_words < 1 or num_buckets < 0:
        raise UserError(f"{source.name}, byte {reader.position}: the header of the fastText file is damaged.")
    # Only classifiers can be quantized, and only quantized ones pruned.
    if num_labels or num_pruned > 0:
        raise UserError(f"{source.name} is a fastText classifier, not word vectors.")
    return _Header(dim, num_words, num_buckets, min_n, max_n)


def _counts(reader: ByteReader, kept: RowCollector, num_words: int, limit: int | None) -> dict[int, int]:
    """Read the words. Return row -> frequency of its word, for the kept rows."""
    counts = {}
    for number in range(num_words):
        word = reader.until(b"\0")
        count, _ = _unpack(reader, "<qb")
        if (limit is None or number < limit) and kept.keeps(word):
            counts[number] = count
    return counts


def _check_matrix(source: Source, reader: ByteReader, header: _Header) -> None:
    """Read the shape of the matrix of vectors and check it against the header."""
    quantized, *shape = _unpack(reader, "<?2q")
    num_rows = header.num_words + header.num_buckets
    if quantized or shape != [num_rows, header.dim]:
        raise UserError(
            f"{source.name}, byte {reader.position}: the vectors must be {num_rows} rows of {header.dim} numbers, as "
            f"the header says, and not quantized. Received: {shape[0]} of {shape[1]}, quantized={quantized}"
        )


def _ngrams(source: Source, reader: ByteReader, header: _Header) -> Any:
    """Return the vectors of the n-gram buckets, float32 `[num_buckets, D]`."""
    start, size = reader.position, FLOAT_BYTES * header.dim
    numbers = bytearray()
    for first in range(0, header.num_buckets, _BLOCK):
        numbers += reader.take(size * min(_BLOCK, header.num_buckets - first))
        source.advance()
    return finite(numbers, header.dim, lambda row: f"{source.name}, byte {start + size * row}")


def _unpack(reader: ByteReader, form: str) -> tuple[Any, ...]:
    return struct.unpack(form, reader.take(struct.calcsize(form)))


def write_fasttext(file: BinaryIO, vectors: "FastTextKeyedVectors") -> None:
    """Write word vectors with n-grams as a `.bin` file for fastText, gensim and `read_fasttext`.

    Training can't continue from it: the output matrix is all zeros.

    Args:
        file: open for writing bytes.
        vectors: result of `read_fasttext`, or gensim's `FastText(...).wv`.
    """
    from gensim.models.fasttext import save_facebook_model

    counts = [vectors.get_vecattr(word, "count") for word in vectors.index_to_key]
    model = SimpleNamespace(
        wv=vectors,
        vector_size=vectors.vector_size,
        corpus_total_words=int(sum(counts)),
        syn1neg=np.zeros((len(vectors), vectors.vector_size), np.float32),
        # The file also holds the training options, which the vectors don't have: these are fastText's defaults.
        window=5,
        epochs=5,
        min_count=1,
        negative=5,
        hs=0,
        sg=1,
        sample=1e-4,
    )
    save_facebook_model(model, file)
