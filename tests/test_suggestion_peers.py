"""The peers of reply suggestion, on a handful of replies."""

from pathlib import Path

import numpy as np
import pytest

from supportnet.data.ticket import Ticket, TicketDataset

SUBJECTS = ["parcel", "refund", "flight", "weather"]
PAIRS = [Ticket(f"tell me about my {subject}", subject, f"Your {subject} is fine.") for subject in SUBJECTS]
DATASET = TicketDataset("star", {"train": [*PAIRS, Ticket("tell me", None, "About what?")], "test": PAIRS})
#: Each reply and all the others.
CANDIDATES = np.array([[0, 1, 2, 3], [1, 0, 2, 3], [2, 0, 1, 3], [3, 0, 1, 2]])


@pytest.fixture(autouse=True)
def _import_benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")


def test_peers_find_the_reply_with_the_same_words() -> None:
    from suggestion_peers import peers

    perfect = {"recall_at_1": 1.0, "recall_at_5": 1.0, "recall_at_10": 1.0, "mrr": 1.0}
    assert peers(DATASET, "test", CANDIDATES) == [{"name": "TF-IDF", **perfect}, {"name": "BM25", **perfect}]


def test_a_context_without_a_known_word_ties_all_candidates() -> None:
    from suggestion_peers import bm25_scores, ranking_figures

    contexts = ["", "zebra", "flight", "weather"]
    scores = bm25_scores(contexts, [str(ticket.reply) for ticket in PAIRS], CANDIDATES)
    assert (scores[:2] == 0).all()
    assert ranking_figures(scores)["mrr"] == pytest.approx((2 * 1 / 2.5 + 2) / 4)


def test_label_peers_learn_from_labelled_pairs() -> None:
    from suggestion_peers import label_peers, labelled

    assert labelled(DATASET["train"])[1] == SUBJECTS
    assert [row["accuracy"] for row in label_peers(DATASET)] == [1.0, 1.0]


def test_search_finds_what_a_full_sort_finds() -> None:
    from suggestion_peers import numpy_top_k

    random = np.random.default_rng(0)
    vectors, query = random.normal(size=(200, 8)).astype("float32"), random.normal(size=8).astype("float32")
    rows, scores = numpy_top_k(vectors, query, k=10)
    np.testing.assert_array_equal(rows, np.argsort(-(vectors @ query))[:10])
    np.testing.assert_array_equal(scores, (vectors @ query)[rows])
