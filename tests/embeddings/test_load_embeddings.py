"""Word vectors from files of every format that is in use, most of them written by gensim; and from damaged ones."""

import gzip
import pickle
import re
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from campaigns import fuzz
from gensim.models import FastText, KeyedVectors
from gensim.models.fasttext import FastTextKeyedVectors, load_facebook_vectors, save_facebook_model
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from supportnet.embeddings import load_word_embeddings, save_word_embeddings
from supportnet.errors import UserError
from supportnet.text.vocabulary import Vocabulary

WORDS = ["the", "Paris", "paris", "café", "Größe", "退款", "👍", "PayPal"]
DIM = 5
VECTORS = np.random.default_rng(0).normal(size=(len(WORDS), DIM)).astype(np.float32)


@pytest.fixture(autouse=True)
def _no_other_warnings() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


def keyed(words: list[str], vectors: Any) -> KeyedVectors:
    made = KeyedVectors(len(vectors[0]))
    made.add_vectors(words, np.array(vectors, np.float32))
    return made


def lines(words: list[str], vectors: Any, end: str = "\n") -> str:
    return "".join(f"{word} {' '.join(map(str, vector))}{end}" for word, vector in zip(words, vectors, strict=True))


def write_c(path: Path) -> None:
    """As word2vec.c does: with a line end after each vector."""
    rows = (word.encode() + b" " + vector.tobytes() + b"\n" for word, vector in zip(WORDS, VECTORS, strict=True))
    path.write_bytes(f"{len(WORDS)} {DIM}\n".encode() + b"".join(rows))


WRITERS: dict[str, Callable[[Path], Any]] = {
    "word2vec.bin": lambda path: keyed(WORDS, VECTORS).save_word2vec_format(path, binary=True),
    "word2vec.c.bin": write_c,
    "word2vec.txt": lambda path: keyed(WORDS, VECTORS).save_word2vec_format(path),
    "glove.txt": lambda path: path.write_text(lines(WORDS, VECTORS), "utf-8"),
    "glove.windows.txt": lambda path: path.write_bytes(lines(WORDS, VECTORS, "\r\n").encode()),
    "fasttext.vec": lambda path: path.write_text(f"8 {DIM}\n" + lines(WORDS, VECTORS, " \n"), "utf-8"),
}


def zipped(path: Path) -> Path:
    # A name that says nothing: the content decides.
    target = path.with_name("vectors")
    target.write_bytes(gzip.compress(path.read_bytes()))
    return target


