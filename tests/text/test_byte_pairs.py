"""Byte pairs: every text comes back exactly, slots stay whole, and the graph writes what the reference writes."""

import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from campaigns import fuzz
from hypothesis import given
from hypothesis import strategies as st

from supportnet.errors import UserError
from supportnet.text.byte_pairs import END_ID, PAD_ID, START_ID, BytePairVocabulary, detokenize

REPLIES = [
    "Your order {order_number} is on its way.",
    "Your order {order_number} hasn't arrived? I'm sorry!",
    "Could I get your name, please?",
    "Könnte ich Ihren Namen haben, {first_name}? 👍🏽",
    "请问您的订单号是多少？",
] * 3
FIRST_BYTE = 5


@pytest.fixture(scope="module")
def vocabulary() -> BytePairVocabulary:
    return BytePairVocabulary.train(REPLIES, num_pieces=400)


def spelled(vocabulary: BytePairVocabulary, text: str) -> list[bytes]:
    return [vocabulary.pieces[index] for index in vocabulary.encode([text])[0]]


def in_graph(vocabulary: BytePairVocabulary, rows: list[list[int]]) -> list[str]:
    ids = tf.ragged.constant(rows, tf.int32, ragged_rank=1).to_tensor(PAD_ID)
    return [text.decode("utf-8") for text in detokenize(vocabulary.pieces, ids).numpy()]


def test_order_of_the_ids(vocabulary: BytePairVocabulary) -> None:
    assert (PAD_ID, START_ID, END_ID) == (0, 1, 2)
    assert vocabulary.slots == ["{first_name}", "{order_number}"]
    assert vocabulary.pieces[:FIRST_BYTE] == [b"", b"", b"", b"{first_name}", b"{order_number}"]
    assert vocabulary.pieces[FIRST_BYTE : FIRST_BYTE + 256] == [bytes([byte]) for byte in range(256)]
    assert len(vocabulary) == len(set(vocabulary.pieces)) + 2
    assert FIRST_BYTE + 256 < len(vocabulary) <= 400
    assert repr(vocabulary) == f"BytePairVocabulary of {len(vocabulary)} pieces, 2 of them slots"


def test_words_that_repeat_are_pieces_with_the_space_before_them(vocabulary: BytePairVocabulary) -> None:
    assert spelled(vocabulary, "Your order is {order_number}.") == [
        b"Your", b" order", b" is", b" ", b"{order_number}", b"."
    ]  # fmt: skip
    assert spelled(vocabulary, "") == []
    assert vocabulary.encode([]) == []


def test_merges_by_hand() -> None:
    vocabulary = BytePairVocabulary([], [("a", "b"), ("ab", "c"), ("b", "c"), ("a", "bc"), ("abc", "c")])
    # The fourth merge makes a piece that there is.
    assert vocabulary.pieces[259:] == [b"ab", b"abc", b"bc", b"abcc"]
    assert spelled(vocabulary, "abcc bca") == [b"abcc", b" ", b"bc", b"a"]


def test_a_slot_of_another_vocabulary_is_text(vocabulary: BytePairVocabulary) -> None:
    assert spelled(vocabulary, "{x}{order_number}{order_number") == [
        b"{", b"x", b"}", b"{order_number}", b"{", *spelled(vocabulary, "order_number")
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["<pad>", "<start>", "<end>", "PAD", "START", "END", "[PAD]", "</s>", "<|endoftext|>"])
def test_no_text_spells_a_special_id(vocabulary: BytePairVocabulary, name: str) -> None:
    trained = BytePairVocabulary.train([name] * 9, num_pieces=300)
    for each in (vocabulary, trained):
        ids = each.encode([name])[0]
        assert min(ids) > END_ID
        assert each.decode(ids) == name


