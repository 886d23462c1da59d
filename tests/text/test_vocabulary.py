"""The vocabulary: built from texts, saved as a readable file, read back; no personal data in it."""

from pathlib import Path

import pytest
import tensorflow as tf

from supportnet.errors import UserError
from supportnet.text.special_tokens import SPECIAL_TOKENS, UNKNOWN_ID
from supportnet.text.vocabulary import Vocabulary, count_tokens, table_from_file

FIRST = len(SPECIAL_TOKENS)
WORDS = ["退", "don't", "हिन्दी", "👍", "12.50"]


def test_special_tokens_come_first_and_ids_are_positions() -> None:
    vocabulary = Vocabulary(["b", "a"])
    assert vocabulary.tokens == (*SPECIAL_TOKENS, "b", "a")
    assert [vocabulary[token] for token in vocabulary] == list(range(len(vocabulary)))
    assert vocabulary["never seen"] == UNKNOWN_ID
    assert "a" in vocabulary
    assert "c" not in vocabulary
    assert repr(vocabulary) == f"Vocabulary of {FIRST + 2} tokens"


def test_a_list_that_begins_with_them_is_taken_as_it_is() -> None:
    vocabulary = Vocabulary(["b", "a"])
    assert Vocabulary(list(vocabulary)) == vocabulary
    assert hash(Vocabulary(vocabulary)) == hash(vocabulary)
    assert Vocabulary(["a", "b"]) != vocabulary
    assert vocabulary != list(vocabulary)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (["a", "a"], r"Tokens must be distinct\. Received: token 9 = 'a' a second time"),
        (["a", "<pad>"], r"must be distinct\. Received: token 0 = '<pad>' a second time"),
        ([""], r"must not be empty or hold white space\. Received: token 9 = ''"),
        (["a b"], "must not be empty or hold white space"),
        (["a\u00a0"], "must not be empty or hold white space"),
        (["a\n"], "must not be empty or hold white space"),
    ],
)
def test_what_is_no_token_is_an_error(tokens: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Vocabulary(tokens)


def test_build_orders_by_count_then_alphabet() -> None:
    vocabulary = Vocabulary.build(["b b b a", "a c C d é É", "e"])
    assert list(vocabulary)[FIRST:] == ["b", "a", "c", "é"]


def test_build_min_count_and_max_size() -> None:
    texts = ["a a a b b c", ""]
    assert list(Vocabulary.build(texts, min_count=1))[FIRST:] == ["a", "b", "c"]
    assert list(Vocabulary.build(texts, min_count=3))[FIRST:] == ["a"]
    assert list(Vocabulary.build(texts, min_count=1, max_size=FIRST + 2))[FIRST:] == ["a", "b"]
    assert list(Vocabulary.build([])) == list(SPECIAL_TOKENS)


def test_build_mode_and_max_length() -> None:
    texts = ["Cannot été 退款"] * 2
    assert list(Vocabulary.build(texts, mode="article"))[FIRST:] == ["can", "not", "t"]
    assert list(Vocabulary.build(texts, max_length=2))[FIRST:] == ["cannot", "été"]


def test_build_takes_any_iterable_and_many_texts() -> None:
    vocabulary = Vocabulary.build(f"word{index % 1500} \ud800" for index in range(3000))
    assert len(vocabulary) == FIRST + 1500


def test_build_wrong_arguments_are_errors() -> None:
    with pytest.raises(UserError, match=r"min_count must be at least 1\. Received: min_count=0"):
        Vocabulary.build(["a"], min_count=0)
    with pytest.raises(UserError, match=r"max_size must be at least 9\. Received: max_size=8"):
        Vocabulary.build(["a"], max_size=8)
    with pytest.raises(UserError, match="mode must be one of"):
        Vocabulary.build(["a"], mode="other")


@pytest.mark.parametrize("mode", ["unicode", "article"])
def test_no_personal_data_reaches_a_vocabulary(mode: str) -> None:
    values = ["jane.roe@acme.example", "+44 20 7946 0958", "4111-1111-1111-1111", "GB29 NWBK 6016 1331 9268 19"]
    values += [
        "https://acme.example/jane?k=secret",
        "192.0.2.77",
        "fe80::abcd",
        "ORD-20240012",
        "JANE.ROE (at) acme (dot) example",
    ]
    texts = [f"write {value}, please" for value in values] * 3
    vocabulary = Vocabulary.build(texts, mode=mode, min_count=1)
    assert list(vocabulary)[FIRST:] == ["please", "write"]


def test_file_is_readable_and_read_back(tmp_path: Path) -> None:
    vocabulary = Vocabulary(WORDS)
    vocabulary.save(tmp_path / "run" / "vocabulary.txt")
    text = (tmp_path / "run" / "vocabulary.txt").read_bytes().decode("utf-8")
    assert text == "".join(f"{token}\n" for token in (*SPECIAL_TOKENS, *WORDS))
    assert Vocabulary.load(tmp_path / "run" / "vocabulary.txt") == vocabulary


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"vocabulary\.txt is missing"):
        Vocabulary.load(tmp_path / "vocabulary.txt")


def test_a_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="can't be read as a vocabulary"):
        Vocabulary.load(tmp_path)


HEAD = "".join(f"{token}\n" for token in SPECIAL_TOKENS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no whole vocabulary"),
        (b"refund\nparcel\n", "is no whole vocabulary: one token a line, first <pad>, <unk>"),
        (HEAD[:-4].encode(), "is no whole vocabulary"),
        ((HEAD + "refund\nparc").encode(), "is no whole vocabulary"),
        ((HEAD + "refund\nrefund\n").encode(), "is damaged. Tokens must be distinct"),
        ((HEAD + "refund\n\nparcel\n").encode(), "is damaged. A token must not be empty"),
        ((HEAD + "refund\r\n").encode(), "is damaged. A token must not be empty or hold white space"),
        (HEAD.encode() + b"caf\xe9\n", "can't be read as a vocabulary: 'utf-8' codec"),
    ],
)
def test_damaged_file_is_an_error(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "vocabulary.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        Vocabulary.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_both_tables_look_up_what_the_vocabulary_does(tmp_path: Path) -> None:
    vocabulary = Vocabulary(WORDS)
    vocabulary.save(tmp_path / "vocabulary.txt")
    tokens = [*vocabulary, "never seen", "", "\u00e9"]
    for table in (vocabulary.table(), table_from_file(tmp_path / "vocabulary.txt")):
        assert table.lookup(tf.constant(tokens)).numpy().tolist() == [vocabulary[token] for token in tokens]


def test_tokens_are_counted_as_a_model_will_read_them() -> None:
    """What is cut off isn't read, and what is masked isn't a word."""
    texts = ["Where is it?", "where WHERE", "call 020 7946 0958 now", "is it"]
    counts = count_tokens(texts, max_length=2)
    assert counts == {"where": 3, "is": 2, "call": 1, "it": 1}
    assert count_tokens(texts)["now"] == 1
    assert not set(count_tokens(texts)) & set(SPECIAL_TOKENS)
    assert count_tokens(["Don't"], mode="article") != count_tokens(["Don't"], mode="unicode")
    assert count_tokens([]) == {}
