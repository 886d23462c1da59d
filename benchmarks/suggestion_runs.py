"""Train one suggestion model on STAR and measure it, or one of the peers, or a search; see `suggestions.py`."""

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from suggestion_peers import label_peers, numpy_top_k, peers

import supportnet
from supportnet.data import Bank, bank_of_replies
from supportnet.metrics.ranking import draw_candidates
from supportnet.tasks.suggest.evaluate import CANDIDATES, CANDIDATES_SEED
from supportnet.tasks.suggest.model import best_answers

#: Searches, and rounds of them; the median of the rounds' medians counts.
SEARCHES, ROUNDS = 50, 9
#: The search's answers and the depth of their vectors: of one branch, and of all three.
BANKS = ((1_000, 128), (10_000, 128), (100_000, 128), (100_000, 384))
#: How many answers are wanted; and the answers of a bank that is indexed and published.
BEST, PUBLISHED = 5, 10_000


def measured(spec: dict[str, Any]) -> dict[str, Any]:
    """Do one run.

    Args:
        spec: `kind`: `model`, `peers` or `search`; `turns` of the context; `load`, arguments of `supportnet.load`;
            `split`, what is scored; `options` of `supportnet.train`.

    Returns:
        The figures by name.
    """
    return {"model": model_figures, "peers": peer_figures, "search": search_figures}[spec["kind"]](spec)


def model_figures(spec: dict[str, Any]) -> dict[str, Any]:
    """Train on the training split, choose the epoch on validation, score `split`."""
    dataset = supportnet.load("star", context_turns=spec["turns"], **spec["load"])
    started = time.perf_counter()
    trained = supportnet.train(dataset, task="suggest", progress_bar=False, **spec["options"])
    seconds = time.perf_counter() - started
    bank = bank_of_replies("star", dataset["train"])
    found = trained.evaluate(dataset[spec["split"]], bank=bank)
    more = {"training_seconds_one_core": seconds, "publish_seconds": publish_seconds(trained.model, bank)}
    return {**found, **more, "parameters": trained.network.count_params(), "validation": trained.metrics}


def publish_seconds(model: Any, bank: Bank) -> float:
    """Read 10,000 answers and write the version."""
    answers = [replace(bank.answers[i % len(bank.answers)], id=str(i)) for i in range(PUBLISHED)]
    # No two alike, so that all of them are read.
    answers = [replace(answer, text=f"{answer.text} {i}") for i, answer in enumerate(answers)]
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        supportnet.index(model, Bank("answers", answers), Path(folder) / "answers")
        return time.perf_counter() - started


def peer_figures(spec: dict[str, Any]) -> dict[str, Any]:
    """Score the peers on the same candidates."""
    dataset = supportnet.load("star", context_turns=spec["turns"], **spec["load"])
    replies = [str(ticket.reply) for ticket in dataset[spec["split"]]]
    candidates = draw_candidates(replies, CANDIDATES, CANDIDATES_SEED)
    return {"ranking": peers(dataset, spec["split"], candidates), "labels": label_peers(dataset, spec["split"])}


def search_figures(spec: dict[str, Any]) -> dict[str, Any]:
    """Time the search in the graph, and numpy's, one message at a time on one core, turn by turn."""
    rows = []
    for size, depth in BANKS:
        random = np.random.default_rng(0)
        answers = random.normal(size=(size, depth)).astype("float32")
        queries = random.normal(size=(SEARCHES, depth)).astype("float32")
        graph, plain = _graph_search(answers), lambda query, answers=answers: numpy_top_k(answers, query, BEST)
        assert all((graph(query)[0].numpy()[0] == plain(query)[0]).all() for query in queries)
        times: dict[str, list[float]] = {"supportnet": [], "numpy": []}
        for _ in range(ROUNDS):
            times["supportnet"].append(_median_milliseconds(graph, queries))
            times["numpy"].append(_median_milliseconds(plain, queries))
        found = {name: statistics.median(values) for name, values in times.items()}
        ratio = found["supportnet"] / found["numpy"]
        rows.append({"answers": size, "depth": depth, "milliseconds": found, "ratio": ratio})
    return {"search": rows}


def _graph_search(answers: Any) -> Callable[[Any], Any]:
    """The search of an export, from a vector in numpy to the answers' rows."""
    kept = tf.Variable(answers.T)

    @tf.function(input_signature=[tf.TensorSpec([None, answers.shape[1]])])
    def search(query: Any) -> Any:
        return best_answers(query, kept, tf.constant([True]), 0.0, BEST)

    return lambda query: search(tf.constant(query[None]))


def _median_milliseconds(search: Callable[[Any], Any], queries: Any) -> float:
    times = []
    for query in queries:
        started = time.perf_counter()
        search(query)
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)
