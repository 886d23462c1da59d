"""Byte-level BPE of two libraries, given our pieces and merges: the one that we use, and one written in Python."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from golden_cases import REPLIES, SENTENCES, SLOTS, read_golden
from tokenizers import AddedToken, ByteLevelBPETokenizer
from transformers import GPT2Tokenizer
from transformers.models.gpt2.tokenization_gpt2 import bytes_to_unicode

from supportnet.text.byte_pairs import BytePairVocabulary


@pytest.fixture(scope="module")
def vocabulary() -> BytePairVocabulary:
    vocabulary = BytePairVocabulary.train(REPLIES, num_pieces=400)
    assert vocabulary.slots == sorted(SLOTS)
    return vocabulary


def spelled(vocabulary: BytePairVocabulary) -> dict[str, int]:
    """Our pieces as both libraries spell them, slots as themselves, with our ids."""
    characters = bytes_to_unicode()
    pieces = {"".join(characters[byte] for byte in piece): index for index, piece in enumerate(vocabulary.pieces)}
    del pieces[""]
    return pieces


def rust(vocabulary: BytePairVocabulary, folder: Path) -> Callable[[str], list[int]]:
    tokenizer = ByteLevelBPETokenizer(spelled(vocabulary), vocabulary.merges)
    tokenizer.add_tokens([AddedToken(slot, normalized=False) for slot in vocabulary.slots])
    return lambda text: tokenizer.encode(text).ids


def python(vocabulary: BytePairVocabulary, folder: Path) -> Callable[[str], list[int]]:
    (folder / "vocab.json").write_text(json.dumps(spelled(vocabulary)), "utf-8")
    merges = ["#version: 0.2", *(f"{left} {right}" for left, right in vocabulary.merges), ""]
    (folder / "merges.txt").write_text("\n".join(merges), "utf-8")
    tokenizer = GPT2Tokenizer(folder / "vocab.json", folder / "merges.txt")
    tokenizer.add_tokens([AddedToken(slot, normalized=False) for slot in vocabulary.slots])
    return lambda text: list(tokenizer.encode(text))


@pytest.mark.parametrize("library", [rust, python])
def test_same_ids(
    library: Callable[[BytePairVocabulary, Path], Callable[[str], list[int]]],
    vocabulary: BytePairVocabulary,
    tmp_path: Path,
) -> None:
    encode = library(vocabulary, tmp_path)
    texts = [*SENTENCES, *REPLIES]
    assert [encode(text) for text in texts] == vocabulary.encode(texts)


def test_golden(keep: Callable[[str, dict[str, Any]], None], vocabulary: BytePairVocabulary, tmp_path: Path) -> None:
    """What stands in tests/golden is what the library gives today, from the merges that it learns today."""
    encode = rust(vocabulary, tmp_path)
    theirs = {
        "slots": vocabulary.slots,
        "merges": [list(merge) for merge in vocabulary.merges],
        "ids": {text: encode(text) for text in SENTENCES},
    }
    keep("byte_pairs.json", theirs)
    assert read_golden("byte_pairs.json") == theirs
