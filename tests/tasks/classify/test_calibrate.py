"""What is fitted on validation data: by hand where that can be done, else held to what it promises."""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import binomtest

from supportnet.data.ticket import OUT_OF_SCOPE, Ticket
from supportnet.tasks.classify.answers import ANSWERS, Answers
from supportnet.tasks.classify.calibrate import Confidence, discounted, fit_confidence
from supportnet.tasks.classify.data import intent_indices, promising

INTENTS = ["cancel", "refund"]


def answers_of(probabilities: npt.NDArray[np.float32], intents: list[str] = INTENTS) -> Answers:
    """What a model without a fitted confidence says. N-grams all known, margins of 1: probability alone counts."""
    scores, ones = probabilities.max(axis=1), np.ones(len(probabilities), "float32")
    yes = ones > 0
    return Answers(intents, probabilities.astype("float32"), yes, scores, ~yes, scores, ones, ones, ones)


def fitted(answers: Answers, tickets: list[Ticket], precision: float, share: float | None = None) -> Confidence:
    """What a training fits: every second message carries the promise."""
    return fit_confidence(answers, tickets, precision, share, promising(tickets))


def two_intents(sure: npt.NDArray[np.float64]) -> Answers:
    return answers_of(np.stack([sure, 1 - sure], axis=1))


@pytest.fixture
def messages() -> tuple[Answers, list[Ticket]]:
    """4000 messages whose best intent is right as often as its square says: the model is too sure. 400 are outside."""
    random = np.random.default_rng(0)
    sure = random.uniform(0.5, 1.0, 4000)
    right = random.random(4000) < sure**2
    tickets = [Ticket("a", INTENTS[0] if is_right else INTENTS[1]) for is_right in right]
    tickets[3600:] = [Ticket("b", OUT_OF_SCOPE)] * 400
    sure[3600:] -= 0.15 * (sure[3600:] - 0.5)
    return two_intents(sure), tickets


def test_indices() -> None:
    tickets = [Ticket("", "refund"), Ticket("", OUT_OF_SCOPE), Ticket("", "cancel")]
    assert intent_indices(INTENTS, tickets).tolist() == [1, -1, 0]
    assert intent_indices([*INTENTS, OUT_OF_SCOPE], tickets).tolist() == [1, 2, 0]


@pytest.mark.parametrize("share", [None, 0.0, 0.02, 0.05])
@pytest.mark.parametrize("promise", [0.7, 0.8])
def test_the_promise_holds_at_the_share(
    messages: tuple[Answers, list[Ticket]], promise: float, share: float | None
) -> None:
    """By the bounds of another library, on the messages that have chosen nothing."""
    answers, tickets = messages
    confidence = fitted(answers, tickets, promise, share)
    assert (confidence.asked_precision, confidence.promised_precision, confidence.certified) == (promise, promise, True)
    outside = np.array([ticket.intent == OUT_OF_SCOPE for ticket in tickets])
    right = np.array([ticket.intent == "cancel" for ticket in tickets])
    carries = promising(tickets) if share != 0 else promising(tickets) & ~outside
    routed = carries & (answers.route_score >= confidence.route_threshold)
    num_inside, num_outside = (routed & ~outside).sum(), (routed & outside).sum()
    routed_share = num_inside / (carries & ~outside).sum()
    if not share:
        bound = _interval(right[routed].sum(), routed.sum(), 0.95).low
    else:
        inside = (1 - share) * routed_share
        wrongly = share * _interval(num_outside, (carries & outside).sum(), 0.975).high
        bound = inside * _interval(right[routed].sum(), num_inside, 0.975).low / (inside + wrongly)
    assert confidence.lower_bound == pytest.approx(bound)
    assert confidence.lower_bound >= promise
    assert confidence.routed_share == pytest.approx(routed_share)
    assert confidence.promise_rows == carries.sum() == (1800 if share == 0 else 2000)
    assert confidence.out_of_scope_share == pytest.approx(0.1 if share is None else share)
    assert confidence.temperature > 1
    assert (confidence.num_in_scope, confidence.num_out_of_scope) == (3600, 400)


