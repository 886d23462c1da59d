"""How far a model can be trusted, fitted on validation data: its temperature and thresholds, and what they decide.

From what the network says of a message to what is done with it, `decide`, are the same operations in Python and in the
export.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from keras import ops

from supportnet.checks import check_not_negative
from supportnet.data.splits import check_known_intents, labelled
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket
from supportnet.errors import UserError
from supportnet.metrics.calibration import fit_temperature, tempered
from supportnet.metrics.promise import CONFIDENCE, LADDER, Promise, find_promise
from supportnet.tasks.classify.answers import ANSWERS, Answers, Bools, Classifier
from supportnet.tasks.classify.config import ClassifyConfig
from supportnet.tasks.classify.cross_validation import OUTPUTS, SIMILARITY
from supportnet.tasks.classify.data import intent_indices, promising
from supportnet.tasks.task import Fitted
from supportnet.training.seen import seen_figures

if TYPE_CHECKING:
    from supportnet.tasks.classify.data import Split
    from supportnet.tasks.classify.model import IntentClassifier
    from supportnet.training.loop import History

#: In-scope messages that a calibration takes at least.
LEAST_ROWS = 20
#: Share of the in-scope validation messages that count as in scope.
ACCEPTED_SHARE = 0.95
#: How much coverage and margin count in the score, beside the probability; chosen by leaving intents out of BANKING77,
#: CLINC150 and two bots, by fragments, by others' messages, and on CLINC150's validation data (benchmarks/README.md).
COVERAGE_WEIGHT, MARGIN_WEIGHT = 4.0, 1.0
#: The same where a pretrained encoder says how similar a message is, chosen in the same way.
SIMILARITY_WEIGHT, SIMILAR_COVERAGE_WEIGHT = 4.0, 2.0


class Numbers(NamedTuple):
    """The numbers of a `Confidence` that decide, as an export holds them; infinite for a threshold that is None."""

    temperature: Any
    in_scope_threshold: Any
    route_threshold: Any


@dataclass(frozen=True)
class Confidence(Fitted):
    """The numbers that turn scores into probabilities and decisions; `fit_confidence` fits them.

    Without arguments, those of a model that nothing was fitted for: probabilities as the network gives them, every
    message in scope, none routed.

    Attributes:
        temperature: what the logits are divided by before their softmax (Guo et al. 2017).
        in_scope_threshold: the least in-scope score of a message that counts as in scope; None takes them all.
        route_threshold: the least route score of a message that can be routed without a human; None routes none.
        asked_precision: share of the routed messages that were to be right; None where nothing was fitted.
        promised_precision: share that is promised, `asked_precision` at most; None promises nothing.
        lower_bound: the lower confidence bound of the precision on the rows that it was promised for.
        routed_share: share of the in-scope messages that are routed.
        certified: the promise was made on held-out rows that chose nothing else; otherwise it is an estimate by
            cross-validation.
        out_of_scope_share: share of out-of-scope messages, among all, that the promise was made for.
        promise_rows: messages that carry the promise.
        num_in_scope: validation messages with an intent that all of this was fitted on.
        num_out_of_scope: those that no intent covers.

    Raises:
        UserError: a number that is none, a temperature of 0 or less, or a negative count.

    Example:
        >>> Confidence(temperature=0.0)
        Traceback (most recent call last):
        supportnet.errors.UserError: temperature must be above 0. Received: temperature=0.0
    """

    retired: ClassVar[frozenset[str]] = frozenset({"coverage_weight", "expected_coverage", "expected_precision"})

    temperature: float = 1.0
    in_scope_threshold: float | None = None
    route_threshold: float | None = None
    asked_precision: float | None = None
    promised_precision: float | None = None
    lower_bound: float | None = None
    routed_share: float | None = None
    certified: bool = False
    out_of_scope_share: float | None = None
    promise_rows: int = 0
    num_in_scope: int = 0
    num_out_of_scope: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.temperature > 0:
            raise UserError(f"temperature must be above 0. Received: temperature={self.temperature}")
        for name in ("promise_rows", "num_in_scope", "num_out_of_scope"):
            check_not_negative(name, getattr(self, name))

    @property
    def numbers(self) -> Numbers:
        """What decides."""
        in_scope, route = self.in_scope_threshold, self.route_threshold
        lowest = float("-inf") if in_scope is None else in_scope
        return Numbers(self.temperature, lowest, float("inf") if route is None else route)

    @property
    def promise(self) -> dict[str, Any]:
        """What is promised, as `train --json` prints it."""
        return {
            "asked": self.asked_precision,
            "precision": self.promised_precision,
            "confidence": CONFIDENCE,
            "routed_share": self.routed_share,
            "lower_bound": self.lower_bound,
            "rows": self.promise_rows,
            "out_of_scope_share": self.out_of_scope_share,
            "kind": "certified" if self.certified else "estimated",
        }


def calibrate(model: "IntentClassifier", split: "Split", config: ClassifyConfig, history: "History") -> None:
    """Fit the model's confidence on messages that it hasn't learned; without any, it stays as it is."""
    targets = config.precision, config.out_of_scope_share
    found = history.cross_validation
    if found is not None:
        answers, tickets = answers_of(found.outputs, Confidence(), model.intents), split.at(found.rows)
        model.confidence = fit_confidence(answers, tickets, *targets, certified=False)
    elif split.validation:
        answers = model.answers([ticket.text for ticket in split.validation])
        model.confidence = fit_confidence(answers, split.validation, *targets, promising(split.validation))


def recalibrate(
    model: Classifier, tickets: Sequence[Ticket], precision: float = 0.95, out_of_scope_share: float | None = None
) -> Confidence:
    """Fit the confidence of a trained or an exported model anew, on labelled messages that it hasn't learned.

    Args:
        model: stays as it is.
        tickets: the messages, at least `LEAST_ROWS` of them in scope; their intents must be the model's, or
            `OUT_OF_SCOPE`. Those without an intent are left out, with a warning.
        precision: share of the routed messages that shall be right.
        out_of_scope_share: share of out-of-scope messages to expect; as in `tickets` by default.

    Raises:
        UserError: too few messages, an intent that training never saw, or a number out of its range.

    Warns:
        UserWarning: the model was trained on them.

    Example (needs a trained model):
        >>> model.confidence = recalibrate(model, supportnet.load("recent.csv")["all"], precision=0.97)
    """
    ClassifyConfig(precision=precision, out_of_scope_share=out_of_scope_share)
    tickets = labelled(tickets, "calibrate on")
    check_known_intents(model.intents, tickets)
    inside = sum(ticket.intent != OUT_OF_SCOPE for ticket in tickets)
    if inside < LEAST_ROWS:
        raise UserError(f"Calibration takes at least {LEAST_ROWS} labelled messages in scope. Received: {inside}")
    texts = [ticket.text for ticket in tickets]
    seen_figures(getattr(model, "seen", None), texts)
    answers = model.answers(texts)
    untempered = tempered(answers.probabilities, 1 / model.confidence.temperature).astype("float32")
    return fit_confidence(replace(answers, probabilities=untempered), tickets, precision, out_of_scope_share)


def fit_confidence(
    answers: Answers,
    tickets: Sequence[Ticket],
    precision: float = 0.95,
    out_of_scope_share: float | None = None,
    carries: Bools | None = None,
    certified: bool = True,
) -> Confidence:
    """Fit temperature and thresholds.

    The temperature is the one that makes the true intents of the in-scope messages most likely (Guo et al. 2017).
    The in-scope threshold accepts 95% of the in-scope messages. The routing threshold is the one that routes most at a
    precision that can be promised (see `supportnet.metrics.promise.find_promise`), where an out-of-scope message that
    is routed counts as wrong.

    Args:
        answers: what a model without a fitted confidence says of the N messages.
        tickets: the messages, labelled; at least one in scope.
        precision: share of the routed messages that shall be right.
        out_of_scope_share: share of out-of-scope messages to expect. None leaves them as they are.
        carries: which messages carry the promise, bool `[N]`: those that have chosen nothing, such as an epoch. All of
            them by default.
        certified: see `Confidence`.

    Returns:
        The confidence. Its routing threshold is None if no precision can be promised.

    Warns:
        UserWarning: the precision can't be promised (what can be is named), or there are no out-of-scope messages to
            hold it for.

    Example (needs a trained model):
        >>> model.confidence = fit_confidence(model.answers([ticket.text for ticket in tickets]), tickets)
    """
    in_scope = np.array([ticket.intent != OUT_OF_SCOPE for ticket in tickets])
    targets = intent_indices(answers.intents, tickets)
    share = _share(in_scope, out_of_scope_share)
    # A share of 0 leaves no room for an out-of-scope message.
    counted = in_scope if share == 0 else np.ones(len(tickets), bool)
    carries = counted if carries is None else carries & counted
    rows = (answers.routing_order[carries], (in_scope & (answers.predicted == targets))[carries], in_scope[carries])
    promise = find_promise(*rows, precision, None if out_of_scope_share is None else share)
    if promise is None or promise.precision < precision:
        _warn(precision, promise, int(carries.sum()))
    return Confidence(
        temperature=fit_temperature(answers.probabilities[in_scope], targets[in_scope]),
        in_scope_threshold=float(np.quantile(answers.in_scope_score[in_scope], 1 - ACCEPTED_SHARE, method="lower")),
        route_threshold=None if promise is None else promise.threshold,
        asked_precision=precision,
        promised_precision=None if promise is None else promise.precision,
        lower_bound=None if promise is None else promise.lower_bound,
        routed_share=0.0 if promise is None else promise.routed_share,
        certified=certified,
        out_of_scope_share=share,
        promise_rows=int(carries.sum()),
        num_in_scope=int(in_scope.sum()),
        num_out_of_scope=int((~in_scope).sum()),
    )


def rows_allow(rows: int) -> str:
    """Return the words before what this many rows allow to be promised.

    Example:
        >>> rows_allow(1), rows_allow(1550)
        ('1 row allows', '1,550 rows allow')
    """
    return f"{rows:,} row allows" if rows == 1 else f"{rows:,} rows allow"


def _warn(asked: float, promise: Promise | None, rows: int) -> None:
    nothing = f"none of {min(asked, LADDER[-1]):g} or more, and no message will be routed"
    allowed = nothing if promise is None else f"{promise.precision:g}"
    warnings.warn(
        f"A precision of {asked:g} (--precision) can't be promised: {rows_allow(rows)} {allowed} "
        f"({CONFIDENCE:.0%} confidence).",
        stacklevel=3,
    )


def _share(in_scope: Bools, wanted: float | None) -> float:
    """The share of out-of-scope messages that can be promised for."""
    if in_scope.all():
        if wanted:
            warnings.warn(
                f"There are no out-of-scope validation messages to give a share of {wanted:g} (--out-of-scope-share): "
                "the promised precision holds for in-scope messages only.",
                stacklevel=3,
            )
        return 0.0
    return float(1 - in_scope.mean()) if wanted is None else wanted


def decide(outputs: Mapping[str, Any], confidence: Confidence | Numbers, intents: Sequence[str]) -> dict[str, Any]:
    """Turn the network's outputs into calibrated probabilities and decisions.

    Args:
        outputs: those of `build_head`, for B messages: `logits`, `margins`, `coverage`, `known_words`, and `similarity`
            where a pretrained encoder gives it.
        confidence: temperature and thresholds, or their numbers alone.
        intents: names of the K intents, in the order of the logits. A message whose best intent is `OUT_OF_SCOPE`, or
            that holds no word of the vocabulary, is never in scope, and never routed.

    Returns:
        `probabilities` float32 `[B, K]`; `in_scope` and `route` bool `[B]`; `in_scope_score` and `route_score`
        float32 `[B]`, which are one: the largest probability of an intent in scope, discounted by its coverage and its
        margin (see `discounted`); `coverage` and `margin` float32 `[B]`, those of the same intent; `known_words`
        float32 `[B]`; `similarity` float32 `[B]` where it was given. The score doesn't depend on the temperature: one
        that mends the probabilities makes it worse at telling what is out of scope.

    Example:
        >>> outputs = {"logits": ops.log(ops.array([[0.7, 0.2, 0.1]])), "coverage": ops.array([[0.9, 0.2, 0.1]])}
        >>> outputs |= {"margins": ops.array([[0.8, -0.6, -0.9]]), "known_words": ops.array([3.0])}
        >>> answer = decide(outputs, Confidence(route_threshold=0.3), ["cancel", "refund", "track"])
        >>> bool(answer["route"][0])
        True
    """
    numbers = confidence.numbers if isinstance(confidence, Confidence) else confidence
    outputs = {name: ops.cast(outputs[name], "float32") for name in (*OUTPUTS, SIMILARITY) if name in outputs}
    logits, covered = outputs["logits"], ops.array([intent != OUT_OF_SCOPE for intent in intents])
    can_route = ops.logical_and(ops.take(covered, ops.argmax(logits, axis=-1)), outputs["known_words"] > 0)
    probabilities = ops.where(covered, ops.softmax(logits), 0.0)
    best = ops.expand_dims(ops.argmax(probabilities, axis=-1), -1)
    judged = {"probability": probabilities, "coverage": outputs["coverage"], "margin": outputs["margins"]}
    if SIMILARITY in outputs:
        judged[SIMILARITY] = outputs[SIMILARITY]
    of_best = {name: ops.take_along_axis(values, best, axis=-1)[:, 0] for name, values in judged.items()}
    score = discounted(**of_best)
    return {
        "probabilities": ops.softmax(logits / numbers.temperature),
        "in_scope": ops.logical_and(can_route, score >= numbers.in_scope_threshold),
        "in_scope_score": score,
        "route": ops.logical_and(can_route, score >= numbers.route_threshold),
        "route_score": score,
        **{name: values for name, values in of_best.items() if name != "probability"},
        "known_words": outputs["known_words"],
    }


def answers_of(outputs: Mapping[str, Any], confidence: Confidence, intents: Sequence[str]) -> Answers:
    """Return what follows from the network's outputs as arrays; see `decide`."""
    judgement = decide(outputs, confidence, intents)
    return Answers(intents, **{name: ops.convert_to_numpy(judgement[name]) for name in ANSWERS})


