"""From the runs' files to results.json: means and deviations over the seeds, and who is better."""

import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from supportnet.compare.plan import Plan
from supportnet.compare.pool import cores
from supportnet.compare.run import BASELINE, Run
from supportnet.compare.statistics import mcnemar_by_seed, paired_difference
from supportnet.compare.studies import in_study
from supportnet.files import read_json, write_json
from supportnet.tasks import get_task
from supportnet.version import __version__


@dataclass
class Outcome:
    """What became of a run.

    Attributes:
        run: the run.
        found: what `supportnet.compare.measured.measured` returned; None if it isn't done.
        error: what ended it, if something did.
    """

    run: Run
    found: Mapping[str, Any] | None = None
    error: str | None = None

    @property
    def state(self) -> str:
        """`done`, `failed` or `missing`."""
        return "done" if self.found is not None else "failed" if self.error else "missing"


def read_outcome(run: Run, folder: Path, error: str | None = None) -> Outcome:
    """Return what the folder of runs says of one."""
    path = folder / f"{run.key}.json"
    return Outcome(run, read_json(path) if path.exists() else None, error)


def results_of(plan: Plan, outcomes: Sequence[Outcome], matching: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `results.json` holds.

    Returns:
        `plan`; `machine`; `matching`, what was matched; `runs`, each with `state`, `figures` and `error`; `summary`,
        see `summaries`; `differences`, see `differences`; `studies`, the same as `summary` for each study.
    """
    compared = [outcome for outcome in outcomes if not outcome.run.study]
    studies = {name: [o for o in outcomes if in_study(o.run, name, plan)] for name in plan.studies}
    return {
        "plan": asdict(plan),
        "machine": machine(),
        "matching": dict(matching),
        "runs": [_row(outcome) for outcome in outcomes],
        "summary": summaries(compared),
        "differences": differences(compared),
        "studies": {name: summaries(found) for name, found in studies.items()},
    }


def write_results(folder: Path, results: Mapping[str, Any]) -> None:
    """Write `results.json`, whole or not at all."""
    write_json(folder / "results.json", results)


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    packages = ("tensorflow", "keras", "numpy", "scikit-learn")
    return {
        "cores": len(cores()),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "supportnet": __version__,
        **{package: version(package) for package in packages},
    }


def summaries(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Return a row for each data set, task and model (and share or length): means and deviations over the seeds.

    A figure that a run lacks has no mean, and a single run no deviation.
    """
    rows = []
    for key, same in _grouped(outcomes).items():
        done = [outcome.found["figures"] for outcome in same if outcome.found is not None]
        names = list(done[0]) if done else []
        columns = {name: [row[name] for row in done if row.get(name) is not None] for name in names}
        whole = {name: values for name, values in columns.items() if len(values) == len(done)}
        rows.append(
            {
                **dict(zip(("data", "task", "model", "share", "length"), key, strict=True)),
                "options": dict(same[0].run.options),
                "seeds": [outcome.run.seed for outcome in same if outcome.found is not None],
                "failed": [outcome.error for outcome in same if outcome.state == "failed"],
                "mean": {name: statistics.fmean(values) for name, values in whole.items()},
                "sd": {name: statistics.stdev(values) for name, values in whole.items() if len(values) > 1},
            }
        )
    return rows


def differences(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Compare every two models that were scored on the same messages, over the seeds that both have done.

    Returns:
        Rows with `data`, `task`, `metric`, `model`, `against`, `seeds`, `difference` and `interval` (see
        `paired_difference`), and `p_values` of McNemar's test, one per seed, where messages are right or wrong.
    """
    rows: list[dict[str, Any]] = []
    groups = {key: [o for o in same if o.found is not None] for key, same in _grouped(outcomes).items()}
    for (own, mine), (other, theirs) in combinations(groups.items(), 2):
        if own[:2] == other[:2] and mine and theirs:
            rows += _difference(mine, theirs)
    return rows


def _difference(mine: Sequence[Outcome], theirs: Sequence[Outcome]) -> Iterable[dict[str, Any]]:
    run, against = mine[0].run, theirs[0].run
    compared = get_task(run.task).compared
    common = [o.run.seed for o in mine if against.model == BASELINE or o.run.seed in {p.run.seed for p in theirs}]
    metric = next((m for m in compared.decisive if m in _values(mine[0]) and m in _values(theirs[0])), None)
    if metric is None or not common:
        return
    own = _matrix([o for o in mine if o.run.seed in common], metric)
    other = _matrix([o for o in theirs if against.model == BASELINE or o.run.seed in common], metric)
    counted = ~np.isnan(own[0])
    own, other = own[:, counted], other[:, counted]
    names = np.array((mine[0].found or {})["groups"])[counted].tolist()
    row = {"data": run.name, "task": run.task, "metric": metric, "model": run.model, "against": against.model}
    p_values = mcnemar_by_seed(own, other) if compared.is_binary else None
    yield {**row, "seeds": common, **paired_difference(own, other, names), "p_values": p_values}


def _values(outcome: Outcome) -> Mapping[str, Any]:
    return (outcome.found or {})["values"]


def _matrix(outcomes: Sequence[Outcome], metric: str) -> Any:
    return np.array([_values(outcome)[metric] for outcome in outcomes], dtype="float64")


def _grouped(outcomes: Sequence[Outcome]) -> dict[tuple[Any, ...], list[Outcome]]:
    groups: dict[tuple[Any, ...], list[Outcome]] = {}
    for outcome in outcomes:
        run = outcome.run
        groups.setdefault((run.name, run.task, run.model, run.share, run.length), []).append(outcome)
    return groups


def _row(outcome: Outcome) -> dict[str, Any]:
    figures = None if outcome.found is None else outcome.found.get("figures", outcome.found)
    return {
        **asdict(outcome.run),
        "data": outcome.run.name,
        "key": outcome.run.key,
        "state": outcome.state,
        "error": outcome.error,
        "figures": figures,
    }
