"""What a run finds, in this process; how it is done in another one."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_comparison import TINY, Small

from supportnet.compare import measure
from supportnet.compare.matching import count_weights
from supportnet.compare.measure import measured, messages_of
from supportnet.compare.plan import Run
from supportnet.compare.pool import do_runs
from supportnet.errors import UserError
from supportnet.files import read_json

pytestmark = pytest.mark.slow

COST = {"training_seconds", "messages_per_second", "peak_megabytes", "model_megabytes"}
TIMES = {f"{name}_milliseconds_batch_{size}" for name in ("median", "p99") for size in (1, 64)}


@pytest.fixture
def run(small: Small) -> Run:
    return small.runs[1]


def kept(small: Small, run: Run) -> dict[str, Any]:
    found: dict[str, Any] = read_json(small.folder / "runs" / f"{run.key}.json")
    return found


def test_a_model_is_measured(small: Small) -> None:
    for run in small.runs[:2]:
        found = kept(small, run)
        assert {*COST, *TIMES, "parameters", "matched_weights", "epochs", "encoder_accuracy"} <= set(found["figures"])
        right = np.array(found["values"]["accuracy"], dtype="float64")
        assert found["figures"]["accuracy"] == pytest.approx(np.nanmean(right))
        assert len(right) == len(found["groups"]) == len(found["details"]["predicted"]) == 16
        assert len(found["history"]) == 1
        assert all(value > 0 for name, value in found["figures"].items() if name in COST | TIMES)


def test_gradients_are_found_where_they_are_asked_for(small: Small) -> None:
    gradients, none = (kept(small, run)["details"].get("gradients") for run in small.runs[:2])
    assert none is None
    assert len(gradients["trained"]) == 128
    assert gradients["fresh"][100] < gradients["fresh"][0] / 10


def test_a_baseline_is_measured_alike(small: Small) -> None:
    model, baseline = kept(small, small.runs[1]), kept(small, small.runs[2])
    assert set(baseline["figures"]) >= COST | TIMES
    assert baseline["values"].keys() == model["values"].keys()
    assert baseline["groups"] == model["groups"]
    assert baseline["figures"]["accuracy"] > 0.9


@pytest.mark.parametrize(("task", "metric"), [("suggest", "bank_mrr"), ("reply", "rouge_l")])
def test_baselines_of_replies(run: Run, task: str, metric: str) -> None:
    found = measured(replace(run, task=task, model="baseline", options={}))
    assert found["figures"][metric] == pytest.approx(np.mean(found["values"][metric]), rel=1e-4)
    assert found["figures"][metric] > 0.3
    assert len(found["details"]["said"]) == 16


def test_parts_and_lengths_of_the_messages(run: Run) -> None:
    assert len(messages_of(replace(run, share=0.5))["train"]) == 15
    assert len(messages_of(run)["train"]) == 30
    assert {len(t.text.split()) for t in messages_of(replace(run, length=9))["train"]} == {9}


def test_messages_that_changed(run: Run) -> None:
    with pytest.raises(UserError, match="has changed since the comparison began"):
        messages_of(replace(run, fingerprint="other"))


def test_weights_are_what_was_promised(run: Run) -> None:
    with pytest.raises(UserError, match="shall have 3, give or take 5%"):
        measured(replace(run, model="none", weights=3))


def test_counted_weights_are_those_of_the_trained_network(small: Small) -> None:
    from supportnet.tasks import get_task

    run, task = small.runs[1], get_task("classify")
    config, _ = task.configs({**TINY, "architecture": run.model})
    network = task.compared.network(config, messages_of(run))
    assert count_weights(network) == kept(small, run)["figures"]["matched_weights"]


def test_a_run_that_fails_in_its_process(run: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    bad = replace(run, fingerprint="other")
    ((done, error),) = do_runs([bad], tmp_path, jobs=1)
    assert done == bad
    assert error is not None
    assert error.startswith("UserError: ")
    assert error.endswith("start the command again.")
    assert not list(tmp_path.iterdir())
    bar = capfd.readouterr().err
    assert "classify transformer seed 0 on" in bar
    assert "1/1" in bar


def test_the_time_of_an_epoch_is_without_that_of_compiling(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock:
        """Compiling takes 30 seconds in the first training and 3 in others, an epoch 0.1."""

        now, compiled = 0.0, 30.0

        def train(self, dataset: Any, **options: Any) -> None:
            assert options["patience"] == options["epochs"]
            self.now += self.compiled + 0.1 * options["epochs"]
            self.compiled = 3.0

    clock = Clock()
    monkeypatch.setattr(measure, "train", clock.train)
    monkeypatch.setattr(measure.time, "process_time", lambda: clock.now)
    assert measured(replace(run, study="timing"))["epoch_seconds"] == pytest.approx(0.1)
    monkeypatch.setattr(measure, "LONG_ENOUGH", 1000)
    with pytest.raises(UserError, match="An epoch is too short to be timed"):
        measured(replace(run, study="timing"))
