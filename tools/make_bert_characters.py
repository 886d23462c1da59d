"""Make `supportnet/text/bert_characters.txt`: what tokenizers of the BERT family read each code point as.

Run it with a Python whose `unicodedata` is Unicode 14 (Python 3.11), so that the file stays the same:

    python tools/make_bert_characters.py > supportnet/text/bert_characters.txt

The reference is the library `tokenizers`, which mixes tables: categories of Unicode 8, decompositions of Unicode 12,
lower case of its compiler. Where Unicode 14 differs from it, `NEWER`, `CHANGED` and `UNDIVIDED` name the code points,
so that a model gets the pieces that it was trained with. Lower case of letters after Unicode 14 is left out.
"""

import sys
import unicodedata
from collections.abc import Callable, Iterable
from itertools import chain

from make_code_points import UNICODE_VERSION, runs

HEADER = f"""\
# Made by tools/make_bert_characters.py from Unicode {UNICODE_VERSION}. Don't edit: change the tool.
# FIRST[..LAST[/STEP]] READING, code points in hexadecimal. A code point may have several readings.
# white: white space | delete: deleted by `clean_text` | chinese: a word of its own by `handle_chinese_chars`
# punctuation: a word of its own | mark: nonspacing, deleted by `strip_accents`
# parts XXXX...: canonical decomposition without nonspacing marks | hangul: syllables, divided by arithmetic
# lower +N, -N: lower case is the code point N further | lower XXXX...: lower case
"""

#: Nonspacing marks, punctuation and format characters between these came after Unicode 8: parts of words.
NEWER = """061D 07FD 0890-08E2 09FD-09FE 0A76 0AFA-0AFF 0B55 0C04-0C3C 0C77 0C84 0D00 0D3B-0D3C 0D81 0EBA 180F-1886
1ABF-1ACE 1B7D-1B7E 1DF6-1DFB 2E43-2E5D A82C A8C5 A8FF A9BD 10D24-10F89 11070-11074 110C2-110CD 111CF 1123E 1133B
11438-1145E 11660-1166C 116B9 1182F-11FFF 12FF1-13438 16E97-16F4F 16FE2-16FE4 1CF00-1CF46 1E000-1E2EF 1E944-1E95F"""

#: Code points whose category was another one in Unicode 8.
CHANGED = {0x166D: "Po", 0x1734: "Mn", 0x111C9: "Po"}

#: Code points whose decomposition the library doesn't know.
UNDIVIDED = {0x11938}

#: White_Space of Unicode. Python's `isspace` has four control characters more.
WHITE_SPACE = {character for character in map(chr, range(0x110000)) if character.isspace()} - set("\x1c\x1d\x1e\x1f")

#: Han characters, as BERT's first tokenizer names them; the library begins one block at 2B920 in place of 2B820.
CHINESE = [
    *(range(0x3400, 0x4DC0), range(0x4E00, 0xA000), range(0xF900, 0xFB00), range(0x20000, 0x2A6E0)),
    *(range(0x2A700, 0x2B820), range(0x2B920, 0x2CEB0), range(0x2F800, 0x2FA20)),
]


def newer_code_points() -> set[int]:
    """Return the code points between those of `NEWER`."""
    bounds = [[int(code_point, 16) for code_point in run.split("-")] for run in NEWER.split()]
    return set(chain.from_iterable(range(run[0], run[-1] + 1) for run in bounds))


_NEWER = newer_code_points()


def category(character: str) -> str:
    """Return the category that the library knows; `Cn` for marks, punctuation and format characters of `NEWER`."""
    known = CHANGED.get(ord(character), unicodedata.category(character))
    is_newer = ord(character) in _NEWER and (known in ("Mn", "Cf") or known[0] == "P")
    return "Cn" if is_newer else known


def is_white(character: str) -> str:
    """Return the reading `white`, or none."""
    return "white" if character in WHITE_SPACE else ""


def is_deleted(character: str) -> str:
    """Return the reading `delete`, or none; a tabulator and line ends are white space, other controls nothing."""
    is_control = category(character) in ("Cc", "Cf", "Co", "Cs") and character not in "\t\n\r"
    return "delete" if is_control or character == "\ufffd" else ""


def is_chinese(character: str) -> str:
    """Return the reading `chinese`, or none."""
    return "chinese" if any(ord(character) in block for block in CHINESE) else ""


def is_punctuation(character: str) -> str:
    """Return the reading `punctuation`, or none; every ASCII symbol counts as such."""
    is_symbol = character.isascii() and character.isprintable() and not character.isalnum() and character != " "
    return "punctuation" if is_symbol or category(character)[0] == "P" else ""


def is_mark(character: str) -> str:
    """Return the reading `mark`, or none."""
    return "mark" if category(character) == "Mn" else ""


def parts(character: str) -> str:
    """Return the reading `parts` or `hangul`, or none."""
    if 0xAC00 <= ord(character) <= 0xD7A3:
        return "hangul"
    divided = unicodedata.normalize("NFD", character)
    if divided == character or ord(character) in UNDIVIDED or is_mark(character):
        return ""
    return f"parts {spelled(part for part in divided if not is_mark(part))}"


def lower(character: str) -> str:
    """Return the reading `lower`, or none."""
    form = character.lower()
    if form == character:
        return ""
    return f"lower {ord(form) - ord(character):+d}" if len(form) == 1 else f"lower {spelled(form)}"


def spelled(characters: Iterable[str]) -> str:
    """Return code points in hexadecimal."""
    return " ".join(f"{ord(character):04X}" for character in characters)


READINGS: list[Callable[[str], str]] = [is_white, is_deleted, is_chinese, is_punctuation, is_mark, parts, lower]


def main() -> None:
    """Write the file to standard output."""
    if unicodedata.unidata_version != UNICODE_VERSION:
        sys.exit(f"The file is made from Unicode {UNICODE_VERSION}; this Python knows {unicodedata.unidata_version}.")
    print(HEADER, end="")
    for reading in READINGS:
        for first, last, step, value in runs(list(map(reading, map(chr, range(0x110000)))), unnamed=""):
            where = f"{first:04X}..{last:04X}" if last > first else f"{first:04X}"
            print(f"{where}/2 {value}" if step == 2 else f"{where} {value}")


if __name__ == "__main__":
    main()
