"""Personal data: what is found, what must survive, and that the spans point at it."""

import time

import pytest
from campaigns import fuzz
from hypothesis import given
from hypothesis import strategies as st

from supportnet.errors import UserError
from supportnet.text.redaction import PATTERNS, Span, find_personal_data, redact
from supportnet.text.special_tokens import PLACEHOLDERS
from supportnet.text.tokenizer import tokenize

FOUND = {
    "email": """
        ann@example.com
        Ann.O'Neil+shop@mail.example.co.uk
        ANN_LEE@EXAMPLE.COM
        ann @ example.com
        ann (at) example.com
        ann(at)example(dot)com
        ann [at] example [dot] com
        ann{at}example{dot}com
        ann[@]example.com
        ann (@) example.com
        ann at example dot com
        ann dot lee at example dot co dot uk
        ann@example
        ann@münchen.de
        josé@example.com
        почта@пример.рф
        ann＠example．com
        ann%lee@example.com
        ann@mail.example.museum
        ann@192.0.2.1
        ann-lee@ex-ample.com""",
    "url": """
        https://example.com
        http://user:secret@example.com:8080/a/b?token=1#x
        HTTPS://EXAMPLE.COM/Order/77
        ftp://example.com/a.txt
        www.example.com/order?id=4
        example.com
        shop.example.de:8080/path
        example.co.uk
        example.xyz/track/AB12
        https://bücher.example/ä
        https://example.com/~ann
        hxxps://example.com/a""",
    "phone": """
        +44 20 7946 0958
        +44 (0)20 7946 0958
        +1 (555) 010-1234
        +1-555-010-1234
        +1.555.010.1234
        +15550101234
        + 49 30 123456
        +49 171/1234567
        0049 30 12345678
        (555) 010-1234
        (555)010-1234
        (020) 7946 0958
        555-010-1234
        555.010.1234
        555 010 1234
        1-800-555-0199
        1 (800) 555-0199
        555-0199
        020 7946 0958
        020-7946-0958
        07911 123456
        07911123456
        0171/1234567
        020/7946/0958
        030 12345
        06 12 34 56 78
        06.12.34.56.78
        06-12-34-56-78
        12 34 56 78
        612 345 678
        02 1234 5678
        09 123 4567
        138 0013 8000
        010-1234-5678
        55 1234 5678
        (11) 91234-5678
        8 (800) 555-35-35
        +7 (800) 555-35-35
        ＋４４ ２０ ７９４６ ０９５８
        +٤٤ ٢٠ ٧٩٤٦ ٠٩٥٨
        +44–20–7946–0958""",
    "card": """
        4111111111111111
        4111 1111 1111 1111
        4111-1111-1111-1111
        4111.1111.1111.1111
        4111/1111/1111/1111
        4111_1111_1111_1111
        4111 - 1111 - 1111 - 1111
        4111  1111  1111  1111
        4111 1111 1111 1111 123
        3782 822463 10005
        378282246310005
        3056 930902 5904
        4222222222222
        6304000000000000000
        41111 11111 11111 1
        4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1
        ４１１１ １１１１ １１１１ １１１１""",
    "iban": """
        DE89370400440532013000
        DE89 3704 0044 0532 0130 00
        de89 3704 0044 0532 0130 00
        DE89-3704-0044-0532-0130-00
        DE89.3704.0044.0532.0130.00
        DE89_3704_0044_0532_0130_00
        GB29/NWBK/6016/1331/9268/19
        GB29 NWBK 6016 1331 9268 19
        gb29nwbk60161331926819
        FR1420041010050500013M02606
        FR14 2004 1010 0505 0001 3M02 606
        NL91 ABNA 0417 1643 00
        NO93 8601 1117 947
        AT61 1904 3002 3457 3201
        MT84MALT011000012345MTLCAST001S
        BE68 5390 0754 7034
        IT60 X054 2811 1010 0000 0123 456""",
    "ip": """
        192.0.2.1
        192.0.2.1:8080
        10.0.0.0/8
        2001:db8:0:0:0:0:0:1
        2001:0DB8:85A3:0000:0000:8A2E:0370:7334
        2001:db8::1
        2001:db8::
        fe80::1
        fe80::1ff:fe23:4567:890a
        ::1
        ::ffff:192.0.2.1""",
    "number": """
        12345
        123456789
        0000012345
        AB123456
        ab-12345
        RR123456789GB
        ORD-20240012
        123-12345-67
        123-45-6789
        12345-678
        10000.50
        ١٢٣٤٥٦""",
}

