"""What the studies add to a comparison, and what they show of it."""

from dataclasses import replace

from supportnet.compare.charts import curves
from supportnet.compare.plan import BASELINE, LENGTHS, SHARES, Plan, Run, in_study, study_runs

PLAN = Plan(data=("first", "second"), seeds=(0, 1), studies=("size", "length", "gradients"))
RUN = Run({"name_or_path": "first"}, "0", "classify", "transformer", options={"epochs": 3})
RUNS = [RUN, replace(RUN, seed=1), replace(RUN, model=BASELINE), replace(RUN, data={"name_or_path": "second"})]


def of(study: str) -> list[Run]:
    return [run for run in study_runs(PLAN, RUNS, num_messages=4000) if run.study == study]


def test_less_data() -> None:
    assert [run.share for run in of("size") if run.model == BASELINE] == [*SHARES]
    assert len(of("size")) == 3 * len(SHARES)


def test_the_comparisons_own_runs_are_those_with_all_data() -> None:
    assert 1.0 not in SHARES
    assert [in_study(run, "size", PLAN) for run in RUNS] == [True, True, True, False]
    assert not any(in_study(run, "length", PLAN) for run in RUNS)
    assert all(in_study(run, "size", PLAN) for run in of("size"))
    assert not any(in_study(run, "size", PLAN) for run in of("length"))


def test_lengths_are_read_to_their_end_of_a_thousand_messages() -> None:
    found = of("length")
    assert [run.length for run in found if run.model == BASELINE] == [*LENGTHS]
    assert all(run.options["max_length"] == run.length for run in found)
    assert {run.share for run in found} == {0.25}


def test_gradients_are_those_of_one_training() -> None:
    assert [(run.model, run.seed) for run in of("gradients")] == [("transformer", 0)]


def test_curves_go_from_little_data_to_all() -> None:
    """In the results, the comparison's own runs come first."""
    rows = [
        {"model": model, "task": "classify", "share": share, "mean": {"accuracy": share / 2}, "sd": {}}
        for share in (1.0, 0.01, 0.1)
        for model in ("transformer", BASELINE)
    ]
    chart = curves("size", "By the amount of data", rows, "share", "share of the data")
    for line in chart.figure.axes[0].lines[:2]:
        assert list(line.get_xdata()) == [0.01, 0.1, 1.0]
    assert "from 0.005 to 0.500" in chart.text
