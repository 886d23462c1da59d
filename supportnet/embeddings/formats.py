"""Load and save word vectors: word2vec's and GloVe's formats, and fastText's, each detected from the content.

word2vec's text format and fastText's `.vec` are the same: a line `N D`, then a word and D numbers a line. GloVe's has
no first line. In word2vec's binary format the numbers are little-endian float32, as `word2vec.c` writes them
(Mikolov et al. 2013, https://code.google.com/archive/p/word2vec).

fastText's `.bin` contains vectors of character n-grams too. gensim's `load_facebook_vectors` can't read part of such a
file, loops forever on a truncated one, and fails on a gzipped one; so files are read here, into gensim's classes. The
layout is that of `FastText::saveModel` (https://github.com/facebookresearch/fastText/blob/main/src/fasttext.cc). The
output matrix at the end, which only further training needs, isn't read.
"""

import codecs
import gzip
import os
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast

import numpy as np

from supportnet.checks import check_many, check_positive
from supportnet.embeddings.files import FLOAT_BYTES, CutOffError, RowCollector, Source, finite, opened
from supportnet.errors import UserError
from supportnet.files import written_whole

if TYPE_CHECKING:
    from gensim.models import KeyedVectors

#: Maximum D. A header with more is damaged, and reading on would take all memory.
_MOST_DIMENSIONS = 16_384
_HEADER = re.compile(rb"(\d{1,12})[ \t]+(\d{1,12})[ \t]*\r?\n")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_REFUSED = {
    b"\x80": "is a pickle, as gensim's own save() writes it. Reading one can run any code, so it is refused. Where you "
    "trust it, load it with gensim and write vectors.save_word2vec_format('vectors.bin', binary=True).",
    b"\x93NUMPY": "is a NumPy array (.npy), which has vectors, but no words. If gensim's save() wrote it, write "
    "vectors.save_word2vec_format('vectors.bin', binary=True) instead.",
    b"PK": "is a zip archive (.zip, .npz). Unzip it and name the file inside.",
}
#: Rows of a word2vec or GloVe file, and of fastText's n-grams, between two updates of the progress bar.
_ROWS_PER_STEP, _NGRAMS_PER_STEP = 4096, 1024
#: The first bytes of fastText's `.bin`, 793712314 in little-endian order; and its versions.
_FASTTEXT_MAGIC, _FASTTEXT_VERSIONS = b"\xba\x16\x4f\x2f", (11, 12)
#: A fastText file holds the training options, which vectors don't have: these are fastText's defaults.
_FASTTEXT_OPTIONS = {"window": 5, "epochs": 5, "min_count": 1, "negative": 5, "hs": 0, "sg": 1, "sample": 1e-4}
#: What a word can be in a file: a space, a line end or a NUL would end it, and lone surrogates have no UTF-8.
_WORD = re.compile("[^ \n\0\ud800-\udfff]+")

