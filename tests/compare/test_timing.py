"""As much time for one architecture as for another."""

from dataclasses import replace

from supportnet.compare.matching import in_the_same_time, timing_runs
from supportnet.compare.plan import Run

RUN = Run({"name_or_path": "data"}, "0", "classify", "transformer", options={"epochs": 6})
RUNS = [
    replace(RUN, model=model, seed=seed) for seed in (0, 1) for model in ("none", "bilstm_attention", "transformer")
] + [replace(RUN, model="baseline", options={})]


def test_an_epoch_of_each_architecture_is_timed() -> None:
    timed = timing_runs(RUNS)
    assert [(run.model, run.seed, run.study) for run in timed] == [
        ("none", 0, "timing"),
        ("bilstm_attention", 0, "timing"),
        ("transformer", 0, "timing"),
    ]


def test_the_quicker_one_has_more_epochs_and_none_is_stopped_early() -> None:
    seconds = {"none": 0.5, "bilstm_attention": 3.0, "transformer": 2.0}
    found = in_the_same_time(RUNS, {("data", "classify", name): value for name, value in seconds.items()})
    assert [run.options.get("epochs") for run in found] == [36, 6, 9, 36, 6, 9, None]
    assert all(run.options["patience"] == run.options["epochs"] for run in found[:-1])
    slow = in_the_same_time(
        RUNS[1:3], {("data", "classify", m): s for m, s in {**seconds, "transformer": 90.0}.items()}
    )
    assert [run.options["epochs"] for run in slow] == [6, 1]
