"""Make `supportnet/text/code_points.txt`: what the text pipeline reads each Unicode code point as.

Run it with a Python whose `unicodedata` is Unicode 14 (Python 3.11), so that the file stays the same:

    python tools/make_code_points.py > supportnet/text/code_points.txt

The file exists because Python versions, ICU and RE2 disagree on thousands of code points, and ICU's lower
case follows the locale. The rules, first match wins:

1. `OVERRIDES`, `TO_SPACE` and `DELETED`, below, each with its reason;
2. a code point with a compatibility form of one code point is read as that form (NFKC: full-width A is A), an upper
   case letter as its lower case where that is one code point, a decimal digit of any script as the ASCII digit;
3. letters, marks and numbers are parts of words; currency signs and other symbols (emoji) are tokens of their own;
   invisible format characters are deleted; all else (punctuation, controls, private use, unassigned) is a space.
"""

import sys
import unicodedata
from collections.abc import Iterator
from itertools import groupby

UNICODE_VERSION = "14.0.0"

HEADER = f"""\
# Made by tools/make_code_points.py from Unicode {UNICODE_VERSION}. Don't edit: change the tool.
# FIRST[..LAST[/STEP]] READING, code points in hexadecimal. What no line names is read as a space.
# keep: itself, as part of a word | own: itself, as a token of its own | ascii: itself, the rules decide
# delete: nothing | +N, -N: the code point N further | =XXXX: the code point XXXX
"""

#: Read as the character given: forms of ASCII characters that NFKC doesn't know, and letters whose lower case
#: depends on their place or on the language.
OVERRIDES = {
    **dict.fromkeys("‘’‛ʹʻʼʽˈ′‵ꞌ`´＇｀", "'"),
    **dict.fromkeys("‐‑‒–—―−⁃﹘﹣－", "-"),
    **dict.fromkeys("؟⸮‽՞", "?"),
    **{"٪": "%", "٫": ".", "٬": ",", "。": ".", "｡": ".", "İ": "i", "ς": "σ"},
}

#: Symbols that are layout, not meaning: arrows, table lines, bullets, trade marks, the object replacement character;
#: < and >, because no text may look like a special token; the zero-width space, which separates words in Thai.
TO_SPACE = {*map(ord, "<>＜＞﹤﹥©®™℠\ufffc\ufffd\u200b"), *range(0x2190, 0x2200), *range(0x2500, 0x2600)}

#: Default-ignorable characters that are not of category Cf: variation selectors, the grapheme joiner, fillers; and
#: skin tones (who a customer is must not steer an answer). `kind` adds the categories Cf and Me (keycap emoji).
DELETED = {
    *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0), *range(0x180B, 0x1810), 0x034F, 0x115F, 0x1160, 0x17B4,
    0x17B5, 0x3164, 0xFFA0, *range(0x1F3FB, 0x1F400),
}  # fmt: skip

#: Unassigned code points here are reserved for emoji of later Unicode versions.
FUTURE_EMOJI = range(0x1F000, 0x1FB00)


def folded(character: str) -> str:
    """Return the one character that `character` is read as by rule 2."""
    while True:
        form = unicodedata.normalize("NFKC", character)
        form = OVERRIDES.get(form, form if len(form) == 1 else character)
        lower = form.lower() if len(form.lower()) == 1 else form
        digit = unicodedata.decimal(lower, None)
        result = lower if digit is None else str(digit)
        if result == character:
            return result
        character = result


def kind(character: str) -> str:
    """Return what a character that is read as itself is: `keep`, `own`, `ascii`, `delete` or `space`."""
    category = unicodedata.category(character)
    if character.isascii():
        return "keep" if character.isalnum() else "ascii" if character.isprintable() and character != " " else "space"
    if category in ("Cf", "Me"):
        return "delete"
    if category[0] in "LMN":
        return "keep"
    if category in ("Sc", "So") or (category == "Cn" and ord(character) in FUTURE_EMOJI):
        return "own"
    return "space"


def reading(code_point: int) -> str:
    """Return the reading of one code point, as the file spells it."""
    character = chr(code_point)
    if code_point in TO_SPACE or 0xD800 <= code_point <= 0xDFFF:
        return "space"
    if code_point in DELETED or kind(character) == "delete":
        return "delete"
    target = folded(OVERRIDES.get(character, character))
    if target == character or kind(target) in ("space", "delete") or ord(target) in TO_SPACE:
        return kind(character if target == character else target)
    return f"{ord(target) - code_point:+d}"


def runs(readings: list[str], unnamed: str = "space") -> Iterator[tuple[int, int, int, str]]:
    """Yield (first, last, step, reading) but for `unnamed`; upper and lower case that alternate make runs of step 2."""
    pending: list[tuple[int, int, int, str]] = []
    position = 0
    for value, group in groupby(readings):
        first, position = position, position + len(list(group))
        if value == unnamed:
            continue
        run = (first, position - 1, 1, value)
        for index in (-2, -1):
            if len(pending) >= -index and continues(pending[index], run):
                pending[index] = (pending[index][0], first, 2, value)
                break
        else:
            pending.append(run)
    yield from pending


def continues(before: tuple[int, int, int, str], run: tuple[int, int, int, str]) -> bool:
    """Tell whether `run` is one code point that continues the run of step 2 (or the single one) `before`."""
    single = before[0] == before[1]
    return (single or before[2] == 2) and run[0] == run[1] == before[1] + 2 and before[3] == run[3]


def line(first: int, last: int, step: int, value: str) -> str:
    """Return one line of the file; a code point alone is easier to read with its target than a distance."""
    if first == last and value[0] in "+-":
        return f"{first:04X} ={first + int(value):04X}"
    where = f"{first:04X}..{last:04X}" if last > first else f"{first:04X}"
    return f"{where}/2 {value}" if step == 2 else f"{where} {value}"


def main() -> None:
    """Write the file to standard output."""
    if unicodedata.unidata_version != UNICODE_VERSION:
        sys.exit(f"The file is made from Unicode {UNICODE_VERSION}; this Python knows {unicodedata.unidata_version}.")
    readings = [reading(code_point) for code_point in range(0x110000)]
    print(HEADER + "\n".join(line(*run) for run in runs(readings)))


if __name__ == "__main__":
    main()
