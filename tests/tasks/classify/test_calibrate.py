"""What is fitted on validation data: by hand where that can be done, else held to what it promises."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from supportnet.data.ticket import OUT_OF_SCOPE, Ticket
from supportnet.tasks.classify.answers import ANSWERS, Answers
from supportnet.tasks.classify.calibrate import (
    MAX_COVERAGE_WEIGHT,
    MIN_ROUTED,
    Confidence,
    fit_confidence,
    fit_coverage_weight,
)
from supportnet.tasks.classify.data import intent_indices

INTENTS = ["cancel", "refund"]


def answers_of(probabilities: npt.NDArray[np.float32], intents: list[str] = INTENTS) -> Answers:
    """What a model without a fitted confidence says."""
    scores, yes = probabilities.max(axis=1), np.ones(len(probabilities), bool)
    coverage = np.ones(len(probabilities), "float32")
    return Answers(intents, probabilities.astype("float32"), yes, scores, ~yes, scores, coverage)


def two_intents(sure: npt.NDArray[np.float64]) -> Answers:
    return answers_of(np.stack([sure, 1 - sure], axis=1))


@pytest.fixture
def messages() -> tuple[Answers, list[Ticket]]:
    """1000 messages whose best intent is right as often as its square says: the model is too sure. 100 are outside."""
    random = np.random.default_rng(0)
    sure = random.uniform(0.5, 1.0, 1000)
    right = random.random(1000) < sure**2
    tickets = [Ticket("a", INTENTS[0] if is_right else INTENTS[1]) for is_right in right]
    tickets[900:] = [Ticket("b", OUT_OF_SCOPE)] * 100
    sure[900:] -= 0.15 * (sure[900:] - 0.5)
    return two_intents(sure), tickets


def test_indices() -> None:
    tickets = [Ticket("", "refund"), Ticket("", OUT_OF_SCOPE), Ticket("", "cancel")]
    assert intent_indices(INTENTS, tickets).tolist() == [1, -1, 0]
    assert intent_indices([*INTENTS, OUT_OF_SCOPE], tickets).tolist() == [1, 2, 0]


@pytest.mark.parametrize("share", [None, 0.0, 0.02, 0.5])
@pytest.mark.parametrize("promise", [0.7, 0.85])
def test_the_promise_holds_at_the_share(
    messages: tuple[Answers, list[Ticket]], promise: float, share: float | None
) -> None:
    answers, tickets = messages
    confidence = fit_confidence(answers, tickets, promise, share)
    outside = np.array([ticket.intent == OUT_OF_SCOPE for ticket in tickets])
    share = 0.1 if share is None else share
    weights = np.where(outside, share / 100, (1 - share) / 900)
    routed = answers.route_score >= confidence.route_threshold
    right = np.array([ticket.intent == "cancel" for ticket in tickets])
    assert confidence.out_of_scope_share == pytest.approx(share)
    assert confidence.expected_coverage == pytest.approx(weights[routed].sum())
    assert confidence.expected_precision == pytest.approx((weights * right)[routed].sum() / weights[routed].sum())
    assert confidence.expected_precision >= promise
    assert confidence.temperature > 1
    assert (confidence.promised_precision, confidence.num_in_scope, confidence.num_out_of_scope) == (promise, 900, 100)


def test_more_out_of_scope_less_routed(messages: tuple[Answers, list[Ticket]]) -> None:
    found = [fit_confidence(*messages, 0.85, share) for share in (0.0, 0.1, 0.3)]
    thresholds = [confidence.route_threshold for confidence in found]
    assert thresholds == sorted(set(thresholds))
    # The rest doesn't depend on the share.
    assert len({(confidence.temperature, confidence.in_scope_threshold) for confidence in found}) == 1


@pytest.mark.filterwarnings("ignore:The promised precision")
@pytest.mark.parametrize("num", [16, 20, 21, 100, 999])
def test_the_in_scope_threshold_accepts_95_percent(num: int) -> None:
    random = np.random.default_rng(num)
    answers = two_intents(random.uniform(0.5, 1.0, num))
    confidence = fit_confidence(answers, [Ticket("a", random.choice(INTENTS)) for _ in range(num)], 0.1)
    accepted = (answers.in_scope_score >= confidence.in_scope_threshold).mean()
    assert 0.95 <= accepted <= 0.95 + 1 / num + 1e-9


def test_a_promise_that_cannot_be_kept(messages: tuple[Answers, list[Ticket]]) -> None:
    """The surest answer is wrong. The warning says what can be promised."""
    answers, tickets = messages
    tickets[int(answers.route_score.argmax())] = Ticket("a", "refund")
    with pytest.warns(UserWarning, match=r"precision of 1 .*the best is 0\.\d+, for \d+\.\d% of") as caught:
        confidence = fit_confidence(answers, tickets, 1.0)
    assert confidence.route_threshold is None
    assert (confidence.expected_coverage, confidence.expected_precision) == (0.0, None)
    best = float(str(caught[0].message).partition("the best is ")[2][:6])
    assert fit_confidence(answers, tickets, best).route_threshold is not None


def test_a_lucky_message_decides_nothing() -> None:
    """The surest answers are right, but too few of them; nor can few messages carry a promise at all."""
    sure = np.linspace(0.99, 0.6, 200)
    tickets = [Ticket("a", INTENTS[int(i >= MIN_ROUTED - 1 and i % 2 == 1)]) for i in range(200)]
    with pytest.warns(UserWarning, match=r"the best is 0\.9523, for 10\.5% of the messages"):
        assert fit_confidence(two_intents(sure), tickets, 0.96).route_threshold is None  # 20 of 21 is 0.95238
    few = slice(MIN_ROUTED - 1)
    with pytest.warns(UserWarning, match="that takes 20 validation messages or more that can be routed"):
        assert fit_confidence(two_intents(sure[few]), tickets[few], 0.5).route_threshold is None


def test_a_share_of_messages_that_are_not_there(messages: tuple[Answers, list[Ticket]]) -> None:
    answers, tickets = messages
    inside = two_intents(answers.probabilities[:900, 0])
    with pytest.warns(UserWarning, match=r"give a share of 0\.18 \(--out-of-scope-share\): .* in-scope messages only"):
        confidence = fit_confidence(inside, tickets[:900], 0.8, 0.18)
    assert (confidence.out_of_scope_share, confidence.num_out_of_scope) == (0.0, 0)
    assert fit_confidence(inside, tickets[:900], 0.8) == confidence


def test_messages_found_out_of_scope_are_never_routed() -> None:
    """Every second message is, the surest ones: half is all that can be routed, and all of that is right."""
    intents = [OUT_OF_SCOPE, "cancel"]
    probabilities = np.array([[0.99, 0.01], [0.2, 0.8]] * 40)
    tickets = [Ticket("sing", OUT_OF_SCOPE), Ticket("stop it", "cancel")] * 40
    confidence = fit_confidence(answers_of(probabilities, intents), tickets, 1.0)
    assert (confidence.expected_coverage, confidence.expected_precision) == (pytest.approx(0.5), 1.0)
    assert confidence.route_threshold == pytest.approx(0.8)


def test_the_same_data_the_same_confidence(messages: tuple[Answers, list[Ticket]]) -> None:
    found = fit_confidence(*messages, 0.85, 0.2)
    assert isinstance(found, Confidence)
    assert fit_confidence(*messages, 0.85, 0.2) == found


def test_coverage_counts_where_it_tells_what_is_out_of_scope(messages: tuple[Answers, list[Ticket]]) -> None:
    """The out-of-scope messages are as sure as others, but for n-grams that nobody knows: only coverage tells them."""
    answers, tickets = messages
    inside = np.array([ticket.intent != OUT_OF_SCOPE for ticket in tickets])
    random = np.random.default_rng(1)
    coverage = np.where(inside, random.uniform(0.6, 1.0, 1000), random.uniform(0.0, 0.4, 1000)).astype("float32")
    plain = fit_confidence(answers, tickets, precision=0.8, out_of_scope_share=0.3)
    aware = fit_confidence(replace(answers, coverage=coverage), tickets, precision=0.8, out_of_scope_share=0.3)
    assert plain.coverage_weight < 0.5
    assert aware.coverage_weight > 1
    assert aware.expected_coverage > plain.expected_coverage + 0.05


def test_coverage_does_not_count_where_nothing_is_out_of_scope(messages: tuple[Answers, list[Ticket]]) -> None:
    answers, tickets = messages
    coverage = np.linspace(0, 1, 900, dtype="float32")
    inside = Answers(INTENTS, *(getattr(answers, name)[:900] for name in ANSWERS))
    assert fit_confidence(replace(inside, coverage=coverage), tickets[:900], precision=0.6).coverage_weight == 0.0


def test_the_weight_of_coverage_by_hand() -> None:
    """All messages are as probable: coverage decides alone, within its bound, or not at all if it misleads."""
    coverage = np.array([0.1, 0.2, 0.8, 0.9] * 10, "float32")
    answers = replace(two_intents(np.full(40, 0.6)), coverage=coverage)
    weights = np.full(40, 1 / 40)
    assert fit_coverage_weight(answers, coverage > 0.5, weights) == MAX_COVERAGE_WEIGHT
    assert fit_coverage_weight(answers, coverage < 0.5, weights) == 0.0
    assert fit_coverage_weight(answers, np.ones(40, bool), weights) == 0.0
    assert fit_coverage_weight(answers, np.zeros(40, bool), weights) == 0.0
