"""Fold Unicode code points: one table for the Python reference and for the TensorFlow graph.

The table is `code_points.txt`, made by `tools/make_code_points.py`, which documents the rules. Neither the Unicode
tables of Python, ICU and RE2 nor the locale are used, so the result is the same everywhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from supportnet.checks import check_choice

#: Marks code points to delete in a folded text. The character itself folds to a space.
DELETE = "\x7f"

#: In `article` mode, characters that the article's cleaning removes fold to one of these two: letters of the European
#: scripts, which may be part of a mail address, to the first, all others to the second.
LETTER, OTHER = "\u00e0", "\u00b7"

#: The letters of Latin, Greek and Cyrillic outside ASCII, and their combining marks, as a range of a class.
EUROPEAN = "\u00c0-\u052f"

#: `unicode`, the default, keeps the words of every script; `article` keeps ASCII letters only.
MODES = ("unicode", "article")

#: The 29 code points that are white space for Python's `\s` and `str.split`.
WHITESPACE = (
    *range(0x09, 0x0E), *range(0x1C, 0x21), 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029,
    0x202F, 0x205F, 0x3000,
)  # fmt: skip

#: Code points of Unicode, assigned or not.
NUM_CODE_POINTS = 0x110000
_BLOCK = 256
_FILE = Path(__file__).with_name("code_points.txt")


@dataclass(frozen=True, eq=False)
class TwoStages:
    """A table over all code points in two stages, so that it takes 150 KB in a graph instead of 4 MB.

    `blocks` int32 `[4352]` has the offset in `values` of each block's 256 entries, and most blocks are equal. `values`
    is int32, `[V]` or `[V, N]`; 0 means "the code point itself".
    """

    blocks: npt.NDArray[np.int32]
    values: npt.NDArray[np.int32]

    def entry(self, code_point: int) -> Any:
        """Return the entry of a code point."""
        return self.values[self.blocks[code_point >> 8] + (code_point & 255)]

    @classmethod
    def of(cls, targets: npt.NDArray[np.int32]) -> Self:
        """Make a table from the targets of every code point, int32 `[1114112]` or `[1114112, N]`."""
        itself = np.arange(NUM_CODE_POINTS).reshape(-1, *[1] * (targets.ndim - 1))
        relative = np.where(targets == itself, 0, targets).astype(np.int32)
        unique: dict[bytes, int] = {}
        blocks = relative.reshape(-1, _BLOCK, *targets.shape[1:])
        starts = [unique.setdefault(block.tobytes(), _BLOCK * len(unique)) for block in blocks]
        values = np.frombuffer(b"".join(unique), np.int32).reshape(-1, *targets.shape[1:])
        return cls(np.array(starts, np.int32), values)


class Fold(TwoStages):
    """A map of code points to code points, usable as the table of `str.translate`.

    Example:
        >>> "ÉTÉ\u00a0Ａ".translate(fold("unicode"))
        'été a'
    """

    def __getitem__(self, code_point: int) -> int:
        """Return the folded code point."""
        return int(self.entry(code_point)) or code_point


def read_lines(path: Path) -> Iterator[tuple[range, str]]:
    """Yield code points and how they are read, from the lines of a file: `FIRST[..LAST[/STEP]] READING`."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            where, _, reading = line.partition(" ")
            where, _, step = where.partition("/")
            first, _, last = where.partition("..")
            yield range(int(first, 16), int(last or first, 16) + 1, int(step or 1)), reading


@cache
def fold(mode: str) -> Fold:
    """Return the fold of a mode.

    Args:
        mode: `unicode` (lower case, ASCII digits, plain spaces and apostrophes, the letters of every script) or
            `article` (lower-case ASCII letters and spaces, and the characters that redaction needs).

    Raises:
        UserError: if there is no such mode.
    """
    check_choice("mode", mode, MODES)
    targets = np.full(NUM_CODE_POINTS, ord(" "), np.int32)
    for run, reading in read_lines(_FILE):
        if reading.startswith("=") or reading == "delete":
            targets[run] = int(reading[1:], 16) if reading.startswith("=") else ord(DELETE)
        else:
            targets[run] = np.asarray(run, np.int32) + (int(reading) if reading[0] in "+-" else 0)
    return Fold.of(targets if mode == "unicode" else _article_targets(targets))


def _article_targets(targets: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Derive the article's fold: no other letter may become an ASCII letter, since those are kept."""
    code_points = np.arange(NUM_CODE_POINTS)
    ascii_letters = (targets >= ord("a")) & (targets <= ord("z"))
    european = (targets >= ord(EUROPEAN[0])) & (targets <= ord(EUROPEAN[-1]))
    letters = (ascii_letters & (code_points > 127)) | european
    result = np.where(letters, ord(LETTER), np.where(targets > 127, ord(OTHER), targets))
    result[targets == ord(" ")] = ord(DELETE)
    result[[ord("<"), ord(">")]] = ord(OTHER)
    result[list(WHITESPACE)] = ord(" ")
    return result.astype(np.int32)


@cache
def own_tokens() -> str:
    """Return the characters that are tokens of their own, such as emoji and currency signs, as the body of a class."""
    runs = [run for run, reading in read_lines(_FILE) if reading == "own"]
    return "".join(f"{chr(run[0])}-{chr(run[-1])}" if run.step == 1 else "".join(map(chr, run)) for run in runs)
