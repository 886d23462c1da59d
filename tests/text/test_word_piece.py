"""WordPiece: by hand, as the library `tokenizers` divides, the same in the graph, and every wrong argument an error."""

import dataclasses
import json
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from campaigns import scaled
from small_word_pieces import SPECIAL, TEXTS, random_bytes, random_text, train
from tokenizers import Tokenizer

from supportnet.errors import UserError
from supportnet.serving.verify.operations import problem
from supportnet.text.vocabulary import table_from_file
from supportnet.text.word_piece import WordPiece
from supportnet.text.word_piece_graph import MISSING_ID, piece_table, word_pieces

BY_HAND = [*SPECIAL, "un", "##aff", "##able", "##a", "##ff", "parcel", "!", "退", "##]"]
CASES: dict[str, dict[str, Any]] = {
    "uncased": {"lowercase": True},
    "cased": {"lowercase": False},
    "cased without accents": {"lowercase": False, "strip_accents": True},
    "lower case with accents": {"lowercase": True, "strip_accents": False},
    "raw": {"lowercase": True, "clean_text": False, "handle_chinese_chars": False},
}
Both = tuple[Tokenizer, WordPiece]


@pytest.fixture(scope="module")
def rules() -> WordPiece:
    return WordPiece(BY_HAND, max_length=6)


@pytest.fixture(scope="module", params=CASES)
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Both:
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    return train(path, **CASES[request.param]), WordPiece.load(path, max_length=32)


@cache
def in_graph(rules: WordPiece) -> Callable[[list[Any]], list[list[int]]]:
    """Return a function that encodes in the graph and checks what holds for every batch."""
    table = piece_table(rules)
    graph = tf.function(lambda texts: word_pieces(texts, rules, table), [tf.TensorSpec([None], tf.string)])

    def encode(texts: list[Any]) -> list[list[int]]:
        piece_ids, mask = graph(tf.constant(texts, tf.string, [len(texts)]))
        assert (piece_ids.dtype, mask.dtype) == (tf.int32, tf.bool)
        lengths = mask.numpy().sum(axis=1)
        assert piece_ids.shape == mask.shape == (len(texts), max(2, *lengths, 0))
        assert np.array_equal(mask.numpy(), np.arange(piece_ids.shape[1]) < lengths[:, None])
        assert (piece_ids.numpy()[~mask.numpy()] == rules.ids[rules.pad_token]).all()
        return [row[:length].tolist() for row, length in zip(piece_ids.numpy(), lengths, strict=True)]

    return encode


def spelled(rules: WordPiece, ids: list[int]) -> list[str]:
    assert [rules.pieces[ids[0]], rules.pieces[ids[-1]]] == ["[CLS]", "[SEP]"]
    return [rules.pieces[index] for index in ids[1:-1]]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        (" \n\u3000", []),
        ("Unaffable parcel", ["un", "##aff", "##able", "parcel"]),
        # Greedy: after ##aff comes ##a, though un, ##a, ##ff would go further.
        ("unaff unaffa", ["un", "##aff", "un", "##aff"]),
        ("unaffx parcel!", ["[UNK]", "parcel", "!"]),
        ("unparcel", ["[UNK]"]),
        ("un退!", ["un", "退", "!"]),
        ("[MASK]", ["[UNK]", "[UNK]", "[UNK]"]),
        ("p\u0301arcel\x00", ["parcel"]),
        ("un" + "a" * 98, ["un", "##a", "##a", "##a"]),
        ("un" + "a" * 99, ["[UNK]"]),
        ("! ! ! ! ! !", ["!"] * 4),
    ],
)
def test_by_hand(rules: WordPiece, text: str, pieces: list[str]) -> None:
    ids = rules.encode([text])
    assert spelled(rules, ids[0]) == pieces
    assert in_graph(rules)([text]) == ids


