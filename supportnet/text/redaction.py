"""Find personal data in a text, and redact it.

Regular expressions over the folded text (lower case, plain digits, single spaces) find mail addresses, web
addresses, IBANs, IP addresses, telephone and card numbers, and other numbers of five or more digits (orders,
accounts). They run in a fixed order, so that a card's digits aren't taken for a telephone number, and the graph runs
the same ones. They go by shape alone, without checksums: RE2 can't count, and a card number with a typing error is
personal too.

Data without a recognizable shape isn't found: names, postal addresses, dates of birth, passwords, numbers of four
digits or fewer. Nor are values that are split in an unknown way (a card's digits with commas in between, `ann at
example.com`), or parts of values (the letters of an IBAN that begins `GB 29`). A vocabulary's minimum count keeps out
values that occur once; more frequent ones become tokens.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from supportnet.text.code_points import DELETE, EUROPEAN, fold
from supportnet.text.special_tokens import PLACEHOLDERS


class Rule(NamedTuple):
    """Replace every match of `pattern` by `rewrite`, in which `\\1` is the first group.

    `re.sub(pattern, rewrite, text, flags=re.ASCII)` and `tf.strings.regex_replace(text, pattern, rewrite)` must give
    the same, so a pattern uses only what both engines define alike: no look-around, no `(?i)` (RE2 folds the Kelvin
    sign to k), no `\\s`, `\\w` or `\\p{...}`, explicit classes, at most nine groups. `\\b` is ASCII in both.
    Repetitions are bounded wherever a failed match could restart at each character, so that Python's time is linear,
    as RE2's is.
    """

    pattern: str
    rewrite: str


_LETTER = f"a-z0-9{EUROPEAN}_"
_IN_URL = f"[!-;=?-~{EUROPEAN}]"
_END_OF_URL = f"[a-z0-9{EUROPEAN}/=_~&#%+$@*-]"
_REST = f"(?:{_IN_URL}*{_END_OF_URL})"
# Top-level domains, without those that are words people write after a full stop without a space.
_COMMON_TLD = "com|org|net|edu|gov|info|biz|io|eu|uk|de|fr|nl|pl|ru|ch|au|ca|jp|cn|br|mx"

_LOCAL = f"[{_LETTER}][{_LETTER}.+'%&-]{{0,63}}"
_LABEL = f"[{_LETTER}-]+"
_AT = r" ?(?:@|\((?:at|@)\)|\[(?:at|@)\]|\{(?:at|@)\}) ?"
_SPELLED_DOT = r"(?: ?(?:\(dot\)|\[dot\]|\{dot\}) ?| dot )"
_DOT = rf"(?:\.|{_SPELLED_DOT})"

_HEX = "[0-9a-f]{1,4}"
_MAPPED_IPV4 = r"(?:(?:\.[0-9]{1,3}){3})?"

#: (kind, pattern) in the order in which they run. No match is shorter than three characters.
PATTERNS: tuple[tuple[str, str], ...] = (
    # https://example.com/a?b=c, www.example.com
    ("url", rf"\b(?:[a-z][a-z0-9+.-]{{1,11}}://|www\.){_IN_URL}*{_END_OF_URL}"),
    # a@b.com, a (at) b (dot) com, a at b dot com, a@b
    (
        "email",
        f"{_LOCAL}(?:{_SPELLED_DOT}[{_LETTER}]{{1,63}}){{0,2}}"
        f"(?:{_AT}{_LABEL}(?:{_DOT}{_LABEL})+| at {_LABEL}(?: dot {_LABEL})+|@[a-z]{_LABEL})",
    ),
    # example.com, shop.example.de:8080/path, example.xyz/path
    (
        "url",
        rf"[{_LETTER}][{_LETTER}-]{{0,62}}(?:\.[{_LETTER}-]{{1,63}}){{0,3}}"
        rf"\.(?:(?:{_COMMON_TLD})\b(?::[0-9]{{2,5}}\b)?(?:/{_REST}?|[?#]{_REST})?|[a-z]{{2,24}}/{_REST}?)",
    ),
    # DE89 3704 0044 0532 0130 00, DE89370400440532013000
    (
        "iban",
        r"\b[a-z]{2}[0-9]{2}(?:[a-z0-9]{4}[0-9]{4}[a-z0-9]{3,22}"
        r"|[ ./_-][a-z0-9]{4}(?:[ ./_-][0-9][a-z0-9]{3}){1,6}(?:[ ./_-][0-9][a-z0-9]{0,3})?)\b",
    ),
    # +44 20 7946 0958, +1 (555) 010-1234, 0049 30 123456; 06.12.34.56.78, before it is taken for an IP address
    (
        "phone",
        r"(?:\+[ .-]?\(?|\b00)[1-9](?:[ ()./-]{0,3}[0-9]){5,13}[0-9]\b|\b0[1-9](?:\.[0-9]{2}){4}\b",
    ),
    # 2001:db8:0:0:0:0:0:1, fe80::1, ::ffff:192.0.2.1, 192.0.2.1, 192.0.2.1:8080
    (
        "ip",
        rf"\b{_HEX}(?::{_HEX}){{5,7}}{_MAPPED_IPV4}\b"
        rf"|\b{_HEX}(?::{_HEX}){{0,6}}::{_HEX}(?::{_HEX}){{0,6}}{_MAPPED_IPV4}\b"
        rf"|\b{_HEX}(?::{_HEX}){{1,6}}::"
        rf"|::(?:{_HEX}:){{0,6}}[0-9][0-9a-f]{{0,3}}{_MAPPED_IPV4}\b"
        r"|\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:[:/][0-9]{1,5})?\b",
    ),
    # 4111 1111 1111 1111, 3782-822463-10005, any 13 to 19 digits
    (
        "card",
        r"\b(?:[0-9]{4}(?:[ ./_-]{0,3}[0-9]{4}){3}(?:[ ./_-]{0,3}[0-9]{3})?"
        r"|[0-9]{4}[ ./_-]{0,3}[0-9]{6}[ ./_-]{0,3}[0-9]{4,5}|[0-9](?:[ -]?[0-9]){12,18})\b",
    ),
    (
        "phone",
        # (555) 010-1234, 1 (800) 555-0199
        r"(?:\b[0-9]{1,3}[ -]?)?\([0-9]{1,5}\)[ -]?[0-9](?:[ .-]?[0-9]){5,9}\b"
        # 020 7946 0958, 0171/1234567, 02 1234 5678, 07911123456
        r"|\b0[0-9]{2,4}[ ./-]{1,3}[0-9](?:[ ./-]?[0-9]){4,9}\b"
        r"|\b0[0-9][ -][0-9]{3,4}[ -]?[0-9]{3,4}\b|\b0[1-9][0-9]{8,9}\b"
        # 06 12 34 56 78, 12 34 56 78
        r"|\b[0-9]{2}(?:(?: [0-9]{2}){3,4}|(?:\.[0-9]{2}){3,4}|(?:-[0-9]{2}){3,4})\b"
        # 555-010-1234, 1 800 555 0199, 612 345 678, 55 1234 5678, 800 555 35 35, 555-0199
        r"|\b(?:[1-9][ .-])?[0-9]{3}[ .-][0-9]{3}[ .-](?:[0-9]{3,4}|[0-9]{2}[ .-][0-9]{2})\b"
        r"|\b[0-9]{2,3}[ -][0-9]{4}[ -][0-9]{4}\b|\b[0-9]{3}-[0-9]{4}\b",
    ),
    # 12345, AB123456, ORD-20240012, 123-1234567-1234567, 123-45-6789
    (
        "number",
        r"(?:\b(?:[a-z]{1,3}|[0-9]{1,4})-?)?[0-9]{5,}(?:[.,-][0-9]+|[a-z]{1,3}\b)*|\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b",
    ),
)

#: The rules that prepare a folded text for the patterns: delete the marked characters, make spaces single.
PREPARATION = (Rule(f"{DELETE}+", ""), Rule("  +", " "))

#: The patterns as rules of the text pipeline.
REDACTION = tuple(Rule(pattern, f" {PLACEHOLDERS[kind]} ") for kind, pattern in PATTERNS)

_COMPILED = tuple((kind, re.compile(pattern, re.ASCII)) for kind, pattern in PATTERNS)


class Span(NamedTuple):
    """One piece of personal data.

    Attributes:
        start: offset of its first character in the text.
        end: offset after its last character.
        kind: a key of `PLACEHOLDERS`.
        value: the original text from `start` to `end`.
    """

    start: int
    end: int
    kind: str
    value: str


def find_personal_data(text: str, mode: str = "unicode") -> list[Span]:
    """Return the personal data of a text as sorted spans that don't overlap.

    Args:
        text: any text, of any length; time is linear in it.
        mode: mode whose fold is used. The modes differ only in letters outside ASCII that look like ASCII letters.

    Raises:
        UserError: if there is no such mode.

    Example:
        >>> find_personal_data("I'm Jo@Example.com, order 123456")
        [Span(start=4, end=18, kind='email', value='Jo@Example.com'),
         Span(start=26, end=32, kind='number', value='123456')]
    """
    prepared, offsets = _prepare(text.translate(fold(mode)))
    spans = []

    def blanked(match: re.Match[str], kind: str) -> str:
        start, end = offsets[match.start()], offsets[match.end() - 1] + 1
        spans.append(Span(start, end, kind, text[start:end]))
        # As long as the match; later patterns treat it like a placeholder between spaces.
        return f" {'<' * (len(match[0]) - 2)} "

    for kind, pattern in _COMPILED:
        prepared = pattern.sub(partial(blanked, kind=kind), prepared)
    return sorted(spans)


def parts_of(text: str, mode: str = "unicode") -> Iterator[str | Span]:
    """Yield the parts of a text in order: its personal data, and the strings before, between and after.

    Example:
        >>> list(parts_of("order 123456!"))
        ['order ', Span(start=6, end=12, kind='number', value='123456'), '!']
    """
    position = 0
    for span in find_personal_data(text, mode):
        yield text[position : span.start]
        yield span
        position = span.end
    yield text[position:]


def redact(text: str, replace: Callable[[Span], str] = lambda span: PLACEHOLDERS[span.kind]) -> str:
    """Return a text with personal data replaced by placeholders.

    Args:
        text: any text.
        replace: returns the replacement of a span.

    Example:
        >>> redact("Call +44 20 7946 0958!")
        'Call <phone>!'
    """
    return "".join(part if isinstance(part, str) else replace(part) for part in parts_of(text))


def _prepare(folded: str) -> tuple[str, list[int]]:
    """Apply `PREPARATION`, and return the original offset of each remaining character."""
    offsets: list[int] = []
    for index, character in enumerate(folded):
        repeated = character == " " and offsets and folded[offsets[-1]] == " "
        if character != DELETE and not repeated:
            offsets.append(index)
    return "".join(folded[index] for index in offsets), offsets
