"""Slots: no personal data of a reply is learnt, and the customer's own is copied back."""

import random
import re
import time
from pathlib import Path

import pytest
import tensorflow as tf
from campaigns import fuzz
from hypothesis import given
from hypothesis import strategies as st
from references import filled
from test_redaction import LINES
from test_twins import PIECES, of_digits, of_pieces

from supportnet.data.ticket import Turn, context
from supportnet.errors import UserError
from supportnet.text.byte_pairs import BytePairVocabulary, detokenize
from supportnet.text.redaction import find_personal_data
from supportnet.text.slots import SLOT_KINDS, constants_of, fill_slots, slotted
from supportnet.text.special_tokens import PLACEHOLDERS

VALUES = [value for _, value in LINES]
SLOTS = [f"{{{name}}}" for name in SLOT_KINDS]


def fill(reply: str | bytes, message: str | bytes, max_length: int = 128) -> str:
    return str(fill_slots(tf.constant([reply]), tf.constant([message]), max_length).numpy()[0].decode("utf-8"))


@pytest.mark.parametrize(("kind", "value"), LINES)
def test_each_kind_becomes_its_slot_and_comes_back_as_it_was_written(kind: str, value: str) -> None:
    assert slotted(f"Is {value} right?") == f"Is {{{kind}}} right?"
    assert fill(f"Is {{{kind}}} right?", f"it's {value}, thanks") == f"Is {value} right?"


def test_every_kind_has_a_slot() -> None:
    assert set(SLOT_KINDS.values()) == set(PLACEHOLDERS)
    assert all(SLOT_KINDS[kind] == kind for kind in PLACEHOLDERS)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("", ""),
        ("Nothing  here\u00a0!", "Nothing  here\u00a0!"),
        ("Order {order_number}, {first_name}: 12345.", "Order {order_number}, {first_name}: {number}."),
        ("See https://example.com/t/{tracking_number}!", "See {url}{tracking_number}!"),
        ("{order_number}12345{x}67890", "{order_number}{number}{x}{number}"),
        ("ann{at}example{dot}com", "{email}"),
        ("{at} 24/7 {dot}", "{at} 24/7 {dot}"),
        ("{Name} {} {1} {a b} {", "{Name} {} {1} {a b} {"),
        # What the first look doesn't find, because a number was before it.
        ("12345http://shop", "{number}{url}"),
    ],
)
def test_slotted_by_example(reply: str, expected: str) -> None:
    assert slotted(reply) == expected


def of_values(source: random.Random) -> str:
    return source.choice(["", " "]).join(
        source.choices([*VALUES, *PIECES, *SLOTS, "{at}", "{x}"], k=source.randint(0, 6))
    )


@fuzz(200)
@given(st.integers(0, 2**64))
def test_no_value_is_left_and_no_slot_is_lost(seed: int) -> None:
    reply = of_values(random.Random(seed))
    slots, once = re.compile("|".join(SLOTS)), slotted(reply)
    assert slotted(once) == once
    assert all(find_personal_data(part) == [] for part in re.split(r"\{[a-z][a-z0-9_]*\}", once))
    assert len(slots.findall(once)) >= len(slots.findall(reply))


CONTEXT = """customer: no, to Bob@Example.com
agent: To agent@example.com about 99999?
customer: order AB-1234567 and 7654321, ann@example.com, +44 20 7946 0958
agent: Your card 4111 1111 1111 1111?"""


