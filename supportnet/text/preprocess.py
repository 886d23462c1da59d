"""The article's own cleaning (section 4.1)."""

import re
from functools import cache
from typing import Any


def preprocess(text: str) -> list[str]:
    """Delete all but ASCII letters and white space, lower the case, and split into NLTK's tokens.

    It gives exactly what the article's function gives. That one calls `nltk.word_tokenize`, which first
    splits sentences with a model that has to be downloaded; as no full stop is left by then, there is one
    sentence always, and NLTK's word tokenizer alone does the same.

    Example:
        >>> preprocess("I can't wait: you CANNOT cancel order 66!")
        ['i', 'cant', 'wait', 'you', 'can', 'not', 'cancel', 'order']
    """
    text = re.sub(r"[^a-zA-Z\s]", "", text)
    text = text.lower()
    return list(_word_tokenizer().tokenize(text))


@cache
def _word_tokenizer() -> Any:
    # Importing NLTK takes seconds, and whoever reads texts with the graph never needs it.
    from nltk.tokenize import NLTKWordTokenizer

    return NLTKWordTokenizer()
