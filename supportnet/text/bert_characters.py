"""What each character becomes before WordPiece divides words: the normalization of the BERT family.

The table is `bert_characters.txt`, made by `tools/make_bert_characters.py`, which documents the readings. The steps are
those of BERT (Devlin et al. 2019, BERT: Pre-training of Deep Bidirectional Transformers), in the order of the library
`tokenizers`: delete control characters; put spaces around Han characters; decompose and delete nonspacing marks; lower
the case; split at white space; make a word of each punctuation character. Each code point is read alone, so all steps
together are one table: code point -> at most three code points, spaces included.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from supportnet.text.code_points import NUM_CODE_POINTS, TwoStages, read_lines

#: Fills an entry of fewer than three code points; `str.translate` and `UnicodeEncode` leave it out.
NOTHING = -1

_SPACE = ord(" ")
_FILE = Path(__file__).with_name("bert_characters.txt")
# The arithmetic of Hangul syllables (The Unicode Standard, 3.12): the first code points of syllables, initial
# consonants, vowels and final consonants, and the numbers of vowels and of finals with none as the first.
_SYLLABLE, _INITIAL, _VOWEL, _FINAL = 0xAC00, 0x1100, 0x1161, 0x11A7
_NUM_VOWELS, _NUM_FINALS = 21, 28


class Expansion(TwoStages):
    """A map of code points to texts of at most three, usable as the table of `str.translate`.

    Example:
        >>> "Zoë's 猫".translate(bert_characters())
        "zoe ' s  猫 "
    """

    def __getitem__(self, code_point: int) -> str:
        """Return the text that a code point becomes."""
        return "".join(chr(value or code_point) for value in self.entry(code_point).tolist() if value != NOTHING)


@cache
def bert_characters(
    lowercase: bool = True, strip_accents: bool = True, clean_text: bool = True, handle_chinese_chars: bool = True
) -> Expansion:
    """Return the map of characters of a tokenizer.

    Args:
        lowercase: lower the case.
        strip_accents: decompose characters and delete nonspacing marks.
        clean_text: delete control and format characters, private use, U+0000 and U+FFFD. Without it, those that are no
            white space are parts of words.
        handle_chinese_chars: make each Han character a word.
    """
    targets = np.full((NUM_CODE_POINTS, 3), NOTHING)
    targets[:, 0] = np.arange(NUM_CODE_POINTS)
    if strip_accents:
        _divide(targets)
        targets[_are("mark")[:-1]] = NOTHING
    if lowercase:
        targets = _lower(targets)
    targets[_are("white")[targets[:, 0]]] = (_SPACE, NOTHING, NOTHING)
    own = _are("punctuation")[targets[:, 0]]
    if handle_chinese_chars:
        own |= _are("chinese")[:-1]
    targets[own] = np.stack([np.full(own.sum(), _SPACE), targets[own, 0], np.full(own.sum(), _SPACE)], axis=1)
    if clean_text:
        targets[_are("delete")[:-1]] = NOTHING
    return Expansion.of(targets.astype(np.int32))


def _runs(name: str) -> Iterator[tuple[range, list[str]]]:
    """Yield the code points that have a reading, and what it says of them."""
    for run, reading in read_lines(_FILE):
        first, *values = reading.split()
        if first == name:
            yield run, values


def _are(name: str) -> npt.NDArray[np.bool_]:
    """Return which code points have a reading, bool `[1114113]`; the last entry, False, is that of `NOTHING`."""
    found = np.zeros(NUM_CODE_POINTS + 1, bool)
    for run, _ in _runs(name):
        found[run] = True
    return found


def _divide(targets: npt.NDArray[np.int_]) -> None:
    """Decompose the code points that have parts."""
    for run, parts in _runs("parts"):
        targets[run] = _filled(parts)
    for run, _ in _runs("hangul"):
        syllables = np.asarray(run) - _SYLLABLE
        final = syllables % _NUM_FINALS
        targets[run, 0] = _INITIAL + syllables // (_NUM_FINALS * _NUM_VOWELS)
        targets[run, 1] = _VOWEL + syllables // _NUM_FINALS % _NUM_VOWELS
        targets[run, 2] = np.where(final > 0, _FINAL + final, NOTHING)


def _lower(targets: npt.NDArray[np.int_]) -> npt.NDArray[np.int_]:
    """Return the targets in lower case; one that becomes two code points must be an entry's only one."""
    forms = np.full((NUM_CODE_POINTS + 1, 3), NOTHING)
    forms[:-1, 0] = np.arange(NUM_CODE_POINTS)
    for run, values in _runs("lower"):
        forms[run] = _filled(values)
        if values[0][0] in "+-":
            forms[run, 0] = np.asarray(run) + int(values[0])
    result = forms[targets[:, 0]]
    result[:, 1:] = np.where(result[:, 1:] == NOTHING, forms[targets[:, 1:], 0], result[:, 1:])
    return result


def _filled(code_points: list[str]) -> list[int]:
    """Return code points in hexadecimal as an entry."""
    return ([int(code_point, 16) for code_point in code_points] + [NOTHING] * 3)[:3]