#: Words, amounts, dates and times that a model must be able to read.
SURVIVES = """
    100
    12.50
    £1,000
    10 000
    9999
    in 2024
    2019-2020
    2 weeks
    24/7
    3-5 days
    10:30
    10:30:45
    01/02/2024
    2024-01-02
    01.02.2024
    01/02/2024 10:30
    2024-01-02 10:30
    01.02.24 10:30
    at 10:00 12/02/2024
    paid 20.00 2024-01-02
    2024-01-02T10:30
    50%
    1/2
    4g and 5G
    mp3
    version 2.0.1
    size 10-12
    sizes 36/38/40/42
    2019/2020/2021
    1/100/1000
    order ab12/2024
    9am-5pm
    call 911
    visa 4111
    ending in 1234
    see e.g. the faq
    no.1
    and/or
    it arrived.at home
    hello.i need help
    my order.online it says paid
    Um...what?
    items @ 10
    2@10
    look at it. dot it
    meet at noon
    std::cout
    ::)
    a::z
    note: add
    iban
    no12 that
    my b12
    sort 12-34-56
    +100
    (100)
    (2) 3
    003
    1. first 2. second 3. third
    10 20 30""".strip().split("\n")

LINES = [(kind, line.strip()) for kind, block in FOUND.items() for line in block.strip().split("\n")]
#: What may stand around a value: nothing of it belongs to the value.
AROUND = ["{}", "my data: {}, thanks", "({}) is it. Please", "«{}»", "x\u00a0{}\nhello", "{}?", '"{}".']


@pytest.mark.parametrize(("kind", "value"), LINES)
def test_value_is_found_whole_whatever_stands_around(kind: str, value: str) -> None:
    for around in AROUND:
        text = around.format(value)
        start = text.index(value)
        assert find_personal_data(text) == [Span(start, start + len(value), kind, value)], text


@pytest.mark.parametrize(("kind", "value"), LINES)
def test_both_modes_redact_it(kind: str, value: str) -> None:
    text = f"hello {value} there"
    expected = ["hello", PLACEHOLDERS[kind], "there"]
    assert tokenize(text, "unicode") == expected
    if value.isascii() or kind in ("phone", "card", "number"):
        assert tokenize(text, "article") == expected


@pytest.mark.parametrize("text", [line.strip() for line in SURVIVES])
def test_ordinary_text_survives(text: str) -> None:
    assert find_personal_data(text) == []
    assert find_personal_data(text, mode="article") == []


def test_kinds_are_tried_in_an_order_that_keeps_values_apart() -> None:
    text = "Mail a@b.com or +44 20 7946 0958, card 4111 1111 1111 1111 12/26, pay to DE89 3704 0044 0532 0130 00, 77123"
    kinds = [span.kind for span in find_personal_data(text)]
    assert kinds == ["email", "phone", "card", "iban", "number"]


def test_every_kind_has_a_pattern_and_a_placeholder() -> None:
    assert {kind for kind, _ in PATTERNS} == set(PLACEHOLDERS)


def test_characters_that_are_deleted_inside_a_value_belong_to_it() -> None:
    text = "mail jo\u200dhn\u00ad@example.com\ufe0f now"
    assert [span.value for span in find_personal_data(text)] == ["jo\u200dhn\u00ad@example.com"]


def test_redact_keeps_the_rest_as_it_was_written() -> None:
    assert redact("I'm Ann@Example.com,  ORDER №1234567!") == "I'm <email>,  ORDER №<number>!"
    assert redact("") == ""
    assert redact("Nothing  HERE\u00a0") == "Nothing  HERE\u00a0"


def test_unknown_mode_is_an_error() -> None:
    with pytest.raises(UserError, match=r"mode must be one of unicode, article\. Received: mode='other'"):
        find_personal_data("", mode="other")


_WORDS = """a bob @ . com (at) + 00 49 1234 - / : :: é 中 de89 www. :// ( ) 12345 İ < > ٣ ' x ?"""
PIECES = st.sampled_from([*_WORDS.split(), " ", " at ", " dot ", "\ufe0f", "\u00a0", "\ud800"])


@fuzz(300)
@given(st.one_of(st.lists(PIECES, max_size=20).map("".join), st.text(max_size=30)))
def test_spans_are_ordered_apart_and_agree_with_the_tokens(text: str) -> None:
    spans = find_personal_data(text)
    ends = [0, *(span.end for span in spans)]
    assert all(end <= span.start < span.end for end, span in zip(ends, spans, strict=False))
    assert all(text[span.start : span.end] == span.value for span in spans)
    placeholders = [token for token in tokenize(text) if token.startswith("<")]
    assert placeholders == [PLACEHOLDERS[span.kind] for span in spans]


@pytest.mark.parametrize("piece", ["a", "a.", "a@", "1", "12-", "a1", "é", "a.com", "::", "a at "])
def test_time_grows_linearly(piece: str) -> None:
    """Quadratic time would be hours at this length."""
    start = time.monotonic()
    find_personal_data(piece * (100_000 // len(piece)))
    assert time.monotonic() - start < 30
