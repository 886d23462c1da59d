"""Cut texts into tokens: the rules of the two modes, shared with the graph, and the reference in Python.

A mode has four steps: truncate the bytes; fold each code point; apply the rules in order; split at spaces and truncate
to `max_length` tokens. Worked example, mode `unicode`:

    text       "Don’t charge £12.50 TWICE!!! Mail Ann@Example.com, état-civil 退款"
    folded     "don't charge £12.50 twice!!! mail ann@example.com, état-civil 退款"
    redacted   "don't charge £12.50 twice!!! mail  <email> , état-civil 退款"
    split      don't | charge | £ | 12.50 | twice | ! | mail | <email> | état | civil | 退 | 款

Letters, combining marks and digits make words. An apostrophe inside a word belongs to it, and so do `.`, `,`,
`:` and `/` between digits (12.50, 1,000, 10:30, 24/7). `?`, `!`, `%`, currency signs, emoji and Han
characters are tokens of their own, repeated `?` and `!` one token. Other punctuation, hyphens too, separates.
Text in scripts without spaces (Thai, kana) isn't split: hashed n-grams cover its parts. Composed and decomposed
accents (é, e + U+0301) are not unified, since code points are folded one by one.
"""

import re
from functools import cache
from typing import NamedTuple

from supportnet.errors import UserError
from supportnet.text.code_points import Fold, fold, own_tokens
from supportnet.text.preprocess import preprocess
from supportnet.text.redaction import PREPARATION, REDACTION, Rule, find_personal_data
from supportnet.text.special_tokens import PLACEHOLDERS

#: Maximum bytes of a text per token of `max_length`. English needs 6, Hindi (3 bytes a letter) 20.
BYTES_PER_TOKEN = 64

#: The default of `max_length`, in tokens: the article's input length.
MAX_LENGTH = 128

#: Han characters, by code point: literal characters could be confused with look-alikes in other blocks.
_HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"


class Mode(NamedTuple):
    """A fold of code points and the rules that run after it, in order."""

    fold: Fold
    rules: tuple[Rule, ...]


@cache
def get_mode(name: str) -> Mode:
    """Return the mode `unicode` or `article`; raise UserError for other names."""
    cleaning = {"unicode": _unicode_rules, "article": _article_rules}
    mode_fold = fold(name)
    return Mode(mode_fold, PREPARATION + REDACTION + cleaning[name]())


def _unicode_rules() -> tuple[Rule, ...]:
    return (
        Rule(r'["#&()*+;=@\[\\\]^_{|}~-]+', " "),
        Rule(rf"(!)!*|(\?)\?*|([%${_HAN}{own_tokens()}])", r" \1\2\3 "),
        # Kept between digits: removed where no digit precedes, then where none follows.
        Rule(r"(^|[^0-9])[.,:/]+", r"\1 "),
        Rule(r"[.,:/]+($|[^0-9])", r" \1"),
        # An apostrophe is kept inside a word: removed after a space or another one, then before a space.
        Rule(r"(^|[ '])'+", r"\1 "),
        Rule(r"'+( |$)", " "),
    )


def _article_rules() -> tuple[Rule, ...]:
    return (
        Rule("[^a-z<> ]+", ""),
        # Of NLTK's contractions, those without an apostrophe.
        Rule(r"\b(?:(can)(not)|(gim|lem)(me)|(gon|wan)(na)|(got)(ta))\b", r"\1\3\5\7 \2\4\6\8"),
    )


def tokenize(text: str | bytes, mode: str = "unicode", max_length: int = MAX_LENGTH) -> list[str]:
    """Cut a text into tokens, with placeholders for personal data.

    This is the reference of `supportnet.text.tokenizer_graph.tokenize_graph`, which uses TensorFlow operations. In
    `article` mode the article's `preprocess` cuts the text between the pieces of personal data.

    Args:
        text: a text, or its UTF-8 bytes. Invalid bytes count as a space (`unicode`) or nothing (`article`).
        mode: `unicode` or `article`, see above.
        max_length: maximum number of tokens. Only the first `64 * max_length` bytes of the text are read.

    Raises:
        UserError: if there is no such mode, or `max_length` isn't positive.

    Example:
        >>> tokenize("Don’t refund £12.50 to ann@example.com!")
        ["don't", 'refund', '£', '12.50', 'to', '<email>', '!']
    """
    text = read(text, max_length)
    tokens = _article_tokens(text) if mode == "article" else _tokens_by_rules(text, mode)
    return tokens[:max_length]


def read(text: str | bytes, max_length: int) -> str:
    """Return the part of a text that is read: its first `64 * max_length` bytes, decoded."""
    if max_length < 1:
        raise UserError(f"max_length must be positive. Received: max_length={max_length}")
    return to_bytes(text)[: BYTES_PER_TOKEN * max_length].decode("utf-8", "replace")


def to_bytes(text: str | bytes) -> bytes:
    """Return the UTF-8 bytes of a text; lone surrogates give invalid bytes, which both tokenizers accept."""
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text


def _tokens_by_rules(text: str, mode: str) -> list[str]:
    fold, rules = get_mode(mode)
    text = text.translate(fold)
    for pattern, rewrite in rules:
        text = re.sub(pattern, rewrite, text, flags=re.ASCII)
    return [token for token in text.split(" ") if token]


def _article_tokens(text: str) -> list[str]:
    tokens, position = [], 0
    for span in find_personal_data(text, mode="article"):
        tokens += [*preprocess(text[position : span.start]), PLACEHOLDERS[span.kind]]
        position = span.end
    return tokens + preprocess(text[position:])
