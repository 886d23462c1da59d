"""From runs to results: means, differences, and runs that failed."""

from dataclasses import replace
from typing import Any

import pytest

from supportnet.compare.plan import Plan, Run
from supportnet.compare.results import Outcome, differences, results_of, summaries
from supportnet.compare.table import difference_lines, failed_lines, number, tables

RUN = Run({"name_or_path": "data"}, "0", "classify", "transformer")


def found(values: list[float | None]) -> dict[str, Any]:
    known = [value for value in values if value is not None]
    figures = {"accuracy": sum(known) / len(known), "oos_auroc": None}
    groups = [str(i) for i in range(len(values))]
    return {"figures": figures, "values": {"accuracy": values}, "groups": groups, "history": [], "details": {}}


OUTCOMES = [
    Outcome(RUN, found([1.0, 1.0, 1.0, None])),
    Outcome(replace(RUN, seed=1), found([1.0, 1.0, 0.0, None])),
    Outcome(replace(RUN, seed=2), error="ended by signal 9"),
    Outcome(replace(RUN, model="none"), found([0.0, 0.0, 1.0, None])),
    Outcome(replace(RUN, model="none", seed=1), found([0.0, 0.0, 1.0, None])),
    Outcome(replace(RUN, model="none", seed=2), found([0.0, 0.0, 1.0, None])),
    Outcome(replace(RUN, model="baseline"), found([1.0, 0.0, 0.0, None])),
]


def test_means_over_the_seeds_that_are_done() -> None:
    row = summaries(OUTCOMES)[0]
    assert row["seeds"] == [0, 1]
    assert row["failed"] == ["ended by signal 9"]
    assert row["mean"] == {"accuracy": pytest.approx(5 / 6)}
    assert row["sd"] == {"accuracy": pytest.approx(0.2357, abs=1e-4)}


def test_differences_of_the_seeds_that_both_have() -> None:
    rows = {(row["model"], row["against"]): row for row in differences(OUTCOMES)}
    assert list(rows) == [("transformer", "none"), ("transformer", "baseline"), ("none", "baseline")]
    own = rows["transformer", "none"]
    assert own["seeds"] == [0, 1]
    assert own["difference"] == pytest.approx(0.5)
    assert own["p_values"] == [0.5, 1.0]
    assert rows["none", "baseline"]["seeds"] == [0, 1, 2]
    low, high = own["interval"]
    assert low < own["difference"] < high


def test_what_is_printed() -> None:
    results = results_of(Plan(data=("data",)), OUTCOMES, {})
    ((title, rows),) = [table for table in tables(results) if table[1][0].keys() > {"accuracy"}]
    assert title == "classify on data: quality"
    assert [row["model"] for row in rows] == ["transformer (1 failed)", "none", "TF-IDF + linear SVM"]
    assert rows[0]["accuracy"] == "0.833 ± 0.236"
    assert rows[2]["accuracy"] == "0.333"
    assert failed_lines(results) == ["failed: classify transformer seed 2 on data: ended by signal 9"]
    assert "may be chance; McNemar by seed: p = 0.5, 1" in difference_lines(results)[0]
    assert [run["state"] for run in results["runs"]] == ["done", "done", "failed", "done", "done", "done", "done"]


def test_a_single_seed_is_said_to_have_no_interval() -> None:
    lines = difference_lines(results_of(Plan(data=("data",)), [OUTCOMES[0], OUTCOMES[3]], {}))
    assert lines == ["classify on data: transformer against none: accuracy +0.667 (one seed: no interval)"]


@pytest.mark.parametrize(("value", "text"), [(0.5, "0.500"), (9.87, "9.87"), (99.94, "99.9"), (1234.5, "1,234")])
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


def test_a_run_is_known_by_what_makes_it() -> None:
    moved = replace(RUN, data={"name_or_path": "data", "data_dir": "elsewhere"})
    assert moved.key == RUN.key
    changes: list[dict[str, Any]] = [{"seed": 1}, {"fingerprint": "1"}, {"options": {"epochs": 3}}, {"share": 0.5}]
    assert len({RUN.key, *(replace(RUN, **change).key for change in changes)}) == 5
