"""The Python reference and the TensorFlow graph read every text alike: any Unicode, any bytes, any locale."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from campaigns import fuzz
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from supportnet.errors import UserError
from supportnet.text.graph import tokenize_graph
from supportnet.text.tokenizer import BYTES_PER_TOKEN, MAX_LENGTH, to_bytes, tokenize

MODES = ["unicode", "article"]
Texts = list[str | bytes]

#: Texts that have broken tokenizers before, by what is nasty about them.
NASTY: dict[str, Texts] = {
    "empty": ["", " ", "   ", "\u00a0", "\u3000\u2003", "\t\r\n\x0b\x0c", "\x1c\x1d\x1e\x1f\x85"],
    "controls": ["\x00", "a\x00b", "\x7fdel\x80", "\ufeffbom \u202ertl\u202c", "\u200bzwsp \u2060wj \u00adshy"],
    "emoji": ["👩‍👩‍👧‍👦 👍🏽 🇩🇪 1️⃣ ❤️ 🫠 \U0001fae8", "ok👍thanks", "©™→■"],
    "case": ["É é E\u0301 İ i\u0307 ı ß ẞ ſ \u212a Å \u212b ﬁ ǅ ΐ ΣΑΣ Ꭰꭰ", "TITLE title İI", "Ｆｕｌｌ"],
    "scripts": [
        "كيف أُلغي الطلب؟ ٣٫٥٪ ﷺ",
        "हिन्दी में क्षमा करें, क्‍ष",
        "我要退款！订单号１２３４５６，谢谢。𠀀𪜶",
        "ひらがなカタカナｶﾞ漢字々〇",
        "ขอเงินคืน",
        "한국어 ᄒ\u1161ᆫ",
        "x\u0301" * 9000,
    ],
    "punctuation": ["don’t l’été 'a' ''b'' o''", "24/7 1,000.50 1..2 .5 5. a.b", "!?!?!! ¿qué? %$€", "-–—"],
    "contractions": ["cannot gonna gotta lemme gimme wanna cannota", "can.not won't WANNA"],
    "personal": [
        "ann@example.com (at) ::1 +44 20 7946 0958 DE89 3704 0044 0532 0130 00",
        "a@b@c.de http://",
        "１２３４５",
    ],
    "look like code": ["<email> <pad> ＜unk＞ <", "&lt;b&gt; \\1 \\0 $1 [x] ^ {2}", "\ue000\uf8ff\U000f0000"],
    "not characters": ["\ufffe\uffff\U0010ffff\u0378", "\ufffd\ufffd", "\ud800", "a\udfffb", "\ud83d\ude00"],
    "invalid": [
        b"caf\xe9 latin",
        b"\xff\xfe",
        b"\xc3",
        b"\xe2\x82",
        b"\xf0\x9f\x98",
        b"\x80\x80",
        b"a\xe2\x82\x00b\xf0\x9f",
    ],
    "overlong": [b"\xc0\xaf \xe0\x80\xaf", b"\xf4\x90\x80\x80 beyond", b"\xf8\x88\x80\x80\x80"],
    "surrogate bytes": [b"\xed\xa0\x80 surrogate \xed\xb0\x80", b"\xed\xa0\xbd\xed\xb8\x80"],
    "invalid within": [b"555\xff\xfe0101 5\xed\xa0\x805\xff5", b"don\x92t hello\xa0world", b"ann\xff@example.com"],
    "long": ["a" * 9000, "é" * 5000, "a " * 5000, "退" * 4000],
    "1 MB": ["hello ann@example.com " * 50_000, b"\xff" * 1_000_000, "a" * 1_000_000],
}
ALL_NASTY = [text for texts in NASTY.values() for text in texts]


def tokens_of_graph(texts: Texts, mode: str, max_length: int = MAX_LENGTH) -> list[list[str]]:
    ragged = tokenize_graph(texts, mode, max_length)
    return [[token.decode("utf-8") for token in row] for row in ragged.to_list()]


def assert_twins_agree(texts: Texts, mode: str, max_length: int = MAX_LENGTH) -> None:
    for text, tokens in zip(texts, tokens_of_graph(texts, mode, max_length), strict=True):
        assert tokens == tokenize(text, mode, max_length), f"{mode}: {text!r}"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("max_length", [1, 3, 128])
def test_nasty_texts(mode: str, max_length: int) -> None:
    assert_twins_agree(ALL_NASTY, mode, max_length)


_WORDS = """can not CANNOT gonna Wanna gimme lemme gotta don't ’ ' . , : / - -- @ (at) [dot] example .com www. http://
+44 00 0 12 1234 555 4111 de89 GB29 NWBK :: fe80 192.168.0.1 12345 é É İ ß ſ \u212a Σ ς ｊ ＠ １ ٣ 中 文 한국
हिन्दी ไทย ع 😀 👍🏽 ! ? ?! % $ € < > <email> & # _ * \\ [ ] ^ { } | ~ ` ´ ½ ² ㎡ a b e f x"""
_OTHERS = [" ", "  ", " at ", " dot ", "\n", "\t", "\u00a0", "\x00", "\x1c", "\x85", "\u200b", "\u200d", "\ufe0f"]
PIECES = [*_WORDS.split(), *_OTHERS, "\u00ad", "\u0301", "\ufffd", "\ue000", "\U000e0041", "\ud800", "\x7f"]
DIGITS = "0123456789  .-()+:/abcdef@"