@pytest.mark.parametrize(
    ("reply", "message", "expected"),
    [
        # The newest customer's line, and the first value in it.
        ("{email} {number} {phone}", CONTEXT, "Bob@Example.com AB-1234567 +44 20 7946 0958"),
        # What only the agent wrote isn't the customer's.
        ("{card} {url}", CONTEXT, "{card} {url}"),
        ("{order_number}{tracking_number}{account_number}", "it is 12345", "123451234512345"),
        ("{phone_number}", "0171/1234567", "0171/1234567"),
        ("{card_number}", "4111-1111-1111-1111", "4111-1111-1111-1111"),
        ("{email_address}", "MAIL me: Ann@EXAMPLE.com!", "Ann@EXAMPLE.com"),
        # A kind's value isn't another's.
        ("{number} {phone} {card}", "4111 1111 1111 1111", "{number} {phone} 4111 1111 1111 1111"),
        ("{phone} {number}", "+44 20 7946 0958", "+44 20 7946 0958 {number}"),
        # Other slots, and what is none.
        ("{first_name} {Number} {number {number }", "12345", "{first_name} {Number} {number {number }"),
        ("{number", "12345", "{number"),
        ("{{number}}", "12345", "{12345}"),
        # A value is copied, not read as a rewrite or as a slot.
        (r"see {url} \1 \0", r"https://a.com/\1\0{number}$x 12345", r"see https://a.com/\1\0{number}$x \1 \0"),
        ("{number} {url}", "www.a.com/{number}/b 12345", "12345 www.a.com/{number}/b"),
        # As it was written: digits of another script, what is invisible, a space that doesn't break.
        ("{number}", "№ １２３４５６", "１２３４５６"),
        ("{email}", "jo\u200dhn@example.com\ufe0f", "jo\u200dhn@example.com"),
        ("{phone}", "020\u00a07946\u2003 0958", "020\u00a07946\u2003 0958"),
        # Lines: only these two words, so written, say who speaks.
        ("{number}", "12345", "12345"),
        ("{number}", "hi\n\n12345\n", "12345"),
        ("{number}", "agent: 12345", "{number}"),
        ("{number}", "agent: \ncustomer: 12345\nagent: 67890", "12345"),
        ("{number}", "customer: agent: 12345", "12345"),
        ("{number}", "agent: customer: 12345", "{number}"),
        ("{number}", "Agent: 12345", "12345"),
        ("{card}", "customer: 4111 1111\ncustomer: 1111 1111", "{card}"),
        ("{number}", "", "{number}"),
        ("", "12345", ""),
    ],
)  # fmt: skip
def test_filled_by_example(reply: str, message: str, expected: str) -> None:
    assert filled(reply, message) == expected
    assert fill(reply, message) == expected


def test_a_conversation_is_read_as_it_is_made() -> None:
    turns = [
        Turn("customer", "my order 12345"),
        Turn("agent", "Is it 99999?"),
        Turn("customer", "yes,\nat ann@example.com"),
    ]
    assert fill("{number} {email}", context(turns, 3)) == "12345 ann@example.com"
    assert fill("{number} {email}", context(turns, 2)) == "{number} ann@example.com"
    assert fill("{number}", context(turns[:1], 3)) == "12345"


def test_rows_of_a_batch_do_not_meet() -> None:
    replies = ["{number}", "{number}", "no slot", "", "{email}{number}"]
    messages = ["12345", "agent: 1\n", "67890", "ann@example.com", "1111111\nann@example.com"]
    expected = [b"12345", b"{number}", b"no slot", b"", b"ann@example.com1111111"]
    assert fill_slots(tf.constant(replies), tf.constant(messages)).numpy().tolist() == expected
    assert fill_slots(tf.zeros([0], tf.string), tf.zeros([0], tf.string)).shape == (0,)


def of_lines(source: random.Random) -> str:
    speakers = ["customer: ", "agent: ", "", "customer:", "agent:"]
    makers = [of_values, of_values, of_pieces, of_digits]
    lines = [source.choice(speakers) + source.choice(makers)(source) for _ in range(source.randint(0, 4))]
    return "\n".join(lines).encode("utf-8", "replace").decode("utf-8")


def of_slots(source: random.Random) -> str:
    parts = [*SLOTS, "{x}", "{", "}", " ", "\\1", "é", "\n", "\x01", "Your order"]
    return "".join(source.choices(parts, k=source.randint(0, 6)))