TEXTS = [
    " leading", "trailing ", "two  spaces", "\n\nlines\r\n\t", "\x00\x7f", "\ufeffbom", "don’t “quote”",
    "ÉÀ e\u0301 İı ß",
    "👩‍👩‍👧‍👦🇩🇪1️⃣", "退款吗？", "हिन्दी", "\u202eabc", "\ufffe\uffff\U0010ffff\ufffd", "Ġ Ċ ĉ",
    "{order_number}}{", "a" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_nasty_comes_back(vocabulary: BytePairVocabulary, text: str) -> None:
    ids = vocabulary.encode([text])
    assert vocabulary.decode(ids[0]) == text
    assert in_graph(vocabulary, ids) == [text]


_PIECES = st.sampled_from(
    [*" \n{}", "  ", "{order_number}", "{first_name}", "{x}", "order", "Your", "<end>", "👍🏽", "é"]
)
_TEXT = st.one_of(st.text(max_size=30), st.lists(_PIECES, max_size=12).map("".join))


@fuzz(200)
@given(texts=st.lists(_TEXT, min_size=1, max_size=8))
def test_every_text_comes_back(vocabulary: BytePairVocabulary, texts: list[str]) -> None:
    ids = vocabulary.encode(texts)
    assert [vocabulary.decode(row) for row in ids] == texts
    assert in_graph(vocabulary, [[START_ID, *row, END_ID, 7] for row in ids]) == texts
    for text, row in zip(texts, ids, strict=True):
        assert vocabulary.encode([text])[0] == row
        assert [vocabulary.pieces[index] for index in row].count(b"{order_number}") == text.count("{order_number}")


_IDS = st.one_of(
    st.integers(0, 280), st.integers(FIRST_BYTE + 0x7F, FIRST_BYTE + 255), st.sampled_from([0, 1, 2, 3, 4])
)


@fuzz(300)
@given(rows=st.lists(st.lists(_IDS, max_size=12), min_size=1, max_size=8))
def test_any_ids_are_the_same_text_in_the_graph(vocabulary: BytePairVocabulary, rows: list[list[int]]) -> None:
    assert in_graph(vocabulary, rows) == [vocabulary.decode(row) for row in rows]


def test_a_cut_character_is_left_out(vocabulary: BytePairVocabulary) -> None:
    thumb = [FIRST_BYTE + byte for byte in "👍".encode()]
    rows = [thumb, thumb[:3], [*thumb[:2], *thumb], [*thumb[1:], FIRST_BYTE + ord("a")], [START_ID, END_ID, *thumb], []]
    assert [vocabulary.decode(row) for row in rows] == ["👍", "", "👍", "a", "", ""]
    assert in_graph(vocabulary, rows) == ["👍", "", "👍", "a", "", ""]


def test_a_lone_surrogate_is_no_text(vocabulary: BytePairVocabulary) -> None:
    assert set(vocabulary.decode(vocabulary.encode(["\ud800"])[0])) == {"\ufffd"}
    assert BytePairVocabulary.train(["\ud800{a}"] * 2, num_pieces=300).slots == ["{a}"]


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (2, 0)])
def test_nothing_to_write(vocabulary: BytePairVocabulary, shape: tuple[int, int]) -> None:
    written = detokenize(vocabulary.pieces, tf.zeros(shape, tf.int32))
    assert written.numpy().tolist() == [b""] * shape[0]


def test_an_id_that_there_is_not_is_an_error(vocabulary: BytePairVocabulary) -> None:
    for index in (len(vocabulary), -1):
        with pytest.raises(UserError, match=rf"An id must be from 0 to {len(vocabulary) - 1}\. Received: {index}"):
            vocabulary.decode([index])
        with pytest.raises(tf.errors.InvalidArgumentError):
            detokenize(vocabulary.pieces, [[index]])


