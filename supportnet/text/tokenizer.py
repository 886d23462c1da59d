"""The reference in Python of what the graph does to a text."""

import re

from supportnet.errors import UserError
from supportnet.text.modes import BYTES_PER_TOKEN, MAX_LENGTH, get_mode
from supportnet.text.preprocess import preprocess
from supportnet.text.redaction import find_personal_data
from supportnet.text.special_tokens import PLACEHOLDERS


def tokenize(text: str | bytes, mode: str = "unicode", max_length: int = MAX_LENGTH) -> list[str]:
    """Cut a text into tokens, with placeholders for personal data.

    `supportnet.text.tokenizer_graph.tokenize_graph` gives the same tokens with TensorFlow operations. In `article` mode
    the tokens are those of the article's `preprocess`, on the text between the pieces of personal data.

    Args:
        text: a text, or its UTF-8 bytes. What isn't valid UTF-8 counts as a space (`unicode`) or nothing
        (`article`). mode: `unicode` or `article`, see `supportnet.text.modes`.
        max_length: number of tokens at most. Only the first `64 * max_length` bytes of the text are read.

    Raises:
        UserError: there is no such mode, or `max_length` isn't positive.

    Example:
        >>> tokenize("Don’t refund £12.50 to ann@example.com!")
        ["don't", 'refund', '£', '12.50', 'to', '<email>', '!']
    """
    text = read(text, max_length)
    tokens = _article_tokens(text) if mode == "article" else _tokens_by_rules(text, mode)
    return tokens[:max_length]


def read(text: str | bytes, max_length: int) -> str:
    """Return the part of a text that is read at all: `64 * max_length` bytes, decoded."""
    if max_length < 1:
        raise UserError(f"max_length must be positive. Received: max_length={max_length}")
    return to_bytes(text)[: BYTES_PER_TOKEN * max_length].decode("utf-8", "replace")


def to_bytes(text: str | bytes) -> bytes:
    """Return the UTF-8 bytes of a text; a lone surrogate gives invalid bytes, which both twins take."""
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
