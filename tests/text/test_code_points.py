"""The table of code points: its file is what the tool makes, and it keeps what it promises."""

import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from supportnet.errors import UserError
from supportnet.text import code_points
from supportnet.text.code_points import DELETE, EUROPEAN, LETTER, OTHER, WHITESPACE, fold, own_tokens

TOOL = Path(__file__).parents[2] / "tools" / "make_code_points.py"
EVERYTHING = range(0x110000)


@pytest.mark.skipif(unicodedata.unidata_version != "14.0.0", reason="the file is made with Unicode 14 (Python 3.11)")
def test_file_is_what_the_tool_makes() -> None:
    made = subprocess.run([sys.executable, TOOL], capture_output=True, check=True).stdout.decode()
    assert made == Path(code_points.__file__).with_name("code_points.txt").read_text(encoding="utf-8")


@pytest.mark.skipif(unicodedata.unidata_version == "14.0.0", reason="only another Unicode version is refused")
def test_tool_refuses_another_unicode_version() -> None:
    done = subprocess.run([sys.executable, TOOL], capture_output=True, check=False)
    assert done.returncode != 0
    assert b"Unicode 14.0.0" in done.stderr


@pytest.mark.parametrize("mode", ["unicode", "article"])
def test_folding_twice_changes_nothing_more(mode: str) -> None:
    table = fold(mode)
    for code_point in EVERYTHING:
        target = table[code_point]
        # DEL marks what is to be deleted; a DEL in a text is none.
        assert chr(target) == DELETE or table[target] == target or chr(target) in (LETTER, OTHER), hex(code_point)


def test_unicode_fold_keeps_letters_marks_and_numbers_of_every_script() -> None:
    """Categories and compatibility forms of assigned code points are stable over Unicode versions."""
    table = fold("unicode")
    for code_point in EVERYTHING:
        character, target = chr(code_point), chr(table[code_point])
        if unicodedata.category(character) in ("Lu", "Ll", "Lt", "Lo", "Mc", "Nd") and target == " ":
            assert unicodedata.name(character), "only a code point that Unicode 14 didn't know may be a space"
            assert unicodedata.unidata_version != "14.0.0", hex(code_point)
        if target not in (" ", DELETE) and character.isupper() and len(character.lower()) == 1:
            assert target == chr(table[ord(character.lower())]), hex(code_point)


def test_unicode_fold_makes_every_decimal_digit_ascii() -> None:
    table = fold("unicode")
    digits = [code_point for code_point in EVERYTHING if unicodedata.category(chr(code_point)) == "Nd"]
    known = [code_point for code_point in digits if table[code_point] != ord(" ")]
    assert len(known) >= 600
    assert all(chr(table[code_point]) == str(unicodedata.decimal(chr(code_point))) for code_point in known)


def test_no_fold_leaves_an_invisible_or_unknown_character() -> None:
    for mode in code_points.MODES:
        reached = {chr(fold(mode)[code_point]) for code_point in EVERYTHING} - {DELETE}
        assert {unicodedata.category(character) for character in reached} & {
            "Cc",
            "Cf",
            "Co",
            "Cs",
            "Zl",
            "Zp",
        } == set()
        assert [character for character in reached if character.isspace()] == [" "]
        assert reached.isdisjoint("<>ABCXYZ\ufffd")


def test_white_space_is_pythons() -> None:
    spaces = [code_point for code_point in EVERYTHING if chr(code_point).isspace()]
    assert list(WHITESPACE) == spaces
    assert len(spaces) == 29
    assert [code_point for code_point in EVERYTHING if fold("article")[code_point] == ord(" ")] == spaces


def test_article_fold_makes_ascii_letters_of_ascii_letters_only() -> None:
    table = fold("article")
    for code_point in EVERYTHING:
        if chr(table[code_point]) in "abcdefghijklmnopqrstuvwxyz":
            assert chr(code_point).isascii()
            assert chr(code_point).lower() == chr(table[code_point])


def test_article_fold_tells_european_letters_apart_as_the_unicode_fold_does() -> None:
    first, last = EUROPEAN[0], EUROPEAN[-1]
    assert first <= LETTER <= last
    assert not first <= OTHER <= last
    assert "aé日€".translate(fold("article")) == f"a{LETTER}{OTHER}{OTHER}"


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("TITLE title İIiı", "title title iiiı"),
        ("É ß ẞ ſ \u212a Å", "é ß ß s k å"),
        ("ΟΔΟΣ οδος", "οδοσ οδοσ"),
        ("Ｆｕｌｌ　１２３！", "full 123!"),
        ("٣ ३ ๓ 𝟑 ³ ③", "3 3 3 3 3 3"),
        ("don’t don`t don´t donʼt", "don't don't don't don't"),
        ("a–b—c−d‑e", "a-b-c-d-e"),
        ("x\u00a0y\u2003z\u3000\t\n", "x y z   "),
        ("\x00\x7f\ue000\ufffd\ud800\u0378\U0010ffff", "       "),
        ("<email>", " email "),
        ("كتاب؟ ٪", "كتاب? %"),
        ("हिन्दी ไทย 한국어", "हिन्दी ไทย 한국어"),
        ("ｶﾞ ㋿", "カ゛ ㋿".replace("゛", "\u3099")),
        ("£ ￡ € 😀", "£ £ € 😀"),
    ],
)
def test_unicode_fold_by_example(text: str, folded: str) -> None:
    assert text.translate(fold("unicode")) == folded


def test_what_is_invisible_is_deleted() -> None:
    text = "a\u200d\u200c\u00ad\ufeff\u2060\ufe0f\u20e3\u202a\U0001f3fd\U000e0061b"
    assert text.translate(fold("unicode")).replace(DELETE, "") == "ab"
    assert text.translate(fold("article")).replace(DELETE, "") == "ab"


def test_own_tokens_hold_emoji_and_currency_but_no_letter() -> None:
    import re

    own = re.compile(f"[{own_tokens()}]")
    assert all(own.fullmatch(character) for character in "😀🇩❤€£¥°🫠\U0001faff")
    assert not any(own.fullmatch(character) for character in "aé中ह์9 <>?!©→■\ufffd")


def test_a_fold_is_small_enough_for_a_graph() -> None:
    for mode in code_points.MODES:
        assert fold(mode).blocks.nbytes + fold(mode).values.nbytes < 200_000


def test_unknown_mode_is_an_error() -> None:
    with pytest.raises(UserError, match="mode must be one of unicode, article"):
        fold("latin")