@pytest.mark.parametrize("gz", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("name", WRITERS)
class TestFormats:
    @pytest.fixture
    def path(self, name: str, gz: bool, tmp_path: Path) -> Path:
        path = tmp_path / name
        WRITERS[name](path)
        return zipped(path) if gz else path

    def test_all(self, path: Path) -> None:
        vectors = load_word_embeddings(path)
        assert vectors.index_to_key == WORDS
        assert vectors.vectors.dtype == np.float32
        np.testing.assert_array_equal(vectors.vectors, VECTORS)
        np.testing.assert_array_equal(vectors["退款"], VECTORS[5])

    def test_limit(self, path: Path) -> None:
        vectors = load_word_embeddings(path, limit=3)
        assert vectors.index_to_key == WORDS[:3]
        np.testing.assert_array_equal(vectors.vectors, VECTORS[:3])
        assert len(load_word_embeddings(path, limit=100)) == len(WORDS)

    def test_words_are_kept_in_every_case(self, path: Path) -> None:
        vectors = load_word_embeddings(path, words=Vocabulary(["paris", "größe", "paypal", "refund"]))
        assert vectors.index_to_key == ["Paris", "paris", "Größe", "PayPal"]
        np.testing.assert_array_equal(vectors.vectors, VECTORS[[1, 2, 4, 7]])
        assert vectors.vectors.base is None or vectors.vectors.base.nbytes == 4 * 4 * DIM
        assert load_word_embeddings(path, limit=2, words=["PARIS", "größe"]).index_to_key == ["Paris"]

    def test_gensim_works_on_them(self, path: Path) -> None:
        vectors = load_word_embeddings(path)
        assert vectors.most_similar("paris", topn=2) == keyed(WORDS, VECTORS).most_similar("paris", topn=2)
        vectors.add_vectors(["new"], np.ones((1, DIM)))
        assert vectors.key_to_index["new"] == len(WORDS)


def test_gensim_reads_the_same(tmp_path: Path) -> None:
    for name, options in [("word2vec.bin", {"binary": True}), ("glove.txt", {"no_header": True})]:
        WRITERS[name](tmp_path / name)
        expected = KeyedVectors.load_word2vec_format(tmp_path / name, **options)
        np.testing.assert_array_equal(load_word_embeddings(tmp_path / name).vectors, expected.vectors)


def test_a_file_of_many_chunks(tmp_path: Path) -> None:
    """Words and vectors that lie across two reads are put together."""
    words = [f"word{number}" for number in range(3000)]
    vectors = np.random.default_rng(1).normal(size=(3000, 101)).astype(np.float32)
    keyed(words, vectors).save_word2vec_format(tmp_path / "vectors.bin", binary=True)
    assert (tmp_path / "vectors.bin").stat().st_size > 4 * 2**18
    np.testing.assert_array_equal(load_word_embeddings(tmp_path / "vectors.bin").vectors, vectors)
    few = load_word_embeddings(tmp_path / "vectors.bin", words=words[::7])
    assert few.index_to_key == words[::7]
    np.testing.assert_array_equal(few.vectors, vectors[::7])


@pytest.mark.parametrize("vector", [b"\n\n\n\n" * 4, b"aaaa" * 4, b"a b\n" * 4, "é\n\0".encode() * 4])
def test_float32_that_looks_like_text_is_told_from_it(vector: bytes, tmp_path: Path) -> None:
    (tmp_path / "vectors.bin").write_bytes(b"2 4\none " + vector + b"two " + bytes(16))
    vectors = load_word_embeddings(tmp_path / "vectors.bin")
    assert vectors.index_to_key == ["one", "two"]
    assert vectors["one"].tobytes() == vector


def test_words_with_spaces_are_left_out(tmp_path: Path) -> None:
    """glove.840B.300d has some such words: its lines have more fields than others."""
    path = tmp_path / "glove.txt"
    path.write_text("the 1 2\n. . . 3 4\nat name@domain.com 5 6\n 9 9\nend 7 8\n")
    with pytest.warns(UserWarning, match=r"glove\.txt: 3 rows are left out, because their words are empty, hold a sp"):
        vectors = load_word_embeddings(path)
    assert vectors.index_to_key == ["the", "end"]
    assert vectors["end"].tolist() == [7, 8]


@pytest.mark.parametrize("words", [None, ["the", "end"]])
@pytest.mark.parametrize("binary", [True, False])
def test_words_that_are_no_utf8_are_left_out(words: list[str] | None, binary: bool, tmp_path: Path) -> None:
    """GoogleNews has words that are cut inside a character; other files are in Latin-1."""
    path = tmp_path / "vectors"
    numbers = np.float32([1, 2]).tobytes() if binary else b"1 2\n"
    path.write_bytes(b"4 2\n" + b"".join(word + b" " + numbers for word in (b"the", b"\xe9t\xe9", b"na\xc3", b"end")))
    with pytest.warns(UserWarning, match=r"vectors: 2 rows are left out.* or aren't valid UTF-8"):
        assert load_word_embeddings(path, words=words).index_to_key == ["the", "end"]


def test_the_first_vector_of_a_word_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "glove.txt"
    path.write_text("the 1 2\nof 3 4\nthe 5 6\nthe 7 8\nThe 9 9\n")
    for words in (None, ["the", "of"]):
        with pytest.warns(UserWarning, match=r"glove\.txt: 2 rows repeat a word\. The first vector") as caught:
            vectors = load_word_embeddings(path, words=words)
        assert len(caught) == 1
        assert vectors.index_to_key == ["the", "of", "The"]
        assert vectors["the"].tolist() == [1, 2]
    assert load_word_embeddings(path, words=["of"]).index_to_key == ["of"]


def test_none_of_the_words_is_a_warning(tmp_path: Path) -> None:
    WRITERS["word2vec.bin"](tmp_path / "vectors.bin")
    with pytest.warns(UserWarning, match=r"bin has none of the 2 words\. It begins: the, Paris, paris, café, Größe$"):
        vectors = load_word_embeddings(tmp_path / "vectors.bin", words=["refund", "parcel\ud800"])
    assert len(vectors) == 0
    assert vectors.vectors.shape == (0, DIM)


@given(
    words=st.lists(
        st.text(st.characters(exclude_characters=" \n\0", codec="utf-8"), min_size=1), min_size=1, unique=True
    ),
    data=st.data(),
)
@fuzz(50)
def test_round_trip(words: list[str], data: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    numbers = st.floats(width=32, allow_nan=False, allow_infinity=False)
    dim = data.draw(st.integers(3, 9))
    vectors = data.draw(arrays(np.float32, (len(words), dim), elements=numbers))
    path = tmp_path_factory.mktemp("vectors") / "vectors.bin"
    save_word_embeddings(path, keyed(words, vectors))
    loaded = load_word_embeddings(path)
    assert loaded.index_to_key == words
    np.testing.assert_array_equal(loaded.vectors, vectors)


def test_saved_vectors_are_gensims_too(tmp_path: Path) -> None:
    save_word_embeddings(tmp_path / "new" / "vectors.bin.gz", keyed(WORDS, VECTORS))
    loaded = KeyedVectors.load_word2vec_format(tmp_path / "new" / "vectors.bin.gz", binary=True)
    assert loaded.index_to_key == WORDS
    np.testing.assert_array_equal(loaded.vectors, VECTORS)


@pytest.mark.parametrize("word", ["", "a b", "a\n", "\0", "\ud800"])
def test_words_without_an_end_are_not_saved(word: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"A word must not be empty or hold .*Received: '.*'$"):
        save_word_embeddings(tmp_path / "vectors.bin", keyed(["fine", word], VECTORS[:2]))
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There are no word vectors to write"):
        save_word_embeddings(tmp_path / "vectors.bin", KeyedVectors(DIM))


def error(path: Path, **options: Any) -> str:
    with pytest.raises(UserError) as caught:
        load_word_embeddings(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


THREE = np.float32([1, 2, 3]).tobytes()
NAN = np.float32([1, np.nan, 3]).tobytes()
INFINITE = np.float32([1, -np.inf, 3]).tobytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r" is empty\.$"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), r" isn't in a known format\. .*word2vec's binary and text files"),
        (b"just some text\nof two lines\n", r" isn't in a known format"),
        (b"word\n", r" isn't in a known format"),
        (b"x " * 40_000, r" isn't in a known format"),
        (b"\x93NUMPY\x01\x00", r" is a NumPy array \(\.npy\).*save_word2vec_format\('vectors\.bin', binary=True\)"),
        (b"0 3\n", r" holds no word vectors\.$"),
        (b"2 0\na\nb\n", r", line 1: the number of dimensions must be 1 to 16384\. Received: 0$"),
        (b"2 99999999999\na ", r", line 1: the number of dimensions must be .*Received: 99999999999$"),
        # word2vec's text format
        (b"2 3\na 1 2 3\nb 1 2\n", r", line 3: there must be 3 numbers after the word, .* there are 2\.$"),
        (b"2 3\na 1 2\nb 1 2 3\n", r", line 2: there must be 3 numbers after the word, .* there are 2\.$"),
        (b"2 3\na\nb 1 2 3\n", r", line 2: there must be 3 numbers after the word, .* there are 0\.$"),
        ("2 3\na 1\n退款 1 2 3\n".encode(), r", line 2: there must be 3 numbers after the word, .* there are 1\.$"),
        (b"2 3\na 1 2 3\nb 1 2 3 4\n", r", line 3: there must be 3 numbers after the word, .* there are 4\.$"),
        (b"2 3\na 1 2 3\n\nb 1 2 3\n", r", line 3: there must be 3 numbers after the word, .* there are 0\.$"),
        (b"2 3\na 1 2 3\nb 1 x 3\n", r", line 3: there must be 3 numbers .*could not convert string to float: b'x'"),
        (b"2 3\na 1 x 3\nb 1 2 3\n", r", line 2: there must be 3 numbers .*could not convert string to float: b'x'"),
        (b"2 3\na 1 2 3\nb 1  3\n", r", line 3: there must be 3 numbers .*could not convert string to float: b''"),
        (b"2 3\na 1 2 3\nb 1 nan 3\n", r", line 3: the vector has numbers that are infinite, .* NaN\.$"),
        (b"2 3\na 1 2 3\nb 1 1e40 3\n", r", line 3: the vector has numbers that are .*too large for float32"),
        (b"3 3\na 1 2 3\nb 1 2 3\n\n", r", line 3: .*with 2 words, but line 1 promises 3 \(limit=2 reads these\)\.$"),
        (
            b"1 3\n",
            r", byte 4: the file is cut off\. Line 1 promises 1 words with 3 numbers each, but only 0 are there\.$",
        ),
        (b"1 3\na 1 2 3\nb 1 2 3\n", r", line 3: line 1 promises only 1 words\.$"),
        # GloVe
        (b"a 1 2 3\nb 1 2\n", r", line 2: there must be 3 numbers after the word, as line 1 says, but there are 2\.$"),
        (b"a 1 2 3\nb 1 -inf 3\n", r", line 2: the vector has numbers that are infinite"),
        # word2vec's binary format
        (
            b"2 3\na " + THREE + b"b " + THREE[:-1],
            r", byte 18: the file is cut off\. Line 1 promises 2 .* only 1 are th",
        ),
        (b"2 3\na " + THREE + b"b", r", byte 18: the file is cut off.* \(limit=1 reads these\)\.$"),
        (b"3 3\na " + THREE + b"b " + THREE, r", byte 32: the file is cut off\. Line 1 promises 3 .* only 2 are there"),
        (b"1 3\na " + THREE[:-1], r", byte 4: the file is cut off.* but only 0 are there\.$"),
        (b"1 3\na " + THREE + b"\nb " + THREE, r", byte 18: there is more, but line 1 promises only 1 words"),
        (b"2 3\na " + THREE + b"b " + NAN, r", byte 18: the vector has numbers that are .* NaN\.$"),
        (b"1 3\na " + INFINITE, r", byte 4: the vector has numbers that are infinite"),
        (b"2 3\na " + THREE + b"b" * 300_000, r", byte 18: the word that begins here has no end\.$"),
    ],
)
@pytest.mark.parametrize("gz", [False, True], ids=["plain", "gzip"])
def test_what_is_wrong_is_named(content: bytes, message: str, gz: bool, tmp_path: Path) -> None:
    path = tmp_path / "vectors"
    path.write_bytes(gzip.compress(content) if gz else content)
    assert re.search(f"^{re.escape(str(path))}{message}", error(path))