def _interval(successes: int, trials: int, level: float) -> Any:
    """Clopper and Pearson's; beyond each end lies half of what the level leaves."""
    return binomtest(int(successes), int(trials)).proportion_ci(level, method="exact")


def test_more_out_of_scope_less_routed(messages: tuple[Answers, list[Ticket]]) -> None:
    found = [fitted(*messages, 0.7, share) for share in (0.0, 0.1, 0.2)]
    assert [confidence.promised_precision for confidence in found] == [0.7] * 3
    thresholds = [confidence.route_threshold for confidence in found]
    assert thresholds == sorted(set(thresholds))
    # The rest doesn't depend on the share.
    assert len({(confidence.temperature, confidence.in_scope_threshold) for confidence in found}) == 1


@pytest.mark.filterwarnings("ignore:A precision of")
@pytest.mark.parametrize("num", [16, 20, 21, 100, 999])
def test_the_in_scope_threshold_accepts_95_percent(num: int) -> None:
    random = np.random.default_rng(num)
    answers = two_intents(random.uniform(0.5, 1.0, num))
    confidence = fitted(answers, [Ticket("a", random.choice(INTENTS)) for _ in range(num)], 0.1)
    accepted = (answers.in_scope_score >= confidence.in_scope_threshold).mean()
    assert 0.95 <= accepted <= 0.95 + 1 / num + 1e-9


def test_a_promise_that_cannot_be_kept(messages: tuple[Answers, list[Ticket]]) -> None:
    """The warning says what can be promised: that is, as if it had been asked for."""
    with pytest.warns(
        UserWarning, match=r"^A precision of 1 \(--precision\) can't be promised: 2,000 rows allow 0\.\d+ \(95%"
    ):
        confidence = fitted(*messages, 1.0)
    assert confidence.asked_precision == 1.0
    assert 0.8 <= (confidence.promised_precision or 0) < 1.0
    asked = fitted(*messages, confidence.promised_precision or 0)
    assert confidence == replace(asked, asked_precision=1.0)


