"""The measures of written replies, by hand and beside the libraries that define them."""

import logging
from collections.abc import Callable

import numpy as np
import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st

from supportnet.errors import UserError
from supportnet.tasks.reply.evaluate import (
    bleu_of,
    bleu_signature,
    bleu_statistics,
    distinct,
    exact_matches,
    reply_scores,
    rouge_l,
    slots_right,
)

WRITTEN = ["Your parcel is on its way.", "Hello!", "The order {order_number} was sent today.", "", "You're welcome."]
REFERENCES = ["Your parcel is on its way!", "hello!", "Order {order_number} was sent.", "Good bye.", "You are welcome."]
#: Words of several alphabets, slots, punctuation that 13a splits, entities that it resolves.
PIECES = ["parcel", "Parcel", "the", "was", "sent", "{order_number}", "17.50", "don't", "&amp;", "ß", "заказ", ".", ""]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=8).map(" ".join)
PAIRS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8)


@settings(deadline=None)
@given(PAIRS)
def test_bleu_is_that_of_sacrebleu(pairs: list[tuple[str, str]]) -> None:
    written, references = [own for own, _ in pairs], [reference for _, reference in pairs]
    expected = sacrebleu.corpus_bleu(written, [references])
    statistics = bleu_statistics(written, references)
    assert statistics.shape == (len(pairs), 10)
    assert bleu_of(statistics.sum(axis=0)) == expected.score


def test_the_signature_is_that_of_corpus_bleu() -> None:
    metric = sacrebleu.metrics.BLEU()
    metric.corpus_score(WRITTEN, [REFERENCES])
    assert bleu_signature() == str(metric.get_signature())
    assert "|tok:13a|" in bleu_signature()


def test_single_replies_are_scored_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        bleu_statistics(WRITTEN, REFERENCES)
    assert not caplog.records


def test_rouge_l_by_hand() -> None:
    """Longest common subsequences of 6, 1, 5 (a slot is the words of its name), 0 and 2 words."""
    expected = [1, 1, 2 * 5 / (7 + 5), 0, 2 * 2 / (3 + 3)]
    np.testing.assert_allclose(rouge_l(WRITTEN, REFERENCES), expected)


def test_rouge_l_has_no_stemmer_and_only_ascii() -> None:
    assert rouge_l(["orders", "заказ", "Größe", ""], ["order", "заказ", "größe", ""]).tolist() == [0, 0, 1, 0]


def test_exact_match_looks_past_case_and_white_space_only() -> None:
    written = ["THANK  you,\nAnna ", "Thank you, Anna", "", "\n"]
    references = ["thank you, anna", "Thank you Anna", "x", ""]
    assert exact_matches(written, references).tolist() == [True, False, False, True]


@pytest.mark.parametrize(
    ("written", "n", "expected"),
    [
        (["a b a", "B c"], 1, 3 / 5),
        (["a b a", "B c"], 2, 3 / 3),
        (["a b", "a b", "a b"], 2, 1 / 3),
        # No pair reaches from one reply to the next.
        (["a", "b"], 2, None),
        (["", " \n"], 1, None),
        ([], 1, None),
    ],
)
def test_distinct_by_hand(written: list[str], n: int, expected: float | None) -> None:
    assert distinct(written, n) == expected


def test_slots_by_hand() -> None:
    """Right, twice the same, missing, another, one too many; then none in either, and what is no slot."""
    written = ["{a} {b_2}", "{a} {a}", "hi", "{a}", "{a} {b}", "hi", "{} {A} {1a} {a b} a"]
    references = ["{b_2}, {a}", "{a}", "{a}", "{b}", "{a}", "ho", "hi"]
    np.testing.assert_array_equal(slots_right(written, references), [1, 1, 0, 0, 0, np.nan, np.nan])


def test_all_scores() -> None:
    scores = reply_scores(WRITTEN, REFERENCES)
    assert scores["bleu"] == sacrebleu.corpus_bleu(WRITTEN, [REFERENCES]).score
    assert scores["rouge_l"] == pytest.approx(100 * rouge_l(WRITTEN, REFERENCES).mean())
    assert (scores["exact_match"], scores["slot_accuracy"]) == (0.2, 1.0)
    assert (scores["distinct_1"], scores["distinct_2"]) == (1.0, 1.0)
    for name, (low, high) in scores["intervals"].items():
        assert low <= scores[name] <= high


def test_the_interval_of_bleu_draws_whole_conversations() -> None:
    """A resample of two conversations is one of them twice, or both: three values of BLEU, the outer ones its ends."""
    groups = ["a", "a", "b", "b", "b"]
    ends = [sacrebleu.corpus_bleu(WRITTEN[part], [REFERENCES[part]]).score for part in (slice(2), slice(2, None))]
    assert reply_scores(WRITTEN, REFERENCES, groups)["intervals"]["bleu"] == pytest.approx(sorted(ends))
    assert reply_scores(WRITTEN, REFERENCES, ["a"] * 5)["intervals"]["exact_match"] == (0.2, 0.2)


def test_replies_that_are_all_empty_have_scores() -> None:
    scores = reply_scores(["", ""], ["", "Hello there"])
    assert (scores["bleu"], scores["rouge_l"], scores["exact_match"]) == (0, 0, 0.5)
    assert (scores["distinct_1"], scores["distinct_2"], scores["slot_accuracy"]) == (None, None, None)
    assert scores["intervals"]["bleu"] == (0, 0)


@pytest.mark.parametrize("measure", [bleu_statistics, rouge_l, exact_matches, slots_right, reply_scores])
@pytest.mark.parametrize(("written", "references"), [([], []), (["a"], []), (["a"], ["a", "b"])])
def test_lists_that_do_not_fit(measure: Callable[..., object], written: list[str], references: list[str]) -> None:
    received = f"Received: {len(written)} written replies, {len(references)} references"
    with pytest.raises(UserError, match=received):
        measure(written, references)


def test_groups_that_do_not_fit() -> None:
    with pytest.raises(UserError, match="Received: 5 values, 2 groups"):
        reply_scores(WRITTEN, REFERENCES, ["a", "b"])
