"""Read files of word vectors: unzipped streams with a progress bar, positions for errors, and the kept rows."""

import gzip
import os
import struct
import warnings
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from supportnet.errors import UserError

FLOAT_BYTES = 4
_GZIP = b"\x1f\x8b"
#: Bytes for format detection: more than the first row of any vectors in use.
_HEAD_BYTES = 1 << 16
#: Bytes that are read at a time: many enough that calls cost nothing, few enough for a processor's cache.
_CHUNK_BYTES = 1 << 18
#: Maximum length of a word. In a damaged file the next space may be gigabytes away.
_MOST_WORD_BYTES = 1 << 16
#: The progress bar appears after this time.
_BAR_AFTER_SECONDS = 1.0
#: Rows whose numbers are checked at once, so that the check needs little memory.
_BLOCK = 8192
#: Number of words that a warning names.
_FIRST = 5


class CutOffError(Exception):
    """The file ends inside a row; the caller knows what is missing."""


class Source:
    """An open file of word vectors, read piece by piece, by length or up to a mark.

    Args:
        name: name of the file for error messages.
        file: the unzipped stream. Iterate over it for lines, or call the methods, but not both.
        advance: function that moves the progress bar to the position of the stream.

    Attributes:
        head: the first bytes, unzipped; `file` starts with them too.

    Example (needs an open file):
        >>> word, vector = source.until(b" "), source.take(4 * dim)
    """

    def __init__(self, name: str, file: BinaryIO, advance: Callable[[], object]) -> None:
        self.name, self.file, self.advance = name, file, advance
        self.head = file.read(_HEAD_BYTES)
        if not self.head:
            raise UserError(f"{name} is empty.")
        file.seek(0)
        self._chunk, self._start, self._offset = b"", 0, 0

    @property
    def position(self) -> int:
        """Number of bytes read by the methods."""
        return self._offset + self._start

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes; raise `CutOffError` if there are fewer."""
        if self._start + size > len(self._chunk):
            self._read_on(size)
            if size > len(self._chunk):
                raise CutOffError
        self._start += size
        return self._chunk[self._start - size : self._start]

    def until(self, mark: bytes) -> bytes:
        """Return the bytes before the next `mark`, a single byte, and skip it; raise `CutOffError` if there is none.

        Raises:
            UserError: if there is no mark within the maximum length of a word.
        """
        end = self._chunk.find(mark, self._start)
        if end < 0:
            self._read_on(_MOST_WORD_BYTES)
            end = self._chunk.find(mark)
            if end < 0:
                if len(self._chunk) < _MOST_WORD_BYTES:
                    raise CutOffError
                raise UserError(f"{self.name}, byte {self.position}: the word that begins here has no end.")
        taken = self._chunk[self._start : end]
        self._start = end + 1
        return taken

    def unpack(self, form: str) -> tuple[Any, ...]:
        """Return the next values, as `struct.unpack` reads them; raise `CutOffError` if there are fewer."""
        return struct.unpack(form, self.take(struct.calcsize(form)))

    def rest_is_blank(self) -> bool:
        """Return whether only white space follows, as far as the current chunk."""
        self._read_on(1)
        return not self._chunk.strip()

    def _read_on(self, size: int) -> None:
        """Drop the bytes already read, and buffer at least `size` bytes, or all that are left."""
        self._offset += self._start
        kept = self._chunk[self._start :]
        self._chunk = kept + self.file.read(max(size - len(kept), _CHUNK_BYTES))
        self._start = 0


@contextmanager
def opened(path: str | os.PathLike[str], progress_bar: bool) -> Iterator[Source]:
    """Open a file, gzipped or not; errors of the file system and of gzip become a `UserError`.

    Args:
        path: the file.
        progress_bar: show one on standard error if it takes more than a second.

    Raises:
        UserError: if the file is missing, empty, not a file, or its compression is damaged.

    Example:
        >>> with opened("vectors.vec.gz", progress_bar=False) as source:
        ...     next(source.file)
        b'2 3\\n'
    """
    path = Path(path)
    options = {"delay": _BAR_AFTER_SECONDS, "disable": not progress_bar, "unit": "B", "unit_scale": True}
    try:
        with path.open("rb") as raw, tqdm(total=path.stat().st_size, desc=f"reading {path.name}", **options) as bar:
            zipped = raw.peek(len(_GZIP)).startswith(_GZIP)
            file = cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if zipped else raw
            # In bytes on the disk: the unzipped size isn't known.
            yield Source(str(path), file, lambda: bar.update(raw.tell() - bar.n))
    except FileNotFoundError:
        raise UserError(f"{path} is missing.") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path} is damaged or cut off: it can't be unzipped ({error}).") from None
    except OSError as error:
        raise UserError(f"{path} can't be read as word vectors: {error.strerror or error}.") from None


class RowCollector:
    """Collect the wanted words and their vectors.

    Args:
        name: name of the file for error messages.
        dim: D, the length of the vectors.
        wanted: words to keep, in any case; None keeps all.

    Example:
        >>> kept = RowCollector("vectors.bin", 2, wanted=["paris"])
        >>> kept.keeps(b"Paris"), kept.keeps(b"London"), list(kept.index)
        (True, False, ['Paris'])
    """

    def __init__(self, name: str, dim: int, wanted: Iterable[str] | None) -> None:
        self.name, self.dim = name, dim
        self.index: dict[str, int] = {}
        # Grows in place, without a copy at the end: peak memory is the size of the result.
        self._numbers = bytearray()
        self._places = array("q")
        self._wanted = None if wanted is None else {_folded(word) for word in wanted}
        self._first: list[bytes] = []
        self._duplicates = self._unusable = 0

    def keeps(self, word: bytes) -> bool:
        """Return whether to keep the row of a word. If True, call `add` next, in the order of the rows."""
        if len(self._first) < _FIRST:
            self._first.append(word)
        # Nearly all rows of a large file end here, without a string being made.
        if self._wanted is not None and word.isascii() and word.lower() not in self._wanted:
            return False
        try:
            text = word.decode("utf-8")
        except UnicodeDecodeError:
            text = ""
        if not text or " " in text:
            self._unusable += 1
            return False
        if self._wanted is not None and _folded(text) not in self._wanted:
            return False
        if text in self.index:
            self._duplicates += 1
            return False
        self.index[text] = len(self.index)
        return True

    def add(self, vector: bytes, place: int) -> None:
        """Add the vector of a row, D float32 as bytes, and its line or byte."""
        self._numbers += vector
        self._places.append(place)

    def vectors(self, unit: str) -> npt.NDArray[np.float32]:
        """Return the vectors, float32 `[N, D]`.

        Args:
            unit: what the places of rows are, `line` or `byte`, for error messages.

        Raises:
            UserError: if there are no rows, or a number is NaN or infinite.
        """
        if not self._first:
            raise UserError(f"{self.name} holds no word vectors.")
        vectors = finite(self._numbers, self.dim, lambda row: f"{self.name}, {unit} {self._places[row]}")
        repeated = "rows repeat a word. The first vector of each word is kept."
        left_out = "rows are left out, because their words are empty, hold a space or aren't valid UTF-8."
        for count, problem in ((self._duplicates, repeated), (self._unusable, left_out)):
            if count:
                warnings.warn(f"{self.name}: {count} {problem}", stacklevel=4)
        if self._wanted and not self.index:
            first = ", ".join(word.decode("utf-8", "replace") for word in self._first)
            warnings.warn(f"{self.name} has none of the {len(self._wanted)} words. It begins: {first}", stacklevel=4)
        return vectors


def finite(numbers: bytearray, dim: int, place: Callable[[int], str]) -> npt.NDArray[np.float32]:
    """Return little-endian float32 as an array `[N, D]`, without a copy.

    Args:
        numbers: 4 N D bytes.
        dim: D.
        place: returns the name of a row for error messages.

    Raises:
        UserError: if a number is NaN or infinite.

    Example:
        >>> finite(bytearray(8), 2, lambda row: f"row {row}")
        array([[0., 0.]], dtype=float32)
    """
    vectors = np.frombuffer(numbers, "<f4").reshape(-1, dim)
    for start in range(0, len(vectors), _BLOCK):
        wrong = ~np.isfinite(vectors[start : start + _BLOCK]).all(axis=1)
        if wrong.any():
            row = start + int(wrong.argmax())
            raise UserError(f"{place(row)}: the vector has numbers that are infinite, too large for float32, or NaN.")
    return vectors.astype(np.float32, copy=False)


def _folded(word: str) -> bytes:
    # A lone surrogate must not fail here: no file contains one.
    return word.lower().encode("utf-8", "surrogatepass")
