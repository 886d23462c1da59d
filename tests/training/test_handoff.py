"""Which replies are handed off: by hand, and what must hold whatever the scores and qualities are."""

import re
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supportnet.errors import UserError
from supportnet.training.handoff import MIN_KEPT, choose_handoff

NEVER = float("-inf")
REPLIES = st.lists(
    st.tuples(st.one_of(st.sampled_from([-0.5, -1.0, NEVER]), st.floats(-5, 0, width=32)), st.floats(0, 1)),
    min_size=1,
    max_size=100,
)


def test_by_hand() -> None:
    """Of four steps the first three reach .7 on average: 30 of 1.0, 30 of .8, 40 of .4, 20 of 0."""
    scores, quality = (np.repeat(values, [30, 30, 40, 20]) for values in ([-0.1, -0.2, -0.4, -1.0], [1.0, 0.8, 0.4, 0]))
    found = choose_handoff(scores, quality, target=0.7)
    assert found.threshold == pytest.approx(-0.7)
    assert found.quality == pytest.approx((30 + 24 + 16) / 100)
    assert found.rate == pytest.approx(20 / 120)
    assert (found.target, found.num_replies) == (0.7, 120)
    assert choose_handoff(scores, quality, target=0.9).threshold == pytest.approx(-0.3)


def test_all_are_kept_where_all_are_good() -> None:
    found = choose_handoff(np.linspace(-3, -1, 40), np.ones(40), target=1.0)
    assert (found.threshold, found.quality, found.rate) == (-3, 1, 0)


@settings(deadline=None)
@given(REPLIES, st.sampled_from([0.0, 0.3, 0.5, 0.8, 1.0]))
def test_the_threshold_is_the_lowest_that_reaches_the_target(replies: list[tuple[float, float]], target: float) -> None:
    scores = np.array([score for score, _ in replies], dtype="float32")
    quality = np.array([good for _, good in replies])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = choose_handoff(scores, quality, target)

    def reaches(threshold: float) -> bool:
        kept = (scores >= threshold) & np.isfinite(scores)
        return bool(kept.sum() >= MIN_KEPT and quality[kept].mean() >= target - 1e-9)

    lower = [score for score in scores.tolist() if np.isfinite(score)]
    if found.threshold is None:
        assert (found.quality, found.rate) == (None, 1)
    else:
        kept = scores >= np.float32(found.threshold)
        assert reaches(found.threshold)
        assert quality[kept].mean() == pytest.approx(found.quality)
        assert 1 - kept.mean() == pytest.approx(found.rate)
        lower = [score for score in lower if score < found.threshold]
    assert not any(reaches(score) for score in lower)


def test_a_target_out_of_reach_says_what_can_be_had() -> None:
    """The surest are wrong now and then: 54 of the first 60 are right."""
    quality = np.concatenate([np.tile([1.0] * 9 + [0.0], 6), np.zeros(60)])
    with pytest.warns(UserWarning, match=re.escape("quality of 0.95 (--quality) can't be reached")) as caught:
        found = choose_handoff(-np.arange(120.0), quality, target=0.95)
    assert "the best is 0.9230, for 32.5% of the replies. Every reply will be handed off." in str(caught[0].message)
    assert (found.threshold, found.quality, found.rate) == (None, None, 1)


def test_a_few_lucky_replies_decide_nothing() -> None:
    with pytest.warns(UserWarning, match="that takes 30 validation replies or more that can be kept"):
        assert choose_handoff(np.zeros(29), np.ones(29), target=0.5).threshold is None
    scores = np.append(np.zeros(29), np.full(20, NEVER))
    with pytest.warns(UserWarning, match="that takes 30 validation replies or more that can be kept"):
        assert choose_handoff(scores, np.ones(49), target=0.5).threshold is None


def test_scores_that_float32_cannot_tell_apart_are_one() -> None:
    scores = np.append(np.full(30, -0.1), np.full(30, -0.1 - 1e-12))
    found = choose_handoff(scores, np.repeat([1.0, 0.0], 30), target=0.5)
    assert (found.threshold, found.rate) == (float(np.float32(-0.1)), 0)


@pytest.mark.parametrize(
    ("scores", "quality", "target", "message"),
    [
        ([], [], 0.5, "Received: 0 scores, 0 qualities"),
        ([0.0], [1.0, 1.0], 0.5, "Received: 1 scores, 2 qualities"),
        ([0.0], [1.0], 1.1, "Received: target=1.1"),
        ([0.0], [1.0], float("nan"), "Received: target=nan"),
        ([0.0, 0.0], [36.2, 0.0], 0.5, "Received: 0.0 to 36.2"),
        ([0.0], [float("nan")], 0.5, "Received: nan to nan"),
    ],
)
def test_what_cannot_be_chosen_from(scores: list[float], quality: list[float], target: float, message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        choose_handoff(np.array(scores), np.array(quality), target)
