"""The numbers that turn scores into probabilities, found again where it is known how right replies were drawn."""

from typing import Any

import numpy as np
import pytest

from supportnet.data.ticket import Ticket
from supportnet.tasks.suggest.calibrate import fit_relevance
from supportnet.tasks.suggest.data import Pairs
from supportnet.tasks.suggest.model import best_answers

USES = [1, 2, 4, 8, 16, 32, 64]
LABELS = [0, 0, 0, 0, 1, 1, 1]


class Synthetic:
    """Stands for a model: a message is its row of scores, and replies are the unit vectors."""

    def __init__(self, scores: np.ndarray, labels: list[str], chances: np.ndarray | None = None) -> None:
        self.labels, self.scales = labels, np.ones(scores.shape[1], "float32")
        none = np.zeros((len(scores), 0))
        self.rows = {"message": np.concatenate([scores, none if chances is None else chances], axis=1)}
        self.rows["reply"] = np.eye(scores.shape[1])
        if labels:
            self.rows["reply"] = np.concatenate(
                [np.eye(scores.shape[1]), np.eye(len(labels))[[0, 0, 0, 0, 1, 1, 1]]], 1
            )

    def vectors(self, texts: list[str], side: str, batch_size: int = 64) -> np.ndarray:
        rows = self.rows[side]
        return (rows[[int(text) for text in texts]] if side == "message" else rows).astype("float32")


def drawn(prior: float, null_logit: float, num: int = 2000) -> tuple[Any, Pairs, Pairs]:
    """Messages with random scores, and replies drawn with the probabilities of these numbers."""
    random = np.random.default_rng(0)
    scores = random.normal(size=(num, 7))
    pairs = Pairs.of([Ticket("x", reply=f"reply {i}") for i, uses in enumerate(USES) for _ in range(uses)])
    logits = np.concatenate([1.5 * scores + prior * np.log(USES), np.full((num, 1), null_logit)], axis=1)
    right = (logits + random.gumbel(size=logits.shape)).argmax(axis=1)
    asked = [Ticket(str(i), reply=f"reply {row}" if row < 7 else "unknown") for i, row in enumerate(right)]
    return Synthetic(scores, []), pairs, Pairs.of(asked)


@pytest.mark.parametrize(("prior", "null_logit"), [(0.8, 1.0), (0.0, -1.0)])
def test_it_finds_the_numbers_that_replies_were_drawn_with(prior: float, null_logit: float) -> None:
    relevance = fit_relevance(*drawn(prior, null_logit))
    assert relevance.inverse_temperature == pytest.approx(1.5, abs=0.2)
    # Many priors rank about as well.
    assert relevance.prior == pytest.approx(prior, abs=0.25)
    assert relevance.null_logit == pytest.approx(null_logit, abs=0.6)
    assert relevance.agreement == 0.0


def test_labels_count_where_they_say_what_is_right() -> None:
    """Scores that say nothing, and labels that are told with certainty."""
    random = np.random.default_rng(0)
    pairs = Pairs.of([Ticket("x", "ab"[LABELS[i]], f"reply {i}") for i in range(7)], ["a", "b"])
    right = random.integers(7, size=300)
    chances = np.eye(2)[np.array(LABELS)[right]]
    asked = [Ticket(str(i), "ab"[LABELS[row]], f"reply {row}") for i, row in enumerate(right)]
    model = Synthetic(random.normal(size=(300, 7)), ["a", "b"], chances)
    relevance = fit_relevance(model, pairs, Pairs.of(asked, ["a", "b"]))
    assert relevance.agreement > 2
    queries = model.vectors([ticket.text for ticket in asked], "message")
    queries *= [*[relevance.inverse_temperature] * 7, *[relevance.agreement] * 2]
    best = (queries @ model.rows["reply"].T).argmax(axis=1)
    assert (np.array(LABELS)[best] == np.array(LABELS)[right]).all()


def test_overconfident_labels_still_decide_the_order() -> None:
    """They are right four times in five, and always certain: likelihood would all but leave them out."""
    random = np.random.default_rng(0)
    pairs = Pairs.of([Ticket("x", "ab"[LABELS[i]], f"reply {i}") for i in range(7)], ["a", "b"])
    right = random.integers(7, size=1000)
    told = np.array(LABELS)[right] ^ (random.random(1000) < 0.2)
    asked = [Ticket(str(i), "ab"[LABELS[row]], f"reply {row}") for i, row in enumerate(right)]
    model = Synthetic(3 * random.normal(size=(1000, 7)), ["a", "b"], np.eye(2)[told])
    relevance = fit_relevance(model, pairs, Pairs.of(asked, ["a", "b"]))
    queries = model.vectors([ticket.text for ticket in asked], "message")
    queries *= [*[relevance.inverse_temperature] * 7, *[relevance.agreement] * 2]
    best = (queries @ model.rows["reply"].T).argmax(axis=1)
    assert (np.array(LABELS)[best] == np.array(LABELS)[right]).mean() > 0.78


def test_the_probabilities_of_the_bank_and_of_none_of_them_add_up_to_one() -> None:
    model, pairs, asked = drawn(0.8, 1.0, num=50)
    relevance = fit_relevance(model, pairs, asked)
    rows = np.concatenate([np.eye(7), np.log(USES)[:, None]], axis=1).astype("float32")
    messages = model.vectors(asked.texts, "message")
    queries = np.concatenate([relevance.inverse_temperature * messages, np.full((50, 1), relevance.prior)], 1).astype(
        "float32"
    )
    _, scores = best_answers(queries, rows.T, [True] * 50, relevance.null_logit, k=7)
    powers = np.exp(queries @ rows.T).sum(axis=1)
    none = np.exp(relevance.null_logit) / (np.exp(relevance.null_logit) + powers)
    np.testing.assert_allclose(scores.numpy().sum(axis=1) + none, 1, atol=1e-4)
