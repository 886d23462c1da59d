"""The article's function, against the article's own code."""

import re

import pytest
from campaigns import fuzz
from hypothesis import example, given
from hypothesis import strategies as st
from nltk.tokenize import PunktSentenceTokenizer, word_tokenize
from nltk.tokenize.destructive import MacIntyreContractions, NLTKWordTokenizer

from supportnet.text.tokenizer import preprocess

WORDS = ["can", "not", "CANNOT", "gonna", "Gotta", "lemme", "gimme", "wanna", "more", "'n", "d'ye", "'tis", "it's"]
PIECES = st.sampled_from([*WORDS, " ", "\n", "\u00a0", "\x1c", "\x85", ".", "!", "'", '"', "é", "\u212a", "5", "\x00"])
TEXTS = st.one_of(st.lists(PIECES, max_size=15).map("".join), st.text(max_size=40))


def article(text: str) -> list[str]:
    """Section 4.1, with what `nltk.word_tokenize` does: sentences first, by a Punkt model, then words.

    The model that it downloads only knows more abbreviations than an untrained one; both split after `.`, `?`
    and `!` alone, and none is left.
    """
    text = re.sub(r"[^a-zA-Z\s]", "", text)
    text = text.lower()
    sentences = PunktSentenceTokenizer().tokenize(text)
    return [token for sentence in sentences for token in NLTKWordTokenizer().tokenize(sentence)]


@fuzz(1000)
@given(TEXTS)
@example("")
@example("I can't, you CANNOT.  Wanna? wanna")
def test_result_is_the_articles(text: str) -> None:
    assert preprocess(text) == article(text)
    cleaned = re.sub(r"[^a-zA-Z\s]", "", text).lower()
    assert preprocess(text) == word_tokenize(cleaned, preserve_line=True)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Where is my order #1234?", ["where", "is", "my", "order"]),
        ("I cannot wait", ["i", "can", "not", "wait"]),
        ("don't co-op déjà", ["dont", "coop", "dj"]),
        ("gimme gonna gotta lemme wanna", ["gim", "me", "gon", "na", "got", "ta", "lem", "me", "wan", "na"]),
        ("cannotx xcannot", ["cannotx", "xcannot"]),
        ("a\u00a0b\u2003c\u200bd\x00e", ["a", "b", "cde"]),
        ("\u212aelvin ſ", ["elvin"]),
        ("", []),
        ("你好 123 !?", []),
    ],
)
def test_by_example(text: str, tokens: list[str]) -> None:
    assert preprocess(text) == tokens


def test_only_six_contractions_can_still_match() -> None:
    """The graph knows six; a new NLTK with another one must be noticed."""
    patterns = MacIntyreContractions.CONTRACTIONS2 + MacIntyreContractions.CONTRACTIONS3
    without_apostrophe = [pattern for pattern in patterns if "'" not in pattern]
    parts = [re.findall(r"\((\w+)\)", pattern) for pattern in without_apostrophe]
    expected = [("can", "not"), ("gim", "me"), ("gon", "na"), ("got", "ta"), ("lem", "me"), ("wan", "na")]
    assert [tuple(part) for part in parts] == expected