def test_an_export_writes_texts_without_the_library(
    vocabulary: BytePairVocabulary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = vocabulary.encode(TEXTS)
    vocabulary.save(tmp_path / "pieces.json")
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    read = BytePairVocabulary.load(tmp_path / "pieces.json")
    assert [read.decode(row) for row in ids] == TEXTS
    module = tf.Module()
    module.write = tf.function(
        lambda ids: detokenize(read.pieces, ids), input_signature=[tf.TensorSpec([None, None], tf.int32)]
    )
    tf.saved_model.save(module, tmp_path / "export")
    padded = tf.ragged.constant(ids, tf.int32).to_tensor()
    written = tf.saved_model.load(tmp_path / "export").write(padded)
    assert [text.decode() for text in written.numpy()] == TEXTS


def test_equal_texts_give_equal_vocabularies(vocabulary: BytePairVocabulary) -> None:
    shuffled = random.Random(0).sample(REPLIES, len(REPLIES))
    for texts in (iter(REPLIES), shuffled):
        again = BytePairVocabulary.train(texts, num_pieces=400)
        assert again == vocabulary
        assert again.pieces == vocabulary.pieces
        assert hash(again) == hash(vocabulary)
    assert BytePairVocabulary.train(REPLIES, num_pieces=300) != vocabulary
    assert vocabulary != vocabulary.merges


def test_size_and_min_count() -> None:
    texts = ["ab ab ab", "cd cd", "ef"]
    pieces = BytePairVocabulary.train(texts, num_pieces=999).pieces[259:]
    assert set(pieces) == {b"ab", b"cd", b" ab"}
    assert set(BytePairVocabulary.train(texts, num_pieces=999, min_count=3).pieces[259:]) == {b"ab"}
    assert b"ef" in BytePairVocabulary.train(texts, num_pieces=999, min_count=1).pieces
    assert len(BytePairVocabulary.train(texts, num_pieces=260)) == 260
    assert len(BytePairVocabulary.train([], num_pieces=259)) == 259


def test_wrong_arguments_are_errors(vocabulary: BytePairVocabulary) -> None:
    with pytest.raises(UserError, match=r"min_count must be at least 1\. Received: min_count=0"):
        BytePairVocabulary.train([], num_pieces=300, min_count=0)
    with pytest.raises(
        UserError, match=r"num_pieces must be at least 261 for texts with 2 slots\. Received: num_pieces=260"
    ):
        BytePairVocabulary.train(REPLIES, num_pieces=260)
    for wrong in ("one text", b"bytes"):
        with pytest.raises(UserError, match="texts must be a list of texts"):
            vocabulary.encode(wrong)  # type: ignore[arg-type]
        with pytest.raises(UserError, match="texts must be a list of texts"):
            BytePairVocabulary.train(wrong, num_pieces=300)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("slots", "merges", "message"),
    [
        (["order"], [], r"A slot must be a name in braces, such as \{order_number\}\. Received: slot='order'"),
        (["{Order}"], [], "A slot must be a name in braces"),
        (["{a}", "{a}"], [], r"Slots must be distinct\. Received: slots=\['\{a\}', '\{a\}'\]"),
        ([], [("ab", "c")], r"A merge must be of two pieces made before it\. Received: 'ab' and 'c'"),
        ([], [("a", " ")], "A merge must be of two pieces made before it"),
        (["{a}"], [("{a}", "c")], "A merge must be of two pieces made before it"),
    ],
)
def test_what_is_no_vocabulary_is_an_error(slots: list[str], merges: list[tuple[str, str]], message: str) -> None:
    with pytest.raises(UserError, match=message):
        BytePairVocabulary(slots, merges)


def test_file_is_readable_and_read_back(vocabulary: BytePairVocabulary, tmp_path: Path) -> None:
    path = tmp_path / "run" / "pieces.json"
    vocabulary.save(path)
    content = json.loads(path.read_text("utf-8"))
    assert content["slots"] == ["{first_name}", "{order_number}"]
    assert content["merges"] == [f"{left} {right}" for left, right in vocabulary.merges]
    read = BytePairVocabulary.load(path)
    assert read == vocabulary
    assert read.encode(TEXTS) == vocabulary.encode(TEXTS)


DAMAGED: list[tuple[Any, str]] = [
    (b"", "can't be read: it is damaged or not JSON"),
    (b'{"slots": [], "merges": ["a b", "c', "can't be read: it is damaged or not JSON"),
    (b'{"slots": ["\xe9"]}', "can't be read: it is damaged or not JSON"),
    (b"a b\nc d\n", "can't be read: it is damaged or not JSON"),
    (b"[1, 2]", "is no vocabulary of byte pairs: it must hold slots and merges, lists of strings"),
    (b'{"model": {"type": "BPE"}}', "is no vocabulary of byte pairs"),
    (b'{"slots": {}, "merges": [], "constants": {}}', "is no vocabulary of byte pairs"),
    (b'{"slots": [], "merges": [["a", "b"]]}', "is no vocabulary of byte pairs"),
    (b'{"slots": ["x"], "merges": [], "constants": {}}', r"is damaged\. A slot must be a name in braces"),
    (b'{"slots": [], "merges": [], "constants": {"{a}": "b"}}', r"is damaged\. A constant must be that of a slot"),
    (b'{"slots": [], "merges": ["ab"], "constants": {}}', r"is damaged\. A merge must be of two pieces"),
    (b'{"slots": [], "merges": ["a b c"], "constants": {}}', r"is damaged\. A merge must be of two pieces"),
    (b'{"slots": [], "merges": ["ab c"], "constants": {}}', r"is damaged\. A merge must be of two pieces"),
]


@pytest.mark.parametrize(("content", "message"), DAMAGED)
def test_damaged_file_is_an_error(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "pieces.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        BytePairVocabulary.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"pieces\.json is missing"):
        BytePairVocabulary.load(tmp_path / "pieces.json")