def test_limit_stops_before_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "vectors"
    for content in (b"3 3\na 1 2 3\nb 1 2\n", b"3 3\na " + THREE + b"b"):
        path.write_bytes(content)
        assert load_word_embeddings(path, limit=1).index_to_key == ["a"]


def test_the_numbers_of_unwanted_words_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "vectors"
    for content in (b"2 3\na 1 2 3\nb 1 x 3\n", b"2 3\na " + THREE + b"b " + NAN):
        path.write_bytes(content)
        assert load_word_embeddings(path, words=["a"]).index_to_key == ["a"]
    path.write_bytes(b"2 3\na 1 2 3\nb 1 2\n")
    assert "line 3: there must be 3 numbers" in error(path, words=["a"])


def test_missing_file_and_folder(tmp_path: Path) -> None:
    assert error(tmp_path / "none.bin") == f"{tmp_path / 'none.bin'} is missing."
    assert error(tmp_path) == f"{tmp_path} can't be read as word vectors: Is a directory."


def test_damaged_gzip(tmp_path: Path) -> None:
    path = tmp_path / "vectors.gz"
    content = gzip.compress(lines(WORDS, VECTORS).encode())
    damaged = content[:30] + bytes(byte ^ 255 for byte in content[30:60]) + content[60:]
    for wrong in (content[:-20], content[:-1], damaged, content[:-8] + bytes(8), b"\x1f\x8b"):
        path.write_bytes(wrong)
        assert error(path).startswith(f"{path} is damaged or cut off: it can't be unzipped (")


