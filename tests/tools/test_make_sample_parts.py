"""The parts that write the sample: notation, slips, styles."""

import random
import re
from collections import Counter

import pytest
from make_sample.grammar import Reply, expand, expansions, fitting, read_intents
from make_sample.noise import (
    SLIPS,
    double_letter,
    drop_letter,
    hit_neighbour,
    misspell,
    run_on,
    swap_letters,
)
from make_sample.priority import PRESSING, TIMELY, points, priority
from make_sample.values import fill
from make_sample.voice import STYLES, bare, lower, say, shouted, tidy

from supportnet.data import OUT_OF_SCOPE


def test_fitting_falls_back_to_replies_without_condition() -> None:
    replies = [Reply.parse(line) for line in ("Hello.", "late|delayed => Sorry.", "lost => Oh no.")]
    assert fitting(replies, "my parcel is delayed and maybe lost") == ["Sorry.", "Oh no."]
    assert fitting(replies, "where is it?") == ["Hello."]


def test_expand_draws_from_expansions() -> None:
    template = "[can i|how do i] return [the {item}|it [now|]]?"
    every = set(expansions(template))
    assert every == {
        "can i return the {item}?",
        "how do i return the {item}?",
        "can i return it now?",
        "how do i return it now?",
        "can i return it?",
        "how do i return it?",
    }
    assert {expand(template, random.Random(seed)) for seed in range(60)} == every


def test_fill_gives_two_different_values() -> None:
    for seed in range(50):
        first, second = fill("{size} {other_size}", random.Random(seed)).split()
        assert first != second


def test_slips_by_hand() -> None:
    rng = random.Random(0)
    assert swap_letters("order", 2, rng) == "odrer"
    assert drop_letter("parcel", 3, rng) == "parel"
    assert double_letter("refund", 2, rng) == "reffund"
    assert hit_neighbour("return", 5, rng) in {"returb", "returm"}
    assert hit_neighbour("café", 3, rng) == "café"
    assert len(SLIPS) == 4


def test_slips_leave_slots_and_short_words_alone() -> None:
    for seed in range(50):
        rng = random.Random(seed)
        assert misspell("it is {item} {order_number}?", rng, count=2) == "it is {item} {order_number}?"
        assert run_on("{item} is {item}", rng) == "{item} is {item}"
        assert run_on("is it {item}", rng) == "isit {item}"


def test_styles() -> None:
    rng = random.Random(0)
    said = "hi. i paid, why? {card}"
    assert re.fullmatch(r"Hi\. I paid, why\? [\d -]+\.", tidy(said, rng))
    assert re.fullmatch(r"hi\. i paid, why\? [\d -]+", lower(said, rng))
    assert re.fullmatch(r"hi i paid why [\d -]+", bare(said, rng))
    assert re.fullmatch(r"HI\. I PAID, WHY\? [\d -]+", shouted(said, rng))
    assert "@example." in shouted("at {email}", rng)
    assert len(STYLES) == 4


def test_a_detail_that_is_known_is_not_added() -> None:
    for seed in range(200):
        said = say("where is {order_number}", random.Random(seed), details=["order {order_number}"])
        assert said.count("{order_number}") == 1


@pytest.mark.parametrize(
    ("said", "intent", "expected"),
    [
        ("what sizes are there?", "size_advice", 0),
        ("what sizes are there? this is ridiculous", "size_advice", 1),
        ("where is my {item}", "track_order", 1),
        ("i need it urgently. where is my {item}. still nothing", "track_order", 3),
        ("i was charged twice", "double_charge", 3),
        ("your shop pays twice, i hear", OUT_OF_SCOPE, 1),
    ],
)
def test_points_of_the_priority_by_hand(said: str, intent: str, expected: int) -> None:
    assert points(said, intent) == expected


def test_most_priorities_follow_from_the_points() -> None:
    rng = random.Random(0)
    for said, intent, expected, other in (
        ("where is my {item}", "track_order", "normal", {"low", "high"}),
        ("what sizes are there?", "size_advice", "low", {"normal"}),
        ("i was charged twice, fix this now", "double_charge", "high", {"normal"}),
    ):
        counts = Counter(priority(said, intent, rng) for _ in range(2000))
        assert set(counts) == {expected} | other
        assert 0.88 < counts[expected] / 2000 < 0.99


def test_the_intents_of_the_rule_exist() -> None:
    assert set(read_intents()) >= PRESSING | TIMELY
    assert not PRESSING & TIMELY
