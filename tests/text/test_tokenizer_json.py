"""A tokenizer.json is read if it is a WordPiece of the BERT family; anything else is an error that names the file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_word_pieces import TEXTS, train

from supportnet.errors import UserError
from supportnet.text.word_piece import WordPiece

Content = dict[str, Any]
BERT = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True}
TEMPLATE = {
    "type": "TemplateProcessing",
    "single": [
        {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
    ],
    "pair": [],
    "special_tokens": {
        "[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
        "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]},
    },
}
NONE = {"lowercase": False, "strip_accents": False, "clean_text": False, "handle_chinese_chars": False}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    train(path)
    return path.read_text("utf-8")


@pytest.fixture
def load(trained: str, tmp_path: Path) -> Callable[..., WordPiece]:
    """Return a function that changes parts of the file and loads it."""

    def changed(**parts: Any) -> WordPiece:
        path = tmp_path / "tokenizer.json"
        path.write_text(json.dumps(json.loads(trained) | parts), "utf-8")
        return WordPiece.load(path)

    return changed


def test_what_is_read(load: Callable[..., WordPiece]) -> None:
    rules = load()
    assert rules.pieces[:5] == ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    assert (rules.max_length, rules.max_input_chars_per_word, rules.continuing_subword_prefix) == (128, 100, "##")
    assert (rules.lowercase, rules.strip_accents, rules.clean_text, rules.handle_chinese_chars) == (True,) * 4
    assert rules.encode(TEXTS) == load(post_processor=TEMPLATE).encode(TEXTS)
    assert load(padding={"pad_token": "[MASK]"}).pad_token == "[MASK]"


@pytest.mark.parametrize(
    ("normalizer", "options"),
    [
        (None, {}),
        ({"type": "Lowercase"}, {"lowercase": True}),
        ({"type": "Sequence", "normalizers": []}, {}),
        (
            {**BERT, "strip_accents": None, "lowercase": False},
            {"clean_text": True, "handle_chinese_chars": True},
        ),
        (
            {
                "type": "Sequence",
                "normalizers": [{**BERT, "strip_accents": None, "lowercase": False}, {"type": "Lowercase"}],
            },
            {"clean_text": True, "handle_chinese_chars": True, "lowercase": True},
        ),
        (
            {"type": "Sequence", "normalizers": [{**BERT, "strip_accents": True, "lowercase": False}]},
            {"clean_text": True, "handle_chinese_chars": True, "strip_accents": True},
        ),
    ],
)
def test_normalizers(load: Callable[..., WordPiece], normalizer: Content | None, options: dict[str, bool]) -> None:
    rules = load(normalizer=normalizer)
    assert {name: getattr(rules, name) for name in NONE} == NONE | options


def test_a_sequence_of_pre_tokenizers(load: Callable[..., WordPiece]) -> None:
    steps = [{"type": "WhitespaceSplit"}, {"type": "BertPreTokenizer"}]
    assert load(pre_tokenizer={"type": "Sequence", "pretokenizers": steps}) == load()


WORD_PIECE = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##"}
WORD_PIECE["max_input_chars_per_word"] = 100  # type: ignore[assignment]
VOCAB = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3}
BYTES = {"type": "ByteLevel", "add_prefix_space": False}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"model": None}, "its model is missing, not a WordPiece"),
        ({"model": {"type": "BPE", "vocab": {}, "merges": []}}, "its model is BPE, not a WordPiece"),
        ({"model": {"vocab": {}}}, "its model is of no type, not a WordPiece"),
        ({"model": {"type": "WordPiece", "vocab": {}}}, "its WordPiece lacks vocab, unk_token"),
        ({"model": {**WORD_PIECE, "vocab": {"a": 0, "b": 0}}}, "has two pieces with id 0, 'a' and 'b'"),
        ({"model": {**WORD_PIECE, "vocab": {"a": 0, "b": 2}}}, "has 2 pieces, but none with id 1"),
        ({"model": {**WORD_PIECE, "vocab": {"a": 0, "b": "1"}}}, "has 2 pieces, but none with id 1"),
        ({"model": {**WORD_PIECE, "vocab": {"a": 0}}}, r"its special token '\[CLS\]' has the ids \[2\], but None"),
        ({"model": {**WORD_PIECE, "vocab": VOCAB, "unk_token": "?"}}, r"unk_token must be in the vocabulary"),
        ({"model": {**WORD_PIECE, "vocab": {"[P]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3}}}, "pad_token must be in"),
        ({"normalizer": {"type": "NFKC"}}, "its normalizer NFKC isn't supported, only a BertNormalizer, a Lowercase"),
        ({"normalizer": {"type": "BertNormalizer"}}, "its normalizer BertNormalizer isn't supported"),
        (
            {"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}]}},
            "its normalizer NFD isn't supported",
        ),
        ({"pre_tokenizer": None}, "its pre-tokenizer is missing, but only BertPreTokenizer is supported"),
        ({"pre_tokenizer": BYTES}, "its pre-tokenizer is ByteLevel"),
        (
            {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "BertPreTokenizer"}, BYTES]}},
            "its pre-tokenizer is ByteLevel",
        ),
        ({"pre_tokenizer": {"type": "WhitespaceSplit"}}, "its pre-tokenizer is WhitespaceSplit"),
        ({"post_processor": None}, r"its post-processor is missing, but only \[CLS\], the text, \[SEP\] is supported"),
        ({"post_processor": {"type": "RobertaProcessing"}}, "its post-processor is RobertaProcessing"),
        (
            {"post_processor": {**TEMPLATE, "single": TEMPLATE["single"][:2]}},
            "its post-processor is TemplateProcessing",
        ),
        (
            {"post_processor": {**TEMPLATE, "special_tokens": {}}},
            r"'\[CLS\]' has the ids None, but 2 in the vocabulary",
        ),
        (
            {"post_processor": {"type": "BertProcessing", "cls": ["[CLS]", 2], "sep": ["[SEP]", 9]}},
            r"'\[SEP\]' has the ids \[9\], but 3",
        ),
        (
            {"added_tokens": [{"id": 9, "content": "ACME", "special": False}]},
            "its added token .*ACME.* isn't a special",
        ),
    ],
)
def test_what_is_not_supported(load: Callable[..., WordPiece], tmp_path: Path, parts: Content, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        load(**parts)
    assert str(caught.value).startswith(f"{tmp_path / 'tokenizer.json'} can't be used: ")
    assert str(caught.value).endswith("Give the tokenizer.json of a BERT model, such as MiniLM.")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "can't be read: it is damaged or not JSON"),
        (b"\xff", "can't be read: it is damaged or not JSON"),
        (b"[1, 2]", "can't be used: its model is missing"),
        (b'{"model": {"type": "WordPiece", "vocab": {"a": 0, "a": 1}}}', "can't be used: it states 'a' more than once"),
    ],
)
def test_what_is_no_tokenizer(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        WordPiece.load(path)
    assert str(path) in str(caught.value)
    assert "Give the tokenizer.json of a BERT model" in str(caught.value)


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"tokenizer\.json is missing\. Give the tokenizer\.json of a BERT model"):
        WordPiece.load(tmp_path / "tokenizer.json")
