import pytest

from supportnet.data import Turn, context
from supportnet.errors import UserError

TURNS = [Turn("customer", "hi"), Turn("agent", "hello"), Turn("customer", "a\nb"), Turn("customer", "c")]


@pytest.mark.parametrize(
    ("num_turns", "text"),
    [
        (1, "c"),
        (2, "customer: c\ncustomer: a b"),
        (3, "customer: c\ncustomer: a b\nagent: hello"),
        (4, "customer: c\ncustomer: a b\nagent: hello\ncustomer: hi"),
        (9, "customer: c\ncustomer: a b\nagent: hello\ncustomer: hi"),
    ],
)
def test_the_newest_turns_come_first(num_turns, text):
    assert context(TURNS, num_turns) == text


def test_one_turn_is_the_bare_message_however_many_are_asked_for():
    assert context(TURNS[:1], 3) == "hi"
    assert context([], 3) == ""


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\u2028", "\x0b"])
def test_a_turn_is_one_line(newline):
    assert context([("agent", f"one{newline}two"), ("customer", f"three{newline}")], 2) == (
        "customer: three\nagent: one two"
    )


@pytest.mark.parametrize("num_turns", [0, -1])
def test_at_least_one_turn(num_turns):
    with pytest.raises(UserError, match=rf"^num_turns must be at least 1\. Received: num_turns={num_turns}$"):
        context(TURNS, num_turns)


def test_an_unknown_speaker_is_named():
    with pytest.raises(UserError, match=r"^A turn's speaker must be customer or agent\. Received: speaker='user'$"):
        context([("user", "hi")], 1)
