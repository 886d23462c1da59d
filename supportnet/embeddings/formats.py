"""The formats of word vectors, told apart by their content, and the rows of word2vec's and GloVe's files.

word2vec's text format and fastText's `.vec` are the same: a line `N D`, then a word and D numbers a line. GloVe's
lacks the first line. In word2vec's binary format the numbers are little-endian float32, as `word2vec.c` writes them
(Mikolov et al. 2013, https://code.google.com/archive/p/word2vec).
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

from supportnet.embeddings.reading import ByteReader, CutOffError, Source
from supportnet.errors import UserError

FLOAT_BYTES = 4
#: The first bytes of fastText's `.bin`, 793712314 in little-endian order.
FASTTEXT_MAGIC = b"\xba\x16\x4f\x2f"
#: Longer vectors than anybody has. A header that says more is damaged, and reading on would take all memory.
MOST_DIMENSIONS = 16_384
_HEADER = re.compile(rb"(\d{1,12})[ \t]+(\d{1,12})[ \t]*\r?\n")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_REFUSED = {
    b"\x80": "is a pickle, as gensim's own save() writes it. Reading one can run any code, so it is refused. Where you "
    "trust it, load it with gensim and write vectors.save_word2vec_format('vectors.bin', binary=True).",
    b"\x93NUMPY": "is a NumPy array (.npy), which has vectors, but no words. If gensim's save() wrote it, write "
    "vectors.save_word2vec_format('vectors.bin', binary=True) instead.",
    b"PK": "is a zip archive (.zip, .npz). Unzip it and name the file inside.",
}

#: A row of a file: line or byte where it begins, the word, and its numbers as they stand there.
Row = tuple[int, bytes, bytes]


@dataclass(frozen=True, slots=True)
class Layout:
    """How the rows of a file are laid out.

    Attributes:
        binary: whether the numbers are float32 or text.
        num_rows: the number of rows that the header promises; None without a header.
        dim: how many numbers a row has.
    """

    binary: bool
    num_rows: int | None
    dim: int

    def place(self, where: int) -> str:
        """Name a row's line or byte, as an error message does."""
        return f"{'byte' if self.binary else 'line'} {where}"


def layout(source: Source) -> Layout:
    """Tell how a file is laid out, from its first bytes.

    Raises:
        UserError: the file is in no known format, or in one that is refused.

    Example:
        >>> from supportnet.embeddings.reading import opened
        >>> with opened("vectors.vec.gz", progress_bar=False) as source:
        ...     layout(source)
        Layout(binary=False, num_rows=2, dim=3)
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
        return Layout(not _is_text(source.head[header.end() :], dim), num_rows, dim)
    word, *numbers = source.head.partition(b"\n")[0].rstrip().split(b" ")
    if word and 1 <= len(numbers) <= MOST_DIMENSIONS and all(map(_is_number, numbers)):
        return Layout(False, None, len(numbers))
    raise UserError(
        f"{source.name} isn't in a known format. Word vectors are read from word2vec's binary and text files, GloVe's "
        "text files, and fastText's .vec and .bin, each of them also gzipped."
    )


def _is_text(rows: bytes, dim: int) -> bool:
    """Tell text from float32 by what follows the first word.

    A line of text has at least 2 D - 1 characters there. A shorter one is float32 with a line end among its bytes, or
    text that lacks numbers: then as many bytes as float32 would take are looked at, further lines included. float32
    may be printable from end to end, but then it holds no number, unless by an accident that doesn't happen.
    """
    numbers = rows.partition(b" ")[2][: FLOAT_BYTES * dim]
    line = numbers.partition(b"\n")[0]
    seen = line if len(line) >= 2 * dim - 1 else numbers
    try:
        # Incremental: the last character may be cut.
        codecs.getincrementaldecoder("utf-8")().decode(seen)
    except UnicodeDecodeError:
        return False
    return not _CONTROL.search(seen) and any(map(_is_number, seen.split()))


def rows(source: Source, shape: Layout) -> Iterator[Row]:
    """Yield the rows of a word2vec or GloVe file, in order.

    A consumer that stops early (`limit`) isn't told what is wrong further on.

    Raises:
        UserError: a row is damaged, or there are more or fewer than the header promises.
    """
    return _binary_rows(source, shape) if shape.binary else _text_rows(source, shape)


def _binary_rows(source: Source, shape: Layout) -> Iterator[Row]:
    reader = ByteReader(source)
    reader.until(b"\n")
    promised, size = shape.num_rows or 0, FLOAT_BYTES * shape.dim
    until, take = reader.until, reader.take
    for number in range(promised):
        place = reader.position
        try:
            # word2vec.c ends a row with a line end, gensim doesn't: it is read as part of the next word.
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


def _text_rows(source: Source, shape: Layout) -> Iterator[Row]:
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


def _with_spaces(line: bytes, shape: Layout, place: str) -> tuple[bytes, bytes]:
    """Part a row whose word holds spaces, like a few of `glove.840B.300d`; other rows of a wrong length are errors."""
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
