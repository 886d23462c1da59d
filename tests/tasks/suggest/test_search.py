"""Exact search, beside what NumPy and Python's sets make of it."""

import numpy as np
import pytest
from campaigns import fuzz
from hypothesis import given
from hypothesis import strategies as st

from supportnet.tasks.suggest.model import best_answers, with_tag

QUICK = fuzz(30)


def reference(logits: np.ndarray, allowed: np.ndarray, null_logit: float, k: int) -> tuple[list, list]:
    """Row by row, in double precision."""
    all_rows, all_scores = [], []
    for own, may in zip(logits.astype("float64"), np.broadcast_to(allowed, logits.shape), strict=True):
        rows = [row for row in np.argsort(-own, kind="stable") if may[row]]
        highest = max([null_logit, *own[rows]])
        powers = np.exp(own[rows] - highest)
        scores = powers / (powers.sum() + np.exp(null_logit - highest))
        missing = max(k - len(rows), 0)
        all_rows.append([*rows[:k], *[-1] * missing])
        all_scores.append([*scores[:k], *[0.0] * missing])
    return all_rows, all_scores


@QUICK
@given(
    seed=st.integers(0, 2**32 - 1),
    num_queries=st.integers(0, 4),
    num_answers=st.integers(1, 12),
    k=st.integers(1, 15),
    null_logit=st.sampled_from([-100.0, -1.0, 0.0, 3.0, 100.0]),
    of_each=st.booleans(),
)
def test_best_answers(seed: int, num_queries: int, num_answers: int, k: int, null_logit: float, of_each: bool) -> None:
    random = np.random.default_rng(seed)
    queries = random.normal(scale=4, size=(num_queries, 3)).astype("float32")
    answers = random.normal(size=(num_answers, 3)).astype("float32")
    asked = random.random(num_queries) < 0.7
    allowed = random.random((num_queries, num_answers)) < 0.7 if of_each else None
    rows, scores = best_answers(queries, answers.T, asked, null_logit, k, allowed)
    everything = np.ones((num_queries, num_answers), bool) if allowed is None else allowed
    expected_rows, expected_scores = reference(queries @ answers.T, everything & asked[:, None], null_logit, k)
    assert (rows.shape, scores.shape) == ((num_queries, k), (num_queries, k))
    assert rows.numpy().tolist() == expected_rows
    np.testing.assert_allclose(scores, np.reshape(expected_scores, (num_queries, k)), rtol=1e-3, atol=1e-6)


def test_large_logits_do_not_overflow() -> None:
    rows, scores = best_answers(np.float32([[1000]]), np.float32([[-1, 1, 0.999]]), [True], 0.0, 2)
    assert rows.numpy().tolist() == [[1, 2]]
    np.testing.assert_allclose(scores, [[1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1))]], rtol=1e-3)


def test_all_answers_and_none_of_them_are_sure_together() -> None:
    random = np.random.default_rng(0)
    queries, answers = random.normal(size=(5, 4)).astype("float32"), random.normal(size=(9, 4)).astype("float32")
    _, scores = best_answers(queries, answers.T, [True] * 5, null_logit=1.0, k=9)
    powers = np.exp(queries @ answers.T).sum(axis=1)
    np.testing.assert_allclose(scores.numpy().sum(axis=1), 1 - np.e / (np.e + powers), rtol=1e-4)


TAGS = ["", "a", "b", "ü", "never"]


@QUICK
@given(
    tags_of_answers=st.lists(st.sets(st.sampled_from(TAGS[:4])), min_size=1, max_size=9),
    asked=st.lists(st.sampled_from(TAGS), max_size=5),
)
def test_with_tag(tags_of_answers: list[set[str]], asked: list[str]) -> None:
    tags = sorted(set().union(*tags_of_answers))
    tagged = [[row for row, own in enumerate(tags_of_answers) if tag in own] for tag in tags]
    starts = np.cumsum([0, *map(len, tagged)]).astype("int32")
    found = with_tag(
        np.array([tag.encode() for tag in asked], object) if asked else np.zeros(0, "S1"),
        np.array([tag.encode() for tag in tags], object) if tags else np.zeros(0, "S1"),
        np.concatenate([np.zeros(0, "int32"), *tagged]).astype("int32"),
        starts,
        len(tags_of_answers),
    )
    assert found.shape == (len(asked), len(tags_of_answers))
    assert found.numpy().tolist() == [[tag in own for own in tags_of_answers] for tag in asked]


@pytest.mark.parametrize("k", [1, 3])
def test_no_queries(k: int) -> None:
    rows, scores = best_answers(np.zeros((0, 2), "float32"), np.eye(2, dtype="float32"), np.zeros(0, bool), 0.0, k)
    assert (rows.shape, scores.shape) == ((0, k), (0, k))