def discounted(probability: Any, coverage: Any, margin: Any, similarity: Any = None) -> Any:
    """Return the largest probability (Hendrycks & Gimpel 2017), times `exp(-4 (1 - coverage) - (1 - margin))`.

    A message about something else is made of n-grams that its best intent has never been seen with, and lies on the
    wrong side of that intent's margin, however probable the intent is beside the others.

    With a pretrained encoder, it is far from that intent's messages: `exp(-4 (1 - similarity) - 2 (1 - coverage))`.

    Args:
        probability: of each message's best intent, float `[B]`.
        coverage: share of the message's n-grams that are known of that intent, float `[B]`; see `NgramScores`.
        margin: decision function of the linear classifier for that intent, float `[B]`; above 1 it counts as 1.
        similarity: the cosine of the message and that intent's messages, float `[B]`; see `MeanSimilarity`.

    Returns:
        float `[B]` in [0, 1].

    Example:
        >>> round(float(discounted(0.8, coverage=0.5, margin=1.0)), 3)
        0.108
    """
    if similarity is None:
        lacking = COVERAGE_WEIGHT * (1.0 - coverage) + MARGIN_WEIGHT * (1.0 - ops.minimum(margin, 1.0))
    else:
        lacking = SIMILARITY_WEIGHT * (1.0 - similarity) + SIMILAR_COVERAGE_WEIGHT * (1.0 - coverage)
    return probability * ops.exp(-lacking)