@fuzz(80)
@given(st.integers(0, 2**64), st.sampled_from([1, 2, 128]))
def test_twins_agree(seed: int, max_length: int) -> None:
    source = random.Random(seed)
    replies = [of_slots(source) for _ in range(40)]
    messages = [of_lines(source) for _ in range(40)]
    written = fill_slots(tf.constant(replies), tf.constant(messages), max_length).numpy()
    for reply, message, row in zip(replies, messages, written, strict=True):
        assert row.decode("utf-8") == filled(reply, message, max_length), (reply, message)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        # 64 bytes are read: whole, cut in the number, and cut within a character.
        ("x" * 58 + " 12345", "12345"),
        ("x" * 58 + " 123456", "{number}"),
        ("12345, " + "x" * 80, "12345"),
        ("12345 " + "x" * 80, "{number}"),
        ("12345\n4111 1111 1111 1111\n" + "é" * 80, "12345"),
        ("order 12345? " + "é" * 80, "12345"),
    ],
)
def test_no_half_value_where_a_message_is_cut(message: str, expected: str) -> None:
    assert filled("{number}", message, max_length=1) == expected
    assert fill("{number}", message, max_length=1) == expected


def test_invalid_bytes() -> None:
    assert fill(b"caf\xe9 {number}\xff", b"\xff12345\xc3 \xe2\x82") == "caf\ufffd 12345\ufffd"
    assert fill("{number}", b"agent: \xff12345") == "{number}"
    assert fill(b"\xff", "12345") == "\ufffd"


def test_max_length_must_be_positive() -> None:
    with pytest.raises(UserError, match=r"max_length must be at least 1\. Received: max_length=0"):
        fill("{number}", "12345", max_length=0)


def test_an_export_fills_and_leaves_the_messages_where_nothing_is_to_fill(tmp_path: Path) -> None:
    module = tf.Module()
    module.fill = tf.function(fill_slots, input_signature=[tf.TensorSpec([None], tf.string)] * 2)
    tf.saved_model.save(module, tmp_path)
    exported = tf.saved_model.load(tmp_path).fill
    assert exported(tf.constant(["{number}"]), tf.constant(["12345"])).numpy().tolist() == [b"12345"]
    long, times = tf.constant(["ann@example.com, " * 500] * 200), []
    for reply in ("no slot", "{email}"):
        start = time.perf_counter()
        exported(tf.constant([reply] * 200), long)
        times.append(time.perf_counter() - start)
    assert times[0] < times[1] / 10


@pytest.mark.parametrize("text", ["ann@example.com ", "12-", "a.", "\n", "é", "1"])
def test_a_message_of_a_megabyte_costs_what_the_model_reads(text: str) -> None:
    start = time.monotonic()
    fill("{email}", text * (1_000_000 // len(text)))
    assert time.monotonic() - start < 5


def test_the_companys_own_values_are_constants() -> None:
    """What ten conversations give, and the customer doesn't; not what one conversation repeats."""
    ours = [("how do I return it", "See www.shop.example/returns or call 020 7946 0958.", i) for i in range(10)]
    theirs = [(f"I am {i}@mail.example", f"I wrote to {i}@mail.example.", i) for i in range(20)]
    echoed = [("order 5550123", "I see 5550123.", i) for i in range(20)]
    repeated = [("hi", "Your number is 7654321.", 0)] * 20
    constants = constants_of([*ours, *theirs, *echoed, *repeated, *ours[:1]])
    assert constants == {"{our_phone_1}": "020 7946 0958", "{our_url_2}": "www.shop.example/returns"}
    assert constants_of(ours[:9]) == {}
    reply = "See www.shop.example/returns, not www.shop.example/return. Order 5550123?"
    assert slotted(reply, constants) == "See {our_url_2}, not {url}. Order {number}?"


def test_a_constant_is_one_piece_that_is_written_as_its_value() -> None:
    constants = {"{our_url_1}": "https://shop.example/é"}
    replies = ["Visit https://shop.example/é today."] * 3
    vocabulary = BytePairVocabulary.train([slotted(reply, constants) for reply in replies], 300, constants=constants)
    (ids,) = vocabulary.encode([slotted(replies[0], constants)])
    assert vocabulary.decode(ids) == replies[0]
    assert detokenize(vocabulary.pieces, [ids]).numpy()[0].decode() == replies[0]
    assert ids.count(3) == 1
