"""The article's own cleaning (section 4.1)."""

import re
from functools import cache
from typing import Any


def preprocess(text: str) -> list[str]:
    """Delete all but ASCII letters and white space, lower the case, and split into NLTK's tokens.

    The result equals that of the article's function. That one calls `nltk.word_tokenize`, which first splits sentences
    with a model that has to be downloaded; as no full stops are left, there is always one sentence, and NLTK's word
    tokenizer alone gives the same tokens.

    Example:
        >>> preprocess("I can't wait: you CANNOT cancel order 66!")
        ['i', 'cant', 'wait', 'you', 'can', 'not', 'cancel', 'order']
    """
    text = re.sub(r"[^a-zA-Z\s]", "", text)
    text = text.lower()
    return list(_word_tokenizer().tokenize(text))


@cache
def _word_tokenizer() -> Any:
    # Importing NLTK takes seconds, and the graph doesn't need it.
    from nltk.tokenize import NLTKWordTokenizer

    return NLTKWordTokenizer()
