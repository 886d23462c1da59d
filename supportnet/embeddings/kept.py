"""The rows of a file that are kept: which words are needed, their vectors, and what is wrong with them."""

import warnings
from array import array
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from supportnet.embeddings.word2vec import FLOAT_BYTES
from supportnet.errors import UserError

#: Rows whose numbers are checked at once, so that the check needs little memory.
_BLOCK = 8192
#: How many words a warning names.
_FIRST = 5


class KeptRows:
    """Collects words and their vectors.

    Args:
        name: the file's name for error messages.
        dim: D, the length of the vectors.
        wanted: words to keep, whatever their case; None keeps all.

    Example:
        >>> kept = KeptRows("vectors.bin", 2, wanted=["paris"])
        >>> kept.keeps(b"Paris"), kept.keeps(b"London"), list(kept.index)
        (True, False, ['Paris'])
    """

    def __init__(self, name: str, dim: int, wanted: Iterable[str] | None) -> None:
        self.name = name
        self.dim = dim
        self.index: dict[str, int] = {}
        # Grows in place, without a copy at the end: the peak is what is kept.
        self._numbers = bytearray()
        self._places = array("q")
        self._wanted = None if wanted is None else {_folded(word) for word in wanted}
        self._first: list[bytes] = []
        self._duplicates = 0
        self._unusable = 0

    def keeps(self, word: bytes) -> bool:
        """Return whether a row is kept, by its word. If so, `add` must follow, for the rows in the same order."""
        if len(self._first) < _FIRST:
            self._first.append(word)
        # Nearly all rows of a large file end here: no string is made for them.
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
        """Keep the vector of a row, D float32 as bytes, and its line or byte."""
        self._numbers += vector
        self._places.append(place)

    def vectors(self, place: Callable[[int], str]) -> npt.NDArray[np.float32]:
        """Return the vectors, float32 `[N, D]`.

        Args:
            place: names a row's line or byte.

        Raises:
            UserError: there are no rows, or a number is NaN or infinite.
        """
        if not self._first:
            raise UserError(f"{self.name} holds no word vectors.")
        vectors = finite(self._numbers, self.dim, lambda row: f"{self.name}, {place(self._places[row])}")
        self._warn()
        return vectors

    def _warn(self) -> None:
        if self._duplicates:
            warnings.warn(
                f"{self.name}: {self._duplicates} rows repeat a word. The first vector of each word is kept.",
                stacklevel=5,
            )
        if self._unusable:
            warnings.warn(
                f"{self.name}: {self._unusable} rows are left out, because their words are empty, hold a space or "
                "aren't valid UTF-8.",
                stacklevel=5,
            )
        if self._wanted and not self.index:
            first = ", ".join(word.decode("utf-8", "replace") for word in self._first)
            warnings.warn(f"{self.name} has none of the {len(self._wanted)} words. It begins: {first}", stacklevel=5)


def finite(numbers: bytearray, dim: int, place: Callable[[int], str]) -> npt.NDArray[np.float32]:
    """Return little-endian float32 as an array `[N, D]`, without a copy.

    Args:
        numbers: 4 N D bytes.
        dim: D.
        place: names a row in an error message.

    Raises:
        UserError: a number is NaN or infinite.

    Example:
        >>> finite(bytearray(8), 2, lambda row: f"row {row}")
        array([[0., 0.]], dtype=float32)
    """
    count = len(numbers) // (FLOAT_BYTES * dim)
    vectors = np.frombuffer(numbers, "<f4").reshape(count, dim)
    for start in range(0, count, _BLOCK):
        wrong = ~np.isfinite(vectors[start : start + _BLOCK]).all(axis=1)
        if wrong.any():
            row = start + int(wrong.argmax())
            raise UserError(f"{place(row)}: the vector has numbers that are infinite, too large for float32, or NaN.")
    return vectors.astype(np.float32, copy=False)


def _folded(word: str) -> bytes:
    # A lone surrogate in a word must not fail here: it is found in no file.
    return word.lower().encode("utf-8", "surrogatepass")
