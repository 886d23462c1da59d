"""A file of word vectors as a stream of bytes: unzipped if need be, with a progress bar, and positions for errors."""

import gzip
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from tqdm import tqdm

from supportnet.errors import UserError

_GZIP = b"\x1f\x8b"
#: Enough of a file for the first row of any vectors that are in use.
_HEAD_BYTES = 1 << 16
#: Bytes that are read at a time: enough that calls cost nothing, little enough for a processor's cache.
_CHUNK_BYTES = 1 << 18
#: A word doesn't get longer than this. In a damaged file the next space may be gigabytes away.
_MOST_WORD_BYTES = 1 << 16
#: A bar is shown only for a file that takes longer than this to read.
_BAR_AFTER_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Source:
    """An open file of word vectors.

    Attributes:
        name: the file's name for error messages.
        head: the first bytes, unzipped; `file` stands before them.
        file: the stream, unzipped.
        advance: moves the progress bar to where the stream is.
    """

    name: str
    head: bytes
    file: BinaryIO
    advance: Callable[[], None]


@contextmanager
def opened(path: str | os.PathLike[str], progress_bar: bool) -> Iterator[Source]:
    """Open a file, gzipped or not; what the file system or gzip says against it becomes a `UserError`.

    Args:
        path: the file.
        progress_bar: show one on standard error if it takes more than a second.

    Raises:
        UserError: the file is missing, empty, no file, or its compression is damaged.

    Example:
        >>> with opened("vectors.vec.gz", progress_bar=False) as source:
        ...     first = next(source.file)
    """
    try:
        with Path(path).open("rb") as raw, _bar(path, progress_bar) as bar:
            zipped = raw.read(len(_GZIP)) == _GZIP
            raw.seek(0)
            file = cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if zipped else raw
            head = file.read(_HEAD_BYTES)
            if not head:
                raise UserError(f"{path} is empty.")
            file.seek(0)

            def advance() -> None:
                # In bytes on the disk: how many there are unzipped isn't known.
                bar.update(raw.tell() - bar.n)

            yield Source(str(path), head, file, advance)
    except FileNotFoundError:
        raise UserError(f"{path} is missing.") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path} is damaged or cut off: it can't be unzipped ({error}).") from None
    except OSError as error:
        raise UserError(f"{path} can't be read as word vectors: {error.strerror or error}.") from None


def _bar(path: str | os.PathLike[str], shown: bool) -> "tqdm[None]":
    size, name = Path(path).stat().st_size, Path(path).name
    units = {"unit": "B", "unit_scale": True}
    return tqdm(total=size, desc=f"reading {name}", delay=_BAR_AFTER_SECONDS, disable=not shown, **units)


class ByteReader:
    """Takes pieces of known length, or up to a mark, from a source, and knows at which byte it stands.

    Example:
        >>> with opened("vectors.vec.gz", progress_bar=False) as source:
        ...     ByteReader(source).until(b" ")
        b'2'
    """

    def __init__(self, source: Source) -> None:
        self._file = source.file
        self._name = source.name
        self._chunk = b""
        self._start = 0
        self._offset = 0

    @property
    def position(self) -> int:
        """The number of bytes that were taken."""
        return self._offset + self._start

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes; `CutOffError` if there are fewer."""
        end = self._start + size
        if end > len(self._chunk):
            self._read_on(size)
            end = size
            if end > len(self._chunk):
                raise CutOffError
        taken = self._chunk[self._start : end]
        self._start = end
        return taken

    def until(self, mark: bytes) -> bytes:
        """Return what is before the next `mark`, a single byte, and go behind it; `CutOffError` if there is none.

        Raises:
            UserError: no word is that long.
        """
        end = self._chunk.find(mark, self._start)
        if end < 0:
            self._read_on(_MOST_WORD_BYTES)
            end = self._chunk.find(mark)
            if end < 0:
                if len(self._chunk) < _MOST_WORD_BYTES:
                    raise CutOffError
                raise UserError(f"{self._name}, byte {self.position}: the word that begins here has no end.")
        taken = self._chunk[self._start : end]
        self._start = end + 1
        return taken

    def rest_is_blank(self) -> bool:
        """Return whether nothing but white space follows, within reason."""
        self._read_on(1)
        return not self._chunk.strip()

    def _read_on(self, size: int) -> None:
        """Drop what was taken and have at least `size` bytes, or all that are left."""
        self._offset += self._start
        kept = self._chunk[self._start :]
        self._chunk = kept + self._file.read(max(size - len(kept), _CHUNK_BYTES))
        self._start = 0


class CutOffError(Exception):
    """The file ends inside a row; whoever reads it knows what is missing."""
