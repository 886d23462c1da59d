"""The two ways to cut a text into tokens, each written down once, for Python and for the graph.

A mode reads a text in four steps: bytes beyond a limit are cut off; each code point is folded; the rules run
in order; what is left is split at spaces and cut to `max_length` tokens. Worked example, mode `unicode`:

    text       "Don’t charge £12.50 TWICE!!! Mail Ann@Example.com, état-civil 退款"
    folded     "don't charge £12.50 twice!!! mail ann@example.com, état-civil 退款"
    redacted   "don't charge £12.50 twice!!! mail  <email> , état-civil 退款"
    split      don't | charge | £ | 12.50 | twice | ! | mail | <email> | état | civil | 退 | 款

Letters, combining marks and digits make words. An apostrophe inside a word belongs to it, and so do `.`, `,`,
`:` and `/` between digits (12.50, 1,000, 10:30, 24/7). `?`, `!`, `%`, currency signs, emoji and Han
characters are tokens of their own, repeated `?` and `!` one token. Other punctuation, hyphens too, separates.
Scripts that are written without spaces (Thai, kana) keep their runs: hashed n-grams see inside. Composed and
decomposed accents (é, e + U+0301) are not unified, since each code point is read by itself.
"""

from functools import cache
from typing import NamedTuple

from supportnet.text.code_points import Fold, fold, own_tokens
from supportnet.text.redaction import PREPARATION, REDACTION
from supportnet.text.rules import Rule

#: A text is read up to this many bytes a token of `max_length`. English needs 6, Hindi (3 bytes a letter) 20.
BYTES_PER_TOKEN = 64

#: The default of `max_length`, in tokens: the article's input length.
MAX_LENGTH = 128

#: Han characters, by code point: a literal character could be mistaken for its look-alike in another block.
_HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"


class Mode(NamedTuple):
    """A fold of code points and the rules that run after it, in order."""

    fold: Fold
    rules: tuple[Rule, ...]


@cache
def get_mode(name: str) -> Mode:
    """Return the mode `unicode` or `article`; another name is a `UserError`."""
    cleaning = {"unicode": _unicode_rules, "article": _article_rules}
    mode_fold = fold(name)
    return Mode(mode_fold, PREPARATION + REDACTION + cleaning[name]())


def _unicode_rules() -> tuple[Rule, ...]:
    return (
        Rule(r'["#&()*+;=@\[\\\]^_{|}~-]+', " "),
        Rule(rf"(!)!*|(\?)\?*|([%${_HAN}{own_tokens()}])", r" \1\2\3 "),
        # What stands between digits stays: it goes where no digit is before it, then where none follows.
        Rule(r"(^|[^0-9])[.,:/]+", r"\1 "),
        Rule(r"[.,:/]+($|[^0-9])", r" \1"),
        # An apostrophe stays inside a word: it goes after a space or another one, then before a space.
        Rule(r"(^|[ '])'+", r"\1 "),
        Rule(r"'+( |$)", " "),
    )


def _article_rules() -> tuple[Rule, ...]:
    return (
        Rule("[^a-z<> ]+", ""),
        # Of NLTK's contractions, those without an apostrophe.
        Rule(r"\b(?:(can)(not)|(gim|lem)(me)|(gon|wan)(na)|(got)(ta))\b", r"\1\3\5\7 \2\4\6\8"),
    )