def test_as_the_library_divides(both: Both) -> None:
    library, rules = both
    source = random.Random(0)
    texts = [*TEXTS, *(random_text(source) for _ in range(scaled(1000)))]
    theirs = [encoding.ids for encoding in library.encode_batch(texts)]
    for text, mine, other in zip(texts, rules.encode(texts), theirs, strict=True):
        assert mine == other, ascii(text)


def test_the_graph_divides_as_the_reference(both: Both) -> None:
    _, rules = both
    encode = in_graph(rules)
    source = random.Random(1)
    for _ in range(scaled(8)):
        texts = [make(source) for _ in range(60) for make in (random_text, random_bytes)]
        for text, mine, other in zip(texts, encode(texts), rules.encode(texts), strict=True):
            assert mine == other, text


def test_what_differs_from_the_library(tmp_path: Path) -> None:
    library = train(tmp_path / "tokenizer.json")
    rules = WordPiece.load(tmp_path / "tokenizer.json", max_length=32)

    def mine(text: str) -> list[str]:
        return spelled(rules, rules.encode([text])[0])

    def theirs(text: str) -> list[str]:
        return list(library.encode(text).tokens[1:-1])

    assert (mine("[MASK]"), theirs("[MASK]")) == (["[UNK]", "m", "##a", "##s", "##k", "[UNK]"], ["[MASK]"])
    assert (mine(" " * 2048 + "parcel"), theirs(" " * 2048 + "parcel")) == ([], ["parcel"])


@pytest.mark.parametrize("max_length", [2, 3, 5])
def test_truncation_keeps_the_end(rules: WordPiece, max_length: int) -> None:
    shorter = dataclasses.replace(rules, max_length=max_length)
    texts = ["", "!", "un unaff !", "unaffaaaaa", "! " * 9, "x", "unaffx"]
    ids = shorter.encode(texts)
    assert ids == [[row[0], *row[1:-1][: max_length - 2], row[-1]] for row in WordPiece(BY_HAND).encode(texts)]
    assert in_graph(shorter)(texts) == ids


@pytest.mark.parametrize("word", ["parcel", "un", "é", "退", "a" * 120, "unaffx", "[SEP]", "\u00a0", "\u3000x", "\x00"])
def test_the_cut_changes_no_piece_that_is_kept(word: str) -> None:
    """A text that is cut gives the first pieces of the whole text, wherever the cut falls."""
    rules, whole = WordPiece(BY_HAND, max_length=4), WordPiece(BY_HAND, max_length=400)
    texts = ["un" + " " * gap + word + tail for gap in range(200, 258, 5) for tail in ("", "aff", " parcel", "\u0301a")]
    mine, full = rules.encode(texts), whole.encode(texts)
    assert in_graph(rules)(texts) == mine
    for cut, other in zip(mine, full, strict=True):
        assert cut[1:-1] == other[1:-1][: len(cut) - 2]


def test_a_megabyte() -> None:
    rules = WordPiece(BY_HAND, max_length=8)
    texts = ["un parcel " * 100_000, "a" * 1_000_000, b"\xff" * 1_000_000, " " * 1_000_000, "退" * 300_000]
    ids = rules.encode(texts)
    assert [spelled(rules, row) for row in ids] == [["un", "parcel"] * 3, ["[UNK]"], [], [], ["退"] * 6]
    assert in_graph(rules)(texts) == ids
    table = piece_table(rules)
    graph = tf.function(lambda texts: word_pieces(texts, rules, table)).get_concrete_function(
        tf.TensorSpec([None], tf.string)
    )
    # Nothing but these sees a text whole.
    assert {consumer.type for consumer in graph.graph.inputs[0].consumers()} == {"Substr", "StringLength"}


def test_the_batch_changes_nothing(both: Both) -> None:
    _, rules = both
    encode = in_graph(rules)
    source = random.Random(2)
    texts = [random_text(source) for _ in range(24)] + ["", "unbelievably " * 40]
    assert [encode([text])[0] for text in texts] == encode(texts)
    assert encode(texts[::-1]) == encode(texts)[::-1]