def of_pieces(source: random.Random) -> str:
    return "".join(source.choices(PIECES, k=source.randint(0, 14)))


def of_code_points(source: random.Random) -> str:
    last = source.choice([0x7F, 0x2FF, 0xFFFF, 0x10FFFF])
    return "".join(chr(source.randint(0, last)) for _ in range(source.randint(1, 20)))


def of_digits(source: random.Random) -> str:
    return "".join(source.choices(DIGITS, k=source.randint(0, 40)))


def of_broken_bytes(source: random.Random) -> bytes:
    whole = bytearray(to_bytes(of_pieces(source)))
    for _ in range(source.randint(1, 4)):
        start = source.randint(0, len(whole))
        byte = source.choice([0xED, 0xA0, 0xC0, 0xF4, source.randint(0, 255)])
        whole[start : start + source.randint(0, 2)] = bytes([byte])
    return bytes(whole)


def test_random_texts() -> None:
    """Over 10,000 distinct texts. Hypothesis draws the seeds: it would repeat itself in lists of that many texts."""
    seen: set[bytes] = set()

    @fuzz(60, database=None)
    @given(st.integers(0, 2**64))
    def check(seed: int) -> None:
        source = random.Random(seed)
        makers = [of_pieces, of_code_points, of_digits, of_broken_bytes]
        texts: Texts = [maker(source) for _ in range(70) for maker in makers]
        seen.update(map(to_bytes, texts))
        for mode in MODES:
            assert_twins_agree(texts, mode)

    check()
    assert len(seen) >= 10_000


TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=20),
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    st.text(DIGITS, max_size=30),
    st.binary(max_size=16),
)


@fuzz(100, suppress_health_check=list(HealthCheck))
@given(st.lists(TEXTS, max_size=20))
def test_random_texts_that_shrink(texts: Texts) -> None:
    for mode in MODES:
        assert_twins_agree(texts, mode)


_IN_OTHER_LOCALE = """
import json, locale, sys
sys.path.insert(0, sys.argv[1])
import tensorflow as tf
from test_twins import ALL_NASTY, MODES, tokens_of_graph
from supportnet.text.tokenizer import tokenize
try:
    locale.setlocale(locale.LC_ALL, "")
except locale.Error:
    pass  # Not installed, so the C library stays with "C"; ICU goes by the environment all the same.
graph = {mode: tokens_of_graph(ALL_NASTY, mode) for mode in MODES}
python = {mode: [tokenize(text, mode) for text in ALL_NASTY] for mode in MODES}
lower = tf.strings.lower("TITLE", encoding="utf-8").numpy().decode()
print(json.dumps({"graph": graph, "python": python, "lower": lower}))
"""


@pytest.mark.slow
def test_every_locale_gives_the_same_tokens() -> None:
    """Under Turkish, TensorFlow's own lower case of TITLE is `tıtle`: the trap is there, and nothing falls into it."""
    command = [sys.executable, "-c", _IN_OTHER_LOCALE, str(Path(__file__).parent)]
    processes = {}
    for name in ("C", "C.UTF-8", "tr_TR.UTF-8"):
        environment = {**os.environ, "LC_ALL": name, "PYTHONIOENCODING": "utf-8"}
        environment["PYTHONPATH"] = os.pathsep.join(str(Path(__file__).parents[up]) for up in (1, 2))
        processes[name] = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    here = {mode: tokens_of_graph(ALL_NASTY, mode) for mode in MODES}
    for name, process in processes.items():
        there = json.loads(process.communicate(timeout=300)[0])
        assert there["graph"] == here, name
        assert there["python"] == here, name
        assert there["lower"] == ("tıtle" if name.startswith("tr") else "title")


def test_one_megabyte_costs_no_more_than_what_is_read_of_it() -> None:
    """The first operation on the texts cuts them; nothing else sees them whole."""
    function = tf.function(lambda texts: tokenize_graph(texts).values)
    graph = function.get_concrete_function(tf.TensorSpec([None], tf.string)).graph
    assert [consumer.type for consumer in graph.inputs[0].consumers()] == ["Substr"]
    text = "é, ann@example.com! " * 60_000
    assert tokens_of_graph([text], "unicode") == tokens_of_graph(
        [text.encode()[: BYTES_PER_TOKEN * MAX_LENGTH]], "unicode"
    )


@pytest.mark.parametrize("texts", [[], [""], ["", "hello", ""]])
def test_shapes(texts: Texts) -> None:
    ragged = tokenize_graph(texts)
    assert ragged.shape.as_list() == [len(texts), None]
    assert [len(row) for row in ragged.to_list()] == [len(text) // 5 for text in texts]


def test_any_array_of_strings_is_taken() -> None:
    for texts in (("a b", b"c"), np.array(["a b", "c"]), np.array(["a b", "c"], object), tf.constant(["a b", "c"])):
        assert tokenize_graph(texts).to_list() == [[b"a", b"b"], [b"c"]]


def test_wrong_arguments_are_errors() -> None:
    for text in ("one text", b"one text"):
        with pytest.raises(
            UserError, match=r"texts must be a list or an array of texts\. Received: texts=b?'one text'"
        ):
            tokenize_graph(text)
    with pytest.raises(UserError, match=r"max_length must be at least 1\. Received: max_length=0"):
        tokenize_graph(["a"], max_length=0)
    with pytest.raises(UserError, match="mode must be one of unicode, article"):
        tokenize_graph(["a"], mode="other")
