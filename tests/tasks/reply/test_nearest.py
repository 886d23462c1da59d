"""The nearest reply, on a handful of messages."""

import pytest

from supportnet.data.ticket import Ticket
from supportnet.tasks.reply import comparison as nearest
from supportnet.tasks.reply.comparison import NearestReply, without_speakers

SUBJECTS = ["parcel", "refund", "flight", "weather"]
PAIRS = [Ticket(f"tell me about my {subject}", reply=f"Your {subject} is quite fine.") for subject in SUBJECTS]
TRAIN = [*PAIRS, Ticket("what now", reply="Anything else?"), Ticket("and now", reply="Anything else?")]


def test_the_nearest_message_in_each_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "BLOCK", 3)
    asked = [f"about a {subject} please" for subject in reversed(SUBJECTS)]
    found = NearestReply(TRAIN).reply([*asked, "", "zebra"])
    assert found == [ticket.reply for ticket in [*reversed(PAIRS), PAIRS[0], PAIRS[0]]]


def test_pairs_of_words_tell_apart_what_words_cannot() -> None:
    train = [Ticket("no please wait", reply="I wait."), Ticket("please no wait", reply="I go on.")]
    assert NearestReply(train).reply(["please no wait"]) == ["I wait."]
    assert NearestReply(train, ngrams=(1, 2)).reply(["please no wait"]) == ["I go on."]


def test_speakers_are_not_words() -> None:
    assert without_speakers("customer: hi agent: x\nagent: Hello!") == "hi agent: x\nHello!"
    train = [Ticket("customer: yes\nagent: Coffee or tea?", reply="Which?"), Ticket("an agent", reply="One moment.")]
    assert NearestReply(train).reply(["agent: bread?\ncustomer: tea"]) == ["Which?"]
