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

The article's own cleaning (section 4.1), `preprocess`, is what the mode `article` does between personal data.
"""

import re
from functools import cache
from itertools import chain
from typing import Any

from supportnet.checks import check_positive
from supportnet.text.code_points import Fold, fold, own_tokens
from supportnet.text.redaction import PREPARATION, REDACTION, Rule, parts_of
from supportnet.text.special_tokens import PLACEHOLDERS

#: Maximum bytes of a text per token of `max_length`. English needs 6, Hindi (3 bytes a letter) 20.
BYTES_PER_TOKEN = 64

#: The default of `max_length`, in tokens: the article's input length.
MAX_LENGTH = 128

#: Han characters, by code point: literal characters could be confused with look-alikes in other blocks.
_HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"

#: The rules of the mode `article`; those of `unicode` need a file.
_ARTICLE_RULES = (
    Rule("[^a-z<> ]+", ""),
    # Of NLTK's contractions, those without an apostrophe.
    Rule(r"\b(?:(can)(not)|(gim|lem)(me)|(gon|wan)(na)|(got)(ta))\b", r"\1\3\5\7 \2\4\6\8"),
)


@cache
def get_mode(name: str) -> tuple[Fold, tuple[Rule, ...]]:
    """Return what a mode, `unicode` or `article`, is: a fold of code points, and the rules that run after it, in order.

    Raises:
        UserError: if there is no such mode.
    """
    return fold(name), PREPARATION + REDACTION + (_ARTICLE_RULES if name == "article" else _unicode_rules())


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


def tokenize(text: str | bytes, mode: str = "unicode", max_length: int = MAX_LENGTH) -> list[str]:
    """Cut a text into tokens, with placeholders for personal data.

    This is the reference of `supportnet.text.graph.tokenize_graph`, which uses TensorFlow operations. In
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
    check_positive("max_length", max_length)
    text = to_bytes(text)[: BYTES_PER_TOKEN * max_length].decode("utf-8", "replace")
    fold, rules = get_mode(mode)
    if mode == "article":
        parts = parts_of(text, mode)
        cut = (preprocess(part) if isinstance(part, str) else [PLACEHOLDERS[part.kind]] for part in parts)
        return list(chain.from_iterable(cut))[:max_length]
    text = text.translate(fold)
    for pattern, rewrite in rules:
        text = re.sub(pattern, rewrite, text, flags=re.ASCII)
    return [token for token in text.split(" ") if token][:max_length]


def to_bytes(text: str | bytes) -> bytes:
    """Return the UTF-8 bytes of a text; lone surrogates give invalid bytes, which both tokenizers accept."""
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text


def preprocess(text: str) -> list[str]:
    """Delete all but ASCII letters and white space, lower the case, and split into NLTK's tokens.

    The result equals that of the article's function. That one calls `nltk.word_tokenize`, which first splits sentences
    with a model that has to be downloaded; as no full stops are left, there is always one sentence, and NLTK's word
    tokenizer alone gives the same tokens.

    Example:
        >>> preprocess("I can't wait: you CANNOT cancel order 66!")
        ['i', 'cant', 'wait', 'you', 'can', 'not', 'cancel', 'order']
    """
    return list(_word_tokenizer().tokenize(re.sub(r"[^a-zA-Z\s]", "", text).lower()))


@cache
def _word_tokenizer() -> Any:
    # Importing NLTK takes seconds, and the graph doesn't need it.
    from nltk.tokenize import NLTKWordTokenizer

    return NLTKWordTokenizer()
