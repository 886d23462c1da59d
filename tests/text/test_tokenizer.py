"""What the tokens of a text are, by example."""

import re

import pytest

from supportnet.errors import UserError
from supportnet.text.special_tokens import PAD, PAD_ID, PLACEHOLDERS, SPECIAL_TOKENS, UNKNOWN, UNKNOWN_ID
from supportnet.text.tokenizer import BYTES_PER_TOKEN, get_mode, tokenize

UNICODE = [
    ("Don’t charge £12.50 TWICE!!!", "don't charge £ 12.50 twice !"),
    ("Mail Ann@Example.com, état-civil 退款", "mail <email> état civil 退 款"),
    ("it's l'article, 'quoted' rock'n'roll dogs' ''x''", "it's l'article quoted rock'n'roll dogs x"),
    ("a''b '' ' 'a", "a b a"),
    ("DON'T don`t don´t", "don't don't don't"),
    ("24/7 10:30 1,000.50 50% -5 3-5", "24/7 10:30 1,000.50 50 % 5 3 5"),
    ("1.a a.1 a.b ..1 1.. 1..2 1./2 .5 v2.0", "1 a a 1 a b 1 1 1 2 1 2 5 v2.0"),
    ("and/or e.g. U.S.A: ok;no", "and or e g u s a ok no"),
    ("what?!?! really??? no!", "what ? ! ? ! really ? no !"),
    ("¿Qué? ¡Sí! だめ？ لماذا؟", "qué ? sí ! だめ ? لماذا ?"),
    ("100€ $5 ¥9", "100 € $ 5 ¥ 9"),
    ("👩‍👩‍👧 👍🏽 1️⃣ ❤️ 🇩🇪", "👩 👩 👧 👍 1 ❤ 🇩 🇪"),
    ("great👍thanks", "great 👍 thanks"),
    ("我要退款123元abc", "我 要 退 款 123 元 abc"),
    ("ひらがなカタカナ漢字ー", "ひらがなカタカナ 漢 字 ー"),
    ("हिन्दी में क्षमा", "हिन्दी में क्षमा"),
    ("العَرَبِيّة ٣", "العَرَبِيّة 3"),
    ("ขอเงินคืน", "ขอเงินคืน"),
    ("한국어 문의", "한국어 문의"),
    ("ÉTÉ İ ß ſ \u212a ΣΑΣ", "été i ß s k σασ"),
    ("Ｆｕｌｌ ｗｉｄｔｈ", "full width"),
    ("soft\u00adhyphen zero\u200bwidth\u00a0nbsp\x00nul", "softhyphen zero width nbsp nul"),
    ("<email> <pad> <unk> </b>", "email pad unk b"),
    ("#tag @you a_b c&d [x] {y} ~z", "tag you a b c d x y z"),
    ("“quotes” «guillemets» …", "quotes guillemets"),
    ("", ""),
    (" \t\n\u00a0", ""),
    ("\ufffd\ue000", ""),
]

ARTICLE = [
    ("Don’t charge £12.50 TWICE!!!", "dont charge twice"),
    ("Mail Ann@Example.com, état-civil 退款", "mail <email> tatcivil"),
    ("I CANNOT wait, wanna go", "i can not wait wan na go"),
    ("can.not cannot-can", "can not cannotcan"),
    ("a\u00a0b\u2003c\u200bd\x00e", "a b cde"),
    ("<email> a<b", "email ab"),
    ("mail:ann@example.com.please", "mail <email>"),
    ("\u212aelvin Ｆull", "elvin ull"),
    ("call ＋４４ ２０ ７９４６ ０９５８", "call <phone>"),
    ("", ""),
    ("123 !?", ""),
]


@pytest.mark.parametrize(("text", "tokens"), UNICODE)
def test_unicode_mode(text: str, tokens: str) -> None:
    assert tokenize(text) == tokens.split()
    assert tokenize(text.encode()) == tokens.split()


@pytest.mark.parametrize(("text", "tokens"), ARTICLE)
def test_article_mode(text: str, tokens: str) -> None:
    assert tokenize(text, mode="article") == tokens.split()


@pytest.mark.parametrize("mode", ["unicode", "article"])
def test_rules_keep_to_what_python_and_re2_read_alike(mode: str) -> None:
    for pattern, rewrite in get_mode(mode)[1]:
        assert not re.search(r"(?<!\\)\(\?[^:]|\\[swdpSWDPAZz1-9]", pattern), pattern
        assert re.compile(pattern).groups <= 9
        assert not re.search(pattern, "", re.ASCII), "Python and RE2 may treat empty matches differently"
        assert re.fullmatch(r"(\\[1-9]|[^\\])*", rewrite), rewrite


@pytest.mark.parametrize("mode", ["unicode", "article"])
def test_special_tokens_cannot_be_typed(mode: str) -> None:
    for token in SPECIAL_TOKENS:
        for text in (token, token.upper(), token.replace("<", "＜"), f"a{token}b", f"<{token}>"):
            assert not set(tokenize(text, mode)) & set(SPECIAL_TOKENS)


def test_ids_of_the_special_tokens_are_their_positions() -> None:
    assert SPECIAL_TOKENS[PAD_ID] == PAD
    assert SPECIAL_TOKENS[UNKNOWN_ID] == UNKNOWN
    assert SPECIAL_TOKENS[2:] == tuple(PLACEHOLDERS.values())


def test_at_most_max_length_tokens() -> None:
    assert tokenize("a b c d", max_length=3) == ["a", "b", "c"]
    assert len(tokenize("a " * 500)) == 128


def test_only_the_first_bytes_are_read() -> None:
    assert tokenize(" " * (BYTES_PER_TOKEN - 2) + "abc", max_length=1) == ["ab"]
    # Cut through the middle of é (2 bytes): what is left of it is no letter.
    assert tokenize("x" * (BYTES_PER_TOKEN - 1) + "é", max_length=1) == ["x" * (BYTES_PER_TOKEN - 1)]
    assert tokenize(b"ab\xff\xfe cd\xc3") == ["ab", "cd"]


def test_wrong_arguments_are_errors() -> None:
    with pytest.raises(UserError, match=r"max_length must be at least 1\. Received: max_length=0"):
        tokenize("a", max_length=0)
    with pytest.raises(UserError, match="mode must be one of unicode, article"):
        get_mode("other")
    with pytest.raises(UserError, match="mode must be one of unicode, article"):
        tokenize("a", mode="other")
