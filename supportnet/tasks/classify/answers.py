"""Answers of the task classify: arrays for many messages, and one record for each. Loads no TensorFlow."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from supportnet.checks import check_positive, checked_texts
from supportnet.data.ticket import OUT_OF_SCOPE

if TYPE_CHECKING:
    from supportnet.tasks.classify.calibrate import Confidence

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]

#: The arrays of `Answers`, by the names that `supportnet.tasks.classify.calibrate.decide` gives them.
ANSWERS = (
    "probabilities",
    "in_scope",
    "in_scope_score",
    "route",
    "route_score",
    "coverage",
    "margin",
    "known_words",
)


@dataclass(frozen=True)
class Classification:
    """What the model says of one message.

    Attributes:
        text: the message.
        intent: the best intent.
        score: its calibrated probability: of the messages with 0.9, nine in ten should be right.
        intents: the best intents, best first.
        scores: their probabilities.
        in_scope: the message looks like one that an intent covers.
        in_scope_score: how much it does, on a scale of its own.
        route: the message can be routed by its best intent without a human, at the precision that was promised.
    """

    text: str
    intent: str
    score: float
    intents: tuple[str, ...]
    scores: tuple[float, ...]
    in_scope: bool
    in_scope_score: float
    route: bool


@dataclass(frozen=True)
class Answers:
    """What a model says of N messages.

    Attributes:
        intents: names of the K intents.
        probabilities: calibrated, float32 `[N, K]`.
        in_scope: bool `[N]`.
        in_scope_score: float32 `[N]`.
        route: bool `[N]`.
        route_score: float32 `[N]`.
        coverage: share of each message's character n-grams that training saw with its best intent, float32 `[N]`.
        margin: decision function of the linear classifier for that intent, float32 `[N]`.
        known_words: words of the message that are in the vocabulary, float32 `[N]`.
    """

    intents: Sequence[str]
    probabilities: npt.NDArray[np.float32]
    in_scope: npt.NDArray[np.bool_]
    in_scope_score: npt.NDArray[np.float32]
    route: npt.NDArray[np.bool_]
    route_score: npt.NDArray[np.float32]
    coverage: npt.NDArray[np.float32]
    margin: npt.NDArray[np.float32]
    known_words: npt.NDArray[np.float32]

    @property
    def predicted(self) -> npt.NDArray[np.int64]:
        """Index of each message's best intent, int64 `[N]`."""
        return self.probabilities.argmax(axis=1)

    @property
    def can_route(self) -> npt.NDArray[np.bool_]:
        """Whether the best intent is in scope and a word is known, bool `[N]`; other messages are never routed."""
        covered = np.array([intent != OUT_OF_SCOPE for intent in self.intents])
        return covered[self.predicted] & (self.known_words > 0)

    @property
    def routing_order(self) -> npt.NDArray[np.float64]:
        """The route score, float64 `[N]`; minus infinity for a message that is never routed."""
        return np.where(self.can_route, self.route_score, -np.inf)


class Classifier(ABC):
    """What classifies messages: a trained model, an exported one or a baseline.

    Attributes:
        intents: names of the intents, in the order of the probabilities.
        confidence: temperature and thresholds.
    """

    intents: list[str]
    confidence: "Confidence"

    @abstractmethod
    def answers(self, texts: Iterable[str], batch_size: int = 64) -> Answers:
        """Return all that is said of every message, as arrays with rows in the order given."""

    def probabilities(self, texts: Iterable[str], batch_size: int = 64) -> npt.NDArray[np.float32]:
        """Return the probability of every intent for every message, float32 `[N, K]`, rows in the order given."""
        return self.answers(texts, batch_size).probabilities

    def classify(self, texts: Iterable[str], top_k: int = 5) -> list[Classification]:
        """Classify messages: a list, a tuple, a pandas Series or any other iterable of strings.

        Args:
            texts: the messages; an empty one gets an answer like any other. What isn't valid Unicode (a lone
                surrogate) counts as a space.
            top_k: how many intents to list for each, at most.

        Returns:
            One `Classification` per message, in the order given.

        Raises:
            UserError: `texts` is a single string or a whole table, or holds something that isn't a string; or
                `top_k` is below 1.
        """
        texts = checked_texts(texts)
        check_positive("top_k", top_k)
        return ranked(texts, self.answers(texts), top_k)


def ranked(texts: Sequence[str], answers: Answers, top_k: int) -> list[Classification]:
    """Put names to the answers: the best `top_k` intents of each message."""
    order = np.argsort(-answers.probabilities, axis=1, kind="stable")[:, :top_k]
    return [
        Classification(
            text,
            answers.intents[best[0]],
            float(answers.probabilities[row, best[0]]),
            tuple(answers.intents[i] for i in best),
            tuple(float(answers.probabilities[row, i]) for i in best),
            bool(answers.in_scope[row]),
            float(answers.in_scope_score[row]),
            bool(answers.route[row]),
        )
        for row, (text, best) in enumerate(zip(texts, order, strict=True))
    ]


def record(text: str, row: Mapping[str, Any], top_k: int) -> Classification:
    """Return the record of one message, from its row of the outputs of an export's signature.

    Args:
        text: the message.
        row: the outputs by name; strings are `str`, ranked ones are lists, best first.
        top_k: how many intents to list, at most.
    """
    intents, scores = tuple(row["intents"][:top_k]), tuple(row["intent_scores"][:top_k])
    decisions = row["in_scope"], row["in_scope_score"], row["route"]
    return Classification(text, intents[0], scores[0], intents, scores, *decisions)
