"""Pretrained encoders in a comparison: frozen and tuned, matched with nothing, and what they had read."""

from pathlib import Path
from typing import Any

import pytest
from small_comparison import TINY, WORDS, write_messages
from tiny_encoders import write_reader

from supportnet.compare import measure
from supportnet.compare.comparison import Comparison
from supportnet.compare.matching import in_the_same_time, timing_runs
from supportnet.compare.plan import Plan
from supportnet.compare.results import Outcome, results_of
from supportnet.compare.table import HAD_READ, tables
from supportnet.tasks.registry import get_task


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    words = [word for own in WORDS.values() for word in own]
    return write_reader(tmp_path_factory.mktemp("weights") / "reader", [*words, "please", "my", "the"])


@pytest.fixture(scope="module")
def plan(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    data = {"name": str(write_messages(tmp_path_factory.mktemp("data") / "messages.csv")), "reply_column": "reply"}
    own = {"max_length": 32, "num_buckets": 300, "num_pairs": 100}
    shared = {name: value for name, value in TINY.items() if name != "batch_size"}
    options = {**shared, "classify": {"batch_size": 16}, "pretrained": own, "preset": "tiny"}
    architectures = ("bilstm_attention", "transformer")
    return Plan((data,), ("classify", "reply"), architectures, (str(encoder),), (0,), options=options, match="time")


def test_their_options(plan: Plan, encoder: Path) -> None:
    """Rates and sizes are those of networks that start from nothing."""
    found = plan.pretrained_options(get_task("classify"))
    assert list(found) == ["reader frozen", "reader tuned"]
    for blocks, options in zip((0, 3), found.values(), strict=True):
        assert (options["tuned_blocks"], options["backbone"]) == (blocks, str(encoder))
        assert (options["max_length"], options["batch_size"]) == (32, 16)
        assert not {"epochs", "learning_rate", "preset"} & set(options)
    assert plan.pretrained_options(get_task("reply")) == {}


def test_their_runs(plan: Plan, tmp_path: Path) -> None:
    runs = list(Comparison(plan, tmp_path, jobs=1, progress_bar=False)._runs())
    models = [(run.task, run.model) for run in runs if run.is_pretrained]
    assert models == [("classify", "reader frozen"), ("classify", "reader tuned")]
    # Neither timed nor given other epochs.
    timed = timing_runs(runs)
    assert not any(run.is_pretrained for run in timed)
    seconds = {(run.name, run.task, run.model): 1.0 for run in timed}
    changed = in_the_same_time(runs, seconds)
    assert [run for run in changed if run.is_pretrained] == [run for run in runs if run.is_pretrained]


def test_what_is_measured_and_shown(plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "MOST_CALLS", 20)
    runs = {run.model: run for run in Comparison(plan, tmp_path, 1, False)._runs() if run.task == "classify"}
    frozen = runs["reader frozen"]
    found = measure.measured(frozen)
    assert found["figures"]["accuracy"] > 0.5
    # The encoder alone, without n-grams.
    assert found["figures"]["encoder_accuracy"] is not None
    assert found["details"]["attention"] == []
    other: dict[str, Any] = {**found, "figures": {**found["figures"], "encoder_accuracy": None}}
    results = results_of(plan, [Outcome(frozen, found), Outcome(runs["baseline"], other)], {})
    for _, rows in tables(results):
        assert [row[HAD_READ] for row in rows] == ["not stated", "nothing"]
