"""What each character becomes: by hand, from a file that the tool makes, and with tables of a size for an export."""

import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from supportnet.text import bert_characters as module
from supportnet.text.bert_characters import NOTHING, bert_characters

TOOL = Path(__file__).parents[2] / "tools" / "make_bert_characters.py"


@pytest.mark.skipif(unicodedata.unidata_version != "14.0.0", reason="the file is made with Unicode 14 (Python 3.11)")
def test_file_is_what_the_tool_makes() -> None:
    made = subprocess.run([sys.executable, TOOL], capture_output=True, check=True).stdout.decode()
    assert made == Path(module.__file__).with_name("bert_characters.txt").read_text(encoding="utf-8")


@pytest.mark.skipif(unicodedata.unidata_version == "14.0.0", reason="only another Unicode version is refused")
def test_tool_refuses_another_unicode_version() -> None:
    done = subprocess.run([sys.executable, TOOL], capture_output=True, check=False)
    assert done.returncode != 0
    assert b"Unicode 14.0.0" in done.stderr


@pytest.mark.parametrize(
    ("text", "uncased", "cased"),
    [
        ("Été", "ete", "Été"),
        ("E\u0301te\u0301", "ete", "E\u0301te\u0301"),
        ("don't", "don ' t", "don ' t"),
        ("$5_", " $ 5 _ ", " $ 5 _ "),
        ("退款", " 退  款 ", " 退  款 "),
        ("İI", "ii", "İI"),
        ("각", "\u1100\u1161\u11a8", "각"),
        ("가", "\u1100\u1161", "가"),
        ("a\u00a0b\tc\u2003d", "a b c d", "a b c d"),
        ("a\x00b\x1cc\x85d\u200be\ufffdf\ue000g", "abcdefg", "abcdefg"),
        ("\u0378\ufffe", "\u0378\ufffe", "\u0378\ufffe"),
        ("\u037e\u226e", " ;  < ", " \u037e \u226e"),
        ("\u09cb\u093f", "\u09c7\u09be\u093f", "\u09cb\u093f"),
        ("\uf900", " \u8c48 ", " \uf900 "),
        ("ΣΑΣ", "σασ", "ΣΑΣ"),
    ],
)
def test_by_hand(text: str, uncased: str, cased: str) -> None:
    assert text.translate(bert_characters()) == uncased
    assert text.translate(bert_characters(lowercase=False, strip_accents=False)) == cased


def test_options() -> None:
    assert "İÉ".translate(bert_characters(strip_accents=False)) == "i\u0307é"
    assert "İÉ".translate(bert_characters(lowercase=False)) == "IE"
    assert "a\x00\x0bb\x1c\ufffd".translate(bert_characters(clean_text=False)) == "a\x00 b\x1c\ufffd"
    assert "退\uf900".translate(bert_characters(handle_chinese_chars=False)) == "退\u8c48"


@pytest.mark.parametrize("options", [{}, {"lowercase": False, "strip_accents": False}, {"clean_text": False}])
def test_a_table_is_small_and_complete(options: dict[str, bool]) -> None:
    table = bert_characters(**options)
    assert table.values.nbytes + table.blocks.nbytes < 500_000
    assert table.values.shape[1:] == (3,)
    assert set(np.unique(table.values)) >= {NOTHING, 0, ord(" ")}
    assert table.values.min() == NOTHING
    # White space other than the plain space would be split by some operations and not by others.
    itself = np.arange(0x110000)
    entries = table.values[table.blocks[itself >> 8] + (itself & 255)]
    reached = map(chr, np.unique(np.where(entries == 0, itself[:, None], entries)).tolist()[1:])
    assert [character for character in reached if character.isspace() and character not in "\x1c\x1d\x1e\x1f"] == [" "]
