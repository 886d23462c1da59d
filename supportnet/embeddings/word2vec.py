"""Read word vectors in word2vec's and GloVe's formats, detected from the content; write word2vec's binary format.

word2vec's text format and fastText's `.vec` are the same: a line `N D`, then a word and D numbers a line. GloVe's has
no first line. In word2vec's binary format the numbers are little-endian float32, as `word2vec.c` writes them
(Mikolov et al. 2013, https://code.google.com/archive/p/word2vec).
"""

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from supportnet.embeddings.files import FLOAT_BYTES, MOST_DIMENSIONS, ByteReader, CutOffError, RowCollector, Source
from supportnet.errors import UserError

if TYPE_CHECKING:
    from gensim.models import KeyedVectors

_HEADER = re.compile(rb"(\d{1,12})[ \t]+(\d{1,12})[ \t]*\r?\n")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_REFUSED = {
    b"\x80": "is a pickle, as gensim's own save() writes it. Reading one can run any code, so it is refused. Where you "
    "trust it, load it with gensim and write vectors.save_word2vec_format('vectors.bin', binary=True).",
    b"\x93NUMPY": "is a NumPy array (.npy), which has vectors, but no words. If gensim's save() wrote it, write "
    "vectors.save_word2vec_format('vectors.bin', binary=True) instead.",
    b"PK": "is a zip archive (.zip, .npz). Unzip it and name the file inside.",
}
#: Rows between two updates of the progress bar.
_ROWS_PER_STEP = 4096

#: A row of a file: the line or byte where it begins, the word, and its numbers as in the file.
_Row = tuple[int, bytes, bytes]


@dataclass(frozen=True, slots=True)
class _Layout:
    """The layout of a file's rows.

    Attributes:
        binary: whether the numbers are float32; text otherwise.
        num_rows: number of rows according to the header; None without a header.
        dim: D, the number of numbers in a row.
    """

    binary: bool
    num_rows: int | None
    dim: int

    def place(self, where: int) -> str:
        """Return the name of a row's line or byte for error messages."""
        return f"{'byte' if self.binary else 'line'} {where}"


def read_word2vec(source: Source, limit: int | None, words: Iterable[str] | None) -> "KeyedVectors":
    """Read word vectors from word2vec's or GloVe's format; see `load_word_embeddings`."""
    from gensim.models import KeyedVectors

    shape = _detect_layout(source)
    kept = RowCollector(source.name, shape.dim, words)
    # A number beyond float32 becomes infinite, which is checked afterwards.
    with np.errstate(over="ignore"):
        for number, (place, word, numbers) in enumerate(islice(_rows(source, shape), limit)):
            if number % _ROWS_PER_STEP == 0:
                source.advance()
            if kept.keeps(word):
                kept.add(numbers if shape.binary else _parsed(numbers, source, shape, place), place)
    vectors = KeyedVectors(shape.dim)
    vectors.vectors = kept.vectors(shape.place)
    vectors.index_to_key, vectors.key_to_index = list(kept.index), kept.index
    vectors.next_index = len(kept.index)
    return vectors


def _parsed(numbers: bytes, source: Source, shape: _Layout, place: int) -> bytes:
    """Return the numbers of a text line as float32 bytes."""
    try:
        return np.fromiter(map(float, numbers.split(b" ")), "<f4", shape.dim).tobytes()
    except ValueError as error:
        raise UserError(
            f"{source.name}, {shape.place(place)}: there must be {shape.dim} numbers after the word ({error})."
        ) from None


def write_word2vec(file: BinaryIO, vectors: "KeyedVectors") -> None:
    """Write word vectors in word2vec's binary format."""
    file.write(f"{len(vectors)} {vectors.vector_size}\n".encode())
    for word, vector in zip(vectors.index_to_key, vectors.vectors, strict=True):
        file.write(b"%b %b\n" % (word.encode("utf-8"), vector.astype("<f4").tobytes()))