def test_empty_batches_and_kinds_of_texts(rules: WordPiece) -> None:
    table = piece_table(rules)
    for empty in ([], tf.zeros([0], tf.string)):
        piece_ids, mask = word_pieces(empty, rules, table)
        assert piece_ids.shape == mask.shape == (0, 2)
    assert rules.encode([]) == []
    for texts in (["un", b"!"], np.array(["un", "!"]), np.array(["un", "!"], object), tf.constant(["un", "!"])):
        assert word_pieces(texts, rules, table).piece_ids.numpy().tolist() == [[2, 5, 3], [2, 11, 3]]
    assert word_pieces(["\ud800un"], rules, table).piece_ids.numpy().tolist() == rules.encode(["\ud800un"])
    for wrong in ("one text", b"one text"):
        with pytest.raises(UserError, match="texts must be a list of texts"):
            rules.encode(wrong)  # type: ignore[arg-type]
        with pytest.raises(UserError, match="texts must be a list or an array of texts"):
            word_pieces(wrong, rules, table)


def test_an_export_holds_the_pieces_as_a_file(both: Both, tmp_path: Path) -> None:
    _, rules = both
    rules.save(tmp_path / "pieces.txt")
    module = tf.Module()
    module.table = table_from_file(tmp_path / "pieces.txt", MISSING_ID)
    module.divide = tf.function(
        lambda texts: word_pieces(texts, rules, module.table)._asdict(), [tf.TensorSpec([None], tf.string)]
    )
    tf.saved_model.save(module, tmp_path / "export")
    (tmp_path / "pieces.txt").unlink()
    loaded = tf.saved_model.load(tmp_path / "export")
    for text in [*TEXTS[:7], "", "[MASK] unbelievablyy"]:
        assert loaded.divide([text])["piece_ids"].numpy().tolist() == rules.encode([text])
    definition = module.divide.get_concrete_function().graph.as_graph_def()
    nodes = [*definition.node, *(node for function in definition.library.function for node in function.node_def)]
    assert {node.op: problem(node) for node in nodes if problem(node)} == {}
    assert {"While", "LookupTableFindV2", "UnicodeDecode"} <= {node.op for node in nodes}


def test_arguments_go_through_json(both: Both, rules: WordPiece) -> None:
    for each in (both[1], rules):
        again = WordPiece(**json.loads(json.dumps(dataclasses.asdict(each))))
        assert again == each
        assert hash(again) == hash(each)
        assert again.encode(TEXTS) == each.encode(TEXTS)
    assert "parcel" not in repr(rules)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pieces": "[PAD]"}, "pieces must be a list of strings"),
        ({"pieces": [*SPECIAL, "a", "[UNK]"]}, r"Pieces must be distinct\. Received: '\[UNK\]' as 1 and 6"),
        ({"pieces": [*SPECIAL, "a\nb"]}, r"A piece must not contain a line break\. Received: piece 5 = 'a\\nb'"),
        ({"pieces": [*SPECIAL, "a\r"]}, "must not contain a line break"),
        ({"max_length": 1}, r"max_length must be at least 2\. Received: max_length=1"),
        ({"max_length": 2.5}, "max_length must be a whole number"),
        ({"max_input_chars_per_word": 0}, "max_input_chars_per_word must be at least 1"),
        ({"max_input_chars_per_word": 5}, r"must be at least 6, the length of the longest piece\. Received: .*=5"),
        ({"unk_token": "<unk>"}, r"unk_token must be in the vocabulary\. Received: unk_token='<unk>'"),
        ({"cls_token": "<s>"}, "cls_token must be in the vocabulary"),
        ({"sep_token": "parcel"}, r"sep_token must not be a word that a text can contain\. Received: .*'parcel'"),
        ({"pieces": [*BY_HAND, "[A B]"], "pad_token": "[A B]"}, "pad_token must not be a word"),
        ({"pad_token": "[UNK]"}, r"pad_token must differ from other special tokens\. Received: pad_token='\[UNK\]'"),
    ],
)
def test_wrong_arguments_are_errors(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        WordPiece(**{"pieces": BY_HAND, **arguments})