class _Bomb:
    def __reduce__(self) -> Any:
        return (pytest.fail, ("a pickle was loaded",))


def test_pickles_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "vectors"
    path.write_bytes(pickle.dumps(_Bomb()))
    assert "is a pickle, as gensim's own save() writes it" in error(path)
    keyed(WORDS, VECTORS).save(str(path))
    assert "write vectors.save_word2vec_format('vectors.bin', binary=True)" in error(path)


def test_archives_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "glove.zip", "w") as archive:
        archive.writestr("glove.txt", lines(WORDS, VECTORS))
    assert "is a zip archive (.zip, .npz). Unzip it and name the file inside." in error(tmp_path / "glove.zip")


def test_wrong_arguments(tmp_path: Path) -> None:
    WRITERS["glove.txt"](tmp_path / "glove.txt")
    assert error(tmp_path / "glove.txt", limit=0) == "limit must be at least 1. Received: limit=0"
    assert error(tmp_path / "glove.txt", words="paris") == (
        "words must be a collection of words. Received: words='paris'"
    )


def test_progress_bar(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supportnet.embeddings.files._BAR_AFTER_SECONDS", 0)
    path = tmp_path / "glove.txt"
    WRITERS["glove.txt"](path)
    load_word_embeddings(path, progress_bar=False)
    assert capsys.readouterr().err == ""
    load_word_embeddings(path)
    shown = capsys.readouterr()
    assert "reading glove.txt" in shown.err
    assert shown.out == ""


SENTENCES = [["where", "is", "my", "parcel"], ["cancel", "my", "order"], ["refund", "my", "Café", "order"]] * 3


@pytest.fixture(scope="module")
def fasttext(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model's .bin file. Forty buckets, so that each n-gram falls into one that was trained."""
    model = FastText(SENTENCES, vector_size=DIM, min_count=1, bucket=40, min_n=3, max_n=4, epochs=1, workers=1)
    path = tmp_path_factory.mktemp("fasttext") / "model.bin"
    save_facebook_model(model, str(path))
    return path


def test_fasttext_is_what_gensim_reads(fasttext: Path, tmp_path: Path) -> None:
    expected = load_facebook_vectors(fasttext)
    (tmp_path / "gz").write_bytes(gzip.compress(fasttext.read_bytes()))
    for path in (fasttext, tmp_path / "gz"):
        vectors = load_word_embeddings(path)
        assert isinstance(vectors, FastTextKeyedVectors)
        assert vectors.index_to_key == expected.index_to_key
        np.testing.assert_array_equal(vectors.vectors, expected.vectors)
        np.testing.assert_array_equal(vectors["unparcelled"], expected["unparcelled"])
        assert vectors.get_vecattr("my", "count") == 9
        assert vectors.most_similar("my") == expected.most_similar("my")


def test_fasttext_words_and_limit(fasttext: Path) -> None:
    expected = load_facebook_vectors(fasttext)
    vectors = load_word_embeddings(fasttext, words=["café", "refund", "absent"])
    assert vectors.index_to_key == [word for word in expected.index_to_key if word in ("Café", "refund")]
    assert len(vectors.vectors_vocab) == len(vectors.vectors) == 2
    for word in ("Café", "refund", "absent"):
        np.testing.assert_array_equal(vectors[word], expected[word])
    assert load_word_embeddings(fasttext, limit=2).index_to_key == expected.index_to_key[:2]


@pytest.mark.parametrize("words", [None, ["refund", "café"]])
@pytest.mark.parametrize("name", ["again.bin", "again.bin.gz"])
def test_fasttext_round_trip(fasttext: Path, tmp_path: Path, words: list[str] | None, name: str) -> None:
    """N-grams, counts and rows of words without their n-grams survive, in our reader and gensim's."""
    vectors = load_word_embeddings(fasttext, words=words)
    save_word_embeddings(tmp_path / name, vectors)
    # gensim can't read a gzipped one.
    readers = [load_word_embeddings] if name.endswith("gz") else [load_word_embeddings, load_facebook_vectors]
    for again in (reader(tmp_path / name) for reader in readers):
        assert again.index_to_key == vectors.index_to_key
        np.testing.assert_array_equal(again.vectors, vectors.vectors)
        np.testing.assert_array_equal(again["unparcelled"], vectors["unparcelled"])
        assert again.get_vecattr("refund", "count") == 3


def test_fasttext_without_ngrams(tmp_path: Path) -> None:
    model = FastText(SENTENCES, vector_size=DIM, min_count=1, bucket=0, max_n=0, epochs=1, workers=1)
    save_facebook_model(model, str(tmp_path / "model.bin"))
    vectors = load_word_embeddings(tmp_path / "model.bin")
    np.testing.assert_array_equal(vectors["my"], model.wv["my"])
    assert "unparcelled" not in vectors
    save_word_embeddings(tmp_path / "word2vec.bin", vectors)
    assert type(load_word_embeddings(tmp_path / "word2vec.bin")) is KeyedVectors


def test_fasttext_cut_off(fasttext: Path, tmp_path: Path) -> None:
    """Wherever it is cut before the end of the vectors; gensim goes round for ever in some of these."""
    content = fasttext.read_bytes()
    needed = len(content) - (17 + 4 * DIM * 8)
    path = tmp_path / "model.bin"
    for length in [*range(4, needed, 37), needed - 1]:
        path.write_bytes(content[:length])
        assert re.fullmatch(rf"{re.escape(str(path))}, byte \d+: the fastText file is cut off here\.", error(path))
    path.write_bytes(content[:needed])
    assert len(load_word_embeddings(path)) == 8


#: Where numbers stand in a file: version, D, labels, pruned n-grams; then, counted from the matrix, quantized and rows.
@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (4, 13, ", byte 92: the header of the fastText file is damaged"),
        (8, 0, ", byte 92: the header of the fastText file is damaged"),
        (8, 2**31 - 1, ", byte 92: the header of the fastText file is damaged"),
        (64, 0, ", byte 92: the header of the fastText file is damaged"),
        (40, -1, ", byte 92: the header of the fastText file is damaged"),
        (72, 3, " is a fastText classifier, not word vectors"),
        (84, 3, " is a fastText classifier, not word vectors"),
        (8, 6, r", byte 226: the vectors must be 48 rows of 6 numbers, .* Received: 48 of 5, quantized=False"),
        (40, 41, r", byte 226: the vectors must be 49 rows of 5 numbers, .* Received: 48 of 5, quantized=False"),
    ],
)
def test_fasttext_damaged_header(fasttext: Path, tmp_path: Path, at: int, value: int, message: str) -> None:
    content = bytearray(fasttext.read_bytes())
    content[at : at + 4] = value.to_bytes(4, "little", signed=True)
    if at == 84:
        content[88:92] = bytes(4)
    path = tmp_path / "model.bin"
    path.write_bytes(content)
    assert re.search(f"^{re.escape(str(path))}{message}", error(path))


def test_fasttext_quantized(fasttext: Path, tmp_path: Path) -> None:
    content = bytearray(fasttext.read_bytes())
    flag = content.index((48).to_bytes(8, "little") + DIM.to_bytes(8, "little")) - 1
    content[flag] = 1
    (tmp_path / "model.ftz").write_bytes(content)
    assert "and not quantized. Received: 48 of 5, quantized=True" in error(tmp_path / "model.ftz")


@pytest.mark.parametrize("row", [0, 7, 8, 47])
def test_fasttext_numbers_that_are_not_finite(fasttext: Path, tmp_path: Path, row: int) -> None:
    content = bytearray(fasttext.read_bytes())
    start = content.index((48).to_bytes(8, "little") + DIM.to_bytes(8, "little")) + 16 + 4 * DIM * row
    content[start : start + 4] = np.float32(np.nan).tobytes()
    (tmp_path / "model.bin").write_bytes(content)
    assert f", byte {start}: the vector has numbers that are infinite" in error(tmp_path / "model.bin")