def _detect_layout(source: Source) -> _Layout:
    """Detect the layout of a file from its first bytes.

    Raises:
        UserError: if the format is unknown or refused.

    Example:
        >>> _detect_layout(source)
        _Layout(binary=True, num_rows=3000000, dim=300)
    """
    for magic, reason in _REFUSED.items():
        if source.head.startswith(magic):
            raise UserError(f"{source.name} {reason}")
    header = _HEADER.match(source.head)
    if header:
        num_rows, dim = int(header[1]), int(header[2])
        if not 1 <= dim <= MOST_DIMENSIONS:
            raise UserError(
                f"{source.name}, line 1: the number of dimensions must be 1 to {MOST_DIMENSIONS}. Received: {dim}"
            )
        return _Layout(not _is_text(source.head[header.end() :], dim), num_rows, dim)
    word, *numbers = source.head.partition(b"\n")[0].rstrip().split(b" ")
    if word and 1 <= len(numbers) <= MOST_DIMENSIONS and all(map(_is_number, numbers)):
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


def _rows(source: Source, shape: _Layout) -> Iterator[_Row]:
    """Yield the rows of a word2vec or GloVe file in order.

    A consumer that stops early (`limit`) doesn't get errors of later rows.

    Raises:
        UserError: if a row is damaged, or the number of rows isn't that of the header.
    """
    return _binary_rows(source, shape) if shape.binary else _text_rows(source, shape)


def _binary_rows(source: Source, shape: _Layout) -> Iterator[_Row]:
    reader = ByteReader(source)
    reader.until(b"\n")
    promised, size = shape.num_rows or 0, FLOAT_BYTES * shape.dim
    until, take = reader.until, reader.take
    for number in range(promised):
        place = reader.position
        try:
            # word2vec.c ends a row with a line end, gensim doesn't: it is read with the next word and stripped.
            yield place, until(b" ").lstrip(b"\n"), take(size)
        except CutOffError:
            raise UserError(
                f"{source.name}, byte {place}: the file is cut off. Line 1 promises {promised} words with {shape.dim} "
                f"numbers each, but only {number} are there{_hint(number)}."
            ) from None
    if not reader.rest_is_blank():
        raise UserError(
            f"{source.name}, byte {reader.position}: there is more, but line 1 promises only {promised} words with "
            f"{shape.dim} numbers each."
        )


def _text_rows(source: Source, shape: _Layout) -> Iterator[_Row]:
    lines = iter(source.file)
    first = 1
    if shape.num_rows is not None:
        next(lines)
        first = 2
    number = first - 1
    for number, line in enumerate(lines, start=first):
        line = line.rstrip()
        if not line and not any(rest.strip() for rest in lines):
            number -= 1
            break
        if number - first == shape.num_rows:
            raise UserError(f"{source.name}, line {number}: line 1 promises only {shape.num_rows} words.")
        word, _, numbers = line.partition(b" ")
        if numbers.count(b" ") != shape.dim - 1 or not numbers:
            word, numbers = _with_spaces(line, shape, f"{source.name}, line {number}")
        yield number, word, numbers
    found = number - first + 1
    if shape.num_rows is not None and found < shape.num_rows:
        raise UserError(
            f"{source.name}, line {number}: the file ends here, with {found} words, but line 1 promises "
            f"{shape.num_rows}{_hint(found)}."
        )


def _with_spaces(line: bytes, shape: _Layout, place: str) -> tuple[bytes, bytes]:
    """Split a row whose word contains spaces, as in `glove.840B.300d`; other rows of a wrong length are errors."""
    fields = line.split(b" ")
    word, numbers = fields[: -shape.dim], fields[-shape.dim :]
    if len(word) < 2 or any(map(_is_number, word[1:])):
        found = len(fields) - 1
        raise UserError(
            f"{place}: there must be {shape.dim} numbers after the word, as line 1 says, but there are {found}."
        )
    return b" ".join(word), b" ".join(numbers)


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _hint(found: int) -> str:
    return f" (limit={found} reads these)" if found else ""