#: A row of a file: the line or byte where it begins, the word, and its numbers as in the file.
_Row = tuple[int, bytes, bytes]


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

    Example (needs a download):
        >>> vectors = load_word_embeddings("GoogleNews-vectors-negative300.bin.gz", words=vocabulary)
        >>> vectors["refund"].shape
        (300,)
    """
    if limit is not None:
        check_positive("limit", limit)
    check_many("words", "a collection of words", [] if words is None else words)
    with opened(file_path, progress_bar) as source:
        if not source.head.startswith(_FASTTEXT_MAGIC):
            return _read_word2vec(source, limit, words)
        try:
            return _read_fasttext(source, limit, words)
        except CutOffError:
            raise UserError(f"{source.name}, byte {source.position}: the fastText file is cut off here.") from None


def save_word_embeddings(path: str | os.PathLike[str], vectors: "KeyedVectors") -> None:
    """Save word vectors atomically, for `load_word_embeddings` and gensim.

    The format is word2vec's binary, for vectors with n-grams fastText's `.bin`; gzipped if the name ends with `.gz`.

    Args:
        path: the file; an existing one is replaced.
        vectors: N words and their vectors.

    Raises:
        UserError: if there are no words, or a word is empty, contains a space, a line end or a NUL, which end a word
            in the file, or has no UTF-8.

    Example (needs a training run):
        >>> save_word_embeddings("tickets.bin", train_word_embeddings(texts))
    """
    if not vectors.index_to_key:
        raise UserError("There are no word vectors to write.")
    for word in vectors.index_to_key:
        if not _WORD.fullmatch(word):
            raise UserError(f"A word must not be empty or hold a space, a line end or a NUL. Received: {word!r}")
    write = _write_fasttext if has_ngrams(vectors) else _write_word2vec
    create = gzip.open if os.fspath(path).endswith(".gz") else open
    with written_whole(path) as temporary, create(temporary, "wb") as file:
        write(cast(BinaryIO, file), vectors)


def has_ngrams(vectors: Any) -> bool:
    """Return whether word vectors have n-grams, so that unknown words get vectors too."""
    return getattr(vectors, "vectors_ngrams", None) is not None and vectors.bucket > 0


class _Layout(NamedTuple):
    """The layout of a word2vec or GloVe file's rows.

    Attributes:
        binary: whether the numbers are float32; text otherwise.
        num_rows: number of rows according to the header; None without a header.
        dim: D, the number of numbers in a row.
    """

    binary: bool
    num_rows: int | None
    dim: int


def _read_word2vec(source: Source, limit: int | None, words: Iterable[str] | None) -> "KeyedVectors":
    """Read word vectors from word2vec's or GloVe's format; see `load_word_embeddings`."""
    from gensim.models import KeyedVectors

    layout = _detect_layout(source)
    kept = RowCollector(source.name, layout.dim, words)
    rows = _binary_rows(source, layout) if layout.binary else _text_rows(source, layout)
    # Stopping at the limit, it doesn't get errors of later rows. A number beyond float32 becomes infinite, which is
    # checked afterwards.
    with np.errstate(over="ignore"):
        for number, (place, word, numbers) in enumerate(islice(rows, limit)):
            if number % _ROWS_PER_STEP == 0:
                source.advance()
            if kept.keeps(word):
                kept.add(numbers if layout.binary else _parsed(numbers, source, layout, place), place)
    vectors = KeyedVectors(layout.dim)
    vectors.vectors = kept.vectors("byte" if layout.binary else "line")
    vectors.index_to_key, vectors.key_to_index, vectors.next_index = list(kept.index), kept.index, len(kept.index)
    return vectors


def _parsed(numbers: bytes, source: Source, layout: _Layout, line: int) -> bytes:
    """Return the numbers of a text line as float32 bytes."""
    try:
        return np.fromiter(map(float, numbers.split(b" ")), "<f4", layout.dim).tobytes()
    except ValueError as error:
        problem = f"there must be {layout.dim} numbers after the word ({error})."
        raise UserError(f"{source.name}, line {line}: {problem}") from None


def _write_word2vec(file: BinaryIO, vectors: "KeyedVectors") -> None:
    """Write word vectors in word2vec's binary format."""
    file.write(f"{len(vectors)} {vectors.vector_size}\n".encode())
    for word, vector in zip(vectors.index_to_key, vectors.vectors, strict=True):
        file.write(b"%b %b\n" % (word.encode("utf-8"), vector.astype("<f4").tobytes()))


def _detect_layout(source: Source) -> _Layout:
    """Detect the layout of a file from its first bytes; a `UserError` if the format is unknown or refused."""
    for magic, reason in _REFUSED.items():
        if source.head.startswith(magic):
            raise UserError(f"{source.name} {reason}")
    if header := _HEADER.match(source.head):
        num_rows, dim = int(header[1]), int(header[2])
        if not 1 <= dim <= _MOST_DIMENSIONS:
            problem = f"the number of dimensions must be 1 to {_MOST_DIMENSIONS}. Received: {dim}"
            raise UserError(f"{source.name}, line 1: {problem}")
        return _Layout(not _is_text(source.head[header.end() :], dim), num_rows, dim)
    word, *numbers = source.head.partition(b"\n")[0].rstrip().split(b" ")
    if word and 1 <= len(numbers) <= _MOST_DIMENSIONS and all(map(_is_number, numbers)):
        return _Layout(False, None, len(numbers))
    raise UserError(
        f"{source.name} isn't in a known format. Word vectors are read from word2vec's binary and text files, GloVe's "
        "text files, and fastText's .vec and .bin, each of them also gzipped."
    )


def _is_text(rows: bytes, dim: int) -> bool:
    """Return whether the numbers after the first word are text rather than float32.

    A line of text has at least 2 D - 1 characters there. A shorter one is float32 with a line end among its bytes, or
    text that lacks numbers: then as many bytes as float32 would take are examined, further lines included. float32
    bytes may all be printable, but won't contain a decimal number by accident.
    """
    numbers = rows.partition(b" ")[2][: FLOAT_BYTES * dim]
    line = numbers.partition(b"\n")[0]
    seen = line if len(line) >= 2 * dim - 1 else numbers
    try:
        # Incremental: the last character may be incomplete.
        codecs.getincrementaldecoder("utf-8")().decode(seen)
    except UnicodeDecodeError:
        return False
    return not _CONTROL.search(seen) and any(map(_is_number, seen.split()))


def _binary_rows(source: Source, layout: _Layout) -> Iterator[_Row]:
    source.until(b"\n")
    promised, size = layout.num_rows or 0, FLOAT_BYTES * layout.dim
    promise = f"{promised} words with {layout.dim} numbers each"
    until, take = source.until, source.take
    for number in range(promised):
        place = source.position
        try:
            # word2vec.c ends a row with a line end, gensim doesn't: it is read with the next word and stripped.
            yield place, until(b" ").lstrip(b"\n"), take(size)
        except CutOffError:
            problem = f"the file is cut off. Line 1 promises {promise}, but only {number} are there{_hint(number)}."
            raise UserError(f"{source.name}, byte {place}: {problem}") from None
    if not source.rest_is_blank():
        raise UserError(f"{source.name}, byte {source.position}: there is more, but line 1 promises only {promise}.")