@pytest.mark.parametrize(
    ("num", "promised", "allowed"),
    [
        # Half of them carry the promise, and half of these must be routed. All are right: of n, the bound is the nth
        # root of 0.025; of 72, 71, 36, 35, 17 and 16, it is 0.9501, 0.9494, 0.9026, 0.9000, 0.8049 and 0.7941.
        (286, 0.95, None),
        (284, 0.9, "142 rows allow 0.9 "),
        (142, 0.9, "71 rows allow 0.9 "),
        (136, 0.85, "68 rows allow 0.85 "),
        (66, 0.8, "33 rows allow 0.8 "),
        (64, None, "32 rows allow none of 0.8 or more, and no message will be routed "),
    ],
)
def test_few_messages_carry_little(num: int, promised: float | None, allowed: str | None) -> None:
    answers, tickets = two_intents(np.linspace(0.99, 0.6, num)), [Ticket("a", "cancel")] * num
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        confidence = fitted(answers, tickets, 0.95)
    said = [str(warning.message) for warning in caught if warning.category is UserWarning]
    expected = (
        [] if allowed is None else [f"A precision of 0.95 (--precision) can't be promised: {allowed}(95% confidence)."]
    )
    assert said == expected
    assert (confidence.asked_precision, confidence.promised_precision) == (0.95, promised)
    assert (confidence.promise_rows, confidence.out_of_scope_share) == (num // 2, 0.0)
    if promised is None:
        assert (confidence.route_threshold, confidence.routed_share, confidence.lower_bound) == (None, 0.0, None)
    else:
        # Further down, the bound rises: all are routed.
        assert confidence.routed_share == 1.0
        assert confidence.lower_bound == pytest.approx(0.025 ** (2 / num))


def test_lucky_messages_decide_nothing() -> None:
    """The surest answers are right, 20 of those that carry the promise, for which 80% could be promised.

    But a fifth of all are 40, and after the 20 every other one is wrong.
    """
    sure = np.linspace(0.99, 0.6, 400)
    tickets = [Ticket("a", INTENTS[int(i >= 40 and i % 4 > 1)]) for i in range(400)]
    with pytest.warns(UserWarning, match="200 rows allow none of 0.8 or more"):
        assert fitted(two_intents(sure), tickets, 0.9).route_threshold is None
    with pytest.warns(UserWarning, match="200 rows allow none of 0.7 or more"):
        assert fitted(two_intents(sure), tickets, 0.7).route_threshold is None


def test_a_share_of_messages_that_are_not_there(messages: tuple[Answers, list[Ticket]]) -> None:
    answers, tickets = messages
    inside = two_intents(answers.probabilities[:3600, 0])
    with pytest.warns(UserWarning, match=r"give a share of 0\.18 \(--out-of-scope-share\): .* in-scope messages only"):
        confidence = fitted(inside, tickets[:3600], 0.8, 0.18)
    assert (confidence.out_of_scope_share, confidence.num_out_of_scope) == (0.0, 0)
    assert fitted(inside, tickets[:3600], 0.8) == confidence


def test_messages_that_cannot_be_routed_never_are() -> None:
    """Every second message is found out of scope, the surest ones, and every fourth has no known word.

    A quarter is all that can be routed, half of what is in scope, and all of that is right: 20 of 20, whose bound is
    the twentieth root of 0.025.
    """
    intents = [OUT_OF_SCOPE, "cancel"]
    probabilities = np.array([[0.99, 0.01], [0.2, 0.8], [0.99, 0.01], [0.1, 0.9]] * 40)
    answers = replace(answers_of(probabilities, intents), known_words=np.array([1, 1, 1, 0] * 40, "float32"))
    # Every second one of an intent carries the promise.
    order = [row for kind in (0, 2, 1, 3) for row in range(kind, 160, 4)]
    answers = Answers(intents, *(getattr(answers, name)[order] for name in ANSWERS))
    tickets = [Ticket("sing", OUT_OF_SCOPE)] * 80 + [Ticket("stop it", "cancel")] * 80
    confidence = fitted(answers, tickets, 0.8)
    assert (confidence.promised_precision, confidence.routed_share) == (0.8, 0.5)
    assert confidence.lower_bound == pytest.approx(0.025 ** (1 / 20))
    assert confidence.route_threshold == pytest.approx(0.8)


def test_the_same_data_the_same_confidence(messages: tuple[Answers, list[Ticket]]) -> None:
    found = fitted(*messages, 0.85, 0.2)
    assert isinstance(found, Confidence)
    assert fitted(*messages, 0.85, 0.2) == found


@pytest.mark.parametrize("name", ["coverage", "margin"])
def test_what_tells_messages_out_of_scope_counts(messages: tuple[Answers, list[Ticket]], name: str) -> None:
    """They are as sure as others, but for n-grams that nobody knows, or for their margins: only these tell them."""
    answers, tickets = messages
    inside = np.array([ticket.intent != OUT_OF_SCOPE for ticket in tickets])
    random = np.random.default_rng(1)
    tells = np.where(inside, random.uniform(0.9, 1.0, 4000), random.uniform(0.0, 0.4, 4000)).astype("float32")
    # Answers have their score already: it is worked out as `decide` does.
    coverage, margin = (tells if part == name else 1.0 for part in ("coverage", "margin"))
    score = np.asarray(discounted(answers.probabilities.max(axis=1), coverage, margin))
    plain = fitted(answers, tickets, 0.7, 0.2)
    aware = fitted(replace(answers, route_score=score), tickets, 0.7, 0.2)
    assert (plain.promised_precision, aware.promised_precision) == (0.7, 0.7)
    assert (aware.routed_share or 0) > (plain.routed_share or 0) + 0.05


def test_messages_that_have_chosen_nothing_all_carry_the_promise(messages: tuple[Answers, list[Ticket]]) -> None:
    half, whole = fitted(*messages, 0.8), fit_confidence(*messages, 0.8)
    assert (half.promise_rows, whole.promise_rows) == (2000, 4000)
    assert (whole.routed_share or 0) > (half.routed_share or 0)
    assert fit_confidence(*messages, 0.8, certified=False) == replace(whole, certified=False)