def _text_rows(source: Source, layout: _Layout) -> Iterator[_Row]:
    first = 1 if layout.num_rows is None else 2
    lines = islice(source.file, first - 1, None)
    number = first - 1
    for number, line in enumerate(lines, start=first):
        line = line.rstrip()
        if not line and not any(rest.strip() for rest in lines):
            number -= 1
            break
        if number - first == layout.num_rows:
            raise UserError(f"{source.name}, line {number}: line 1 promises only {layout.num_rows} words.")
        word, _, numbers = line.partition(b" ")
        if numbers.count(b" ") != layout.dim - 1 or not numbers:
            word, numbers = _with_spaces(line, layout, f"{source.name}, line {number}")
        yield number, word, numbers
    found = number - first + 1
    if layout.num_rows is not None and found < layout.num_rows:
        problem = f"the file ends here, with {found} words, but line 1 promises {layout.num_rows}{_hint(found)}."
        raise UserError(f"{source.name}, line {number}: {problem}")


def _with_spaces(line: bytes, layout: _Layout, place: str) -> tuple[bytes, bytes]:
    """Split a row whose word contains spaces, as in `glove.840B.300d`; other rows of a wrong length are errors."""
    fields = line.split(b" ")
    word, numbers = fields[: -layout.dim], fields[-layout.dim :]
    if len(word) < 2 or any(map(_is_number, word[1:])):
        problem = f"there must be {layout.dim} numbers after the word, as line 1 says, but there are {len(fields) - 1}."
        raise UserError(f"{place}: {problem}")
    return b" ".join(word), b" ".join(numbers)


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _hint(found: int) -> str:
    return f" (limit={found} reads these)" if found else ""


def _read_fasttext(source: Source, limit: int | None, words: Iterable[str] | None) -> "KeyedVectors":
    """Read fastText's `.bin`: the rows of the wanted words, and the whole n-gram table; see `load_word_embeddings`."""
    from gensim.models.fasttext import FastTextKeyedVectors

    _, version = source.unpack("<ii")
    dim, *_, num_buckets, min_n, max_n, _, _ = source.unpack("<12id")
    num_words, _, num_labels, _, num_pruned = source.unpack("<3i2q")
    if version not in _FASTTEXT_VERSIONS or not 1 <= dim <= _MOST_DIMENSIONS or num_words < 1 or num_buckets < 0:
        raise UserError(f"{source.name}, byte {source.position}: the header of the fastText file is damaged.")
    # Only classifiers can be quantized, and only quantized ones pruned.
    if num_labels or num_pruned > 0:
        raise UserError(f"{source.name} is a fastText classifier, not word vectors.")
    kept = RowCollector(source.name, dim, words)
    # Row -> frequency of its word, for the kept rows.
    counts = {}
    for number in range(num_words):
        word = source.until(b"\0")
        count, _ = source.unpack("<qb")
        if (limit is None or number < limit) and kept.keeps(word):
            counts[number] = count
    quantized, *shape = source.unpack("<?2q")
    num_rows, size = num_words + num_buckets, FLOAT_BYTES * dim
    if quantized or shape != [num_rows, dim]:
        raise UserError(
            f"{source.name}, byte {source.position}: the vectors must be {num_rows} rows of {dim} numbers, as "
            f"the header says, and not quantized. Received: {shape[0]} of {shape[1]}, quantized={quantized}"
        )
    for number in range(num_words):
        place, vector = source.position, source.take(size)
        if number in counts:
            kept.add(vector, place)
    start, ngrams = source.position, bytearray()
    for first in range(0, num_buckets, _NGRAMS_PER_STEP):
        ngrams += source.take(size * min(_NGRAMS_PER_STEP, num_buckets - first))
        source.advance()
    vectors = FastTextKeyedVectors(dim, min_n, max_n, num_buckets)
    vectors.vectors_ngrams = finite(ngrams, dim, lambda row: f"{source.name}, byte {start + size * row}")
    vectors.vectors_vocab = kept.vectors("byte")
    vectors.index_to_key, vectors.key_to_index, vectors.next_index = list(kept.index), kept.index, len(kept.index)
    for key, count in zip(kept.index, counts.values(), strict=True):
        vectors.set_vecattr(key, "count", count)
    # A word's vector is the mean of its own row and those of its n-grams, which gensim adds.
    vectors.recalc_char_ngram_buckets()
    vectors.adjust_vectors()
    return vectors


def _write_fasttext(file: BinaryIO, vectors: "KeyedVectors") -> None:
    """Write word vectors with n-grams as a `.bin` for fastText and gensim.

    Training can't continue from it: the output matrix is all zeros.
    """
    from gensim.models.fasttext import save_facebook_model

    model = SimpleNamespace(
        wv=vectors,
        vector_size=vectors.vector_size,
        corpus_total_words=int(sum(vectors.get_vecattr(word, "count") for word in vectors.index_to_key)),
        syn1neg=np.zeros((len(vectors), vectors.vector_size), np.float32),
        **_FASTTEXT_OPTIONS,
    )
    save_facebook_model(model, file)
