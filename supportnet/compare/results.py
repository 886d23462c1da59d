"""From the runs' files to results.json: means and deviations over the seeds, who is better, and by chance or not."""

import platform
import statistics
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from itertools import combinations
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from supportnet.compare.plan import BASELINE, Plan, Run, in_study
from supportnet.compare.pool import cores
from supportnet.compare.table import model_name
from supportnet.data.ticket import TicketDataset, grouped
from supportnet.files import read_json
from supportnet.metrics.ranking import percentile_interval
from supportnet.pretrained.weights import trained_on
from supportnet.tasks.classify.against import mcnemar
from supportnet.tasks.registry import get_task
from supportnet.version import __version__

Floats = npt.NDArray[np.floating]


@dataclass
class Outcome:
    """What became of a run.

    Attributes:
        run: the run.
        found: what `supportnet.compare.measure.measured` returned; empty if it isn't done.
        error: what ended it, if something did.
    """

    run: Run
    found: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None

    @property
    def state(self) -> str:
        """`done`, `failed` or `missing`."""
        if self.found:
            return "done"
        return "failed" if self.error else "missing"


def read_outcome(run: Run, folder: Path, error: str | None = None) -> Outcome:
    """Return what the folder of runs says of one."""
    path = folder / f"{run.key}.json"
    return Outcome(run, read_json(path) if path.exists() else {}, error)


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


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    return {
        "cores": len(cores()),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "supportnet": __version__,
        **{package: version(package) for package in ("tensorflow", "keras", "numpy", "scikit-learn")},
    }


def summaries(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Return a row for each data set, task and model (and share or length): means and deviations over the seeds.

    A figure that a run lacks has no mean, and a single run no deviation.
    """
    rows = []
    for key, same in _rows(outcomes).items():
        done = [outcome.found["figures"] for outcome in same if outcome.found]
        columns = {name: [row.get(name) for row in done] for name in (done[0] if done else ())}
        whole = {name: values for name, values in columns.items() if None not in values}
        rows.append(
            {
                **dict(zip(("data", "task", "model", "share", "length"), key, strict=True)),
                "options": dict(same[0].run.options),
                "had_read": _had_read(same[0].run),
                "seeds": [outcome.run.seed for outcome in same if outcome.found],
                "failed": [outcome.error for outcome in same if outcome.state == "failed"],
                "mean": {name: statistics.fmean(values) for name, values in whole.items()},
                "sd": {name: statistics.stdev(values) for name, values in whole.items() if len(values) > 1},
            }
        )
    return rows


def _had_read(run: Run) -> str:
    """What a run's encoder had read before its messages; empty for nothing."""
    return trained_on(run.options["backbone"]) if run.is_pretrained else ""


def differences(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Compare every two models that were scored on the same messages, over the seeds that both have done.

    Returns:
        Rows with `data`, `task`, `metric`, `model`, `against`, `seeds`, `difference` and `interval` (see
        `paired_difference`), and `p_values` of McNemar's test, one per seed, where messages are right or wrong.
    """
    groups = {key: [o for o in same if o.found] for key, same in _rows(outcomes).items()}
    return [
        row
        for (own, mine), (other, theirs) in combinations(groups.items(), 2)
        if own[:2] == other[:2] and mine and theirs
        for row in _difference(mine, theirs)
    ]


def _difference(mine: Sequence[Outcome], theirs: Sequence[Outcome]) -> Iterator[dict[str, Any]]:
    run, against = mine[0].run, theirs[0].run
    compared = get_task(run.task).compared
    if against.model != BASELINE:
        # A baseline has no seed: it is compared with all.
        seeds = {o.run.seed for o in mine} & {o.run.seed for o in theirs}
        mine, theirs = ([o for o in group if o.run.seed in seeds] for group in (mine, theirs))
    scored = [outcome.found["values"] for outcome in (*mine, *theirs)]
    metric = next((name for name in compared.decisive if all(name in values for values in scored)), None)
    if not mine or metric is None:
        return
    own, other = (np.array([o.found["values"][metric] for o in group], dtype="float64") for group in (mine, theirs))
    counted = ~np.isnan(own[0])
    own, other = own[:, counted], other[:, counted]
    yield {
        **{"data": run.name, "task": run.task, "metric": metric, "model": run.model, "against": against.model},
        "seeds": [outcome.run.seed for outcome in mine],
        **paired_difference(own, other, np.array(mine[0].found["groups"])[counted].tolist()),
        "p_values": mcnemar_by_seed(own, other) if compared.is_binary else None,
    }


def _rows(outcomes: Sequence[Outcome]) -> dict[tuple[Any, ...], list[Outcome]]:
    """The outcomes of each row of a summary."""
    return grouped(outcomes, attrgetter("run.name", "run.task", "run.model", "run.share", "run.length"))


def _row(outcome: Outcome) -> dict[str, Any]:
    return {
        **asdict(outcome.run),
        "data": outcome.run.name,
        "key": outcome.run.key,
        "state": outcome.state,
        "error": outcome.error,
        "figures": outcome.found.get("figures", outcome.found) or None,
    }


def paired_difference(
    own: Floats, other: Floats, groups: Sequence[Hashable], seed: int = 0, resamples: int = 2000
) -> dict[str, Any]:
    """Return the mean difference of two models, and its interval by a paired bootstrap.

    Seeds and conversations are drawn anew, each with replacement, and both models are scored on the same draw
    (Bouthillier et al. 2021, Accounting for Variance in Machine Learning Benchmarks).

    Args:
        own: one value a seed and message, such as whether it was right, `[S, N]`.
        other: the same of the other model; `[1, N]` for one that has no seed.
        groups: the conversation of each message, N.
        seed: the same seed draws the same resamples.
        resamples: number of resamples.

    Returns:
        `difference`; `interval`, that of 95%, None with a single seed.

    Example:
        >>> paired_difference(np.array([[1.0, 1.0], [1.0, 1.0]]), np.array([[0.0, 0.0]]), ["a", "b"])
        {'difference': 1.0, 'interval': (1.0, 1.0)}
    """
    differences = own - other
    num_seeds = len(differences)
    _, index = np.unique(np.array(list(map(str, groups))), return_inverse=True)
    sums = np.stack([np.bincount(index, weights=row) for row in differences])
    sizes, num_groups = np.bincount(index), sums.shape[1]
    difference = float(differences.mean())
    if num_seeds == 1:
        return {"difference": difference, "interval": None}
    random = np.random.default_rng(seed)
    drawn = np.empty(resamples)
    for i in range(resamples):
        seeds, chosen = random.integers(num_seeds, size=num_seeds), random.integers(num_groups, size=num_groups)
        drawn[i] = sums[seeds].sum(axis=0)[chosen].sum() / (num_seeds * sizes[chosen].sum())
    return {"difference": difference, "interval": percentile_interval(drawn)}


def mcnemar_by_seed(right: Floats, other_right: Floats) -> list[float]:
    """Return the p-value of McNemar's test for each seed.

    Args:
        right: whether each message is right, 1 or 0, `[S, N]`.
        other_right: the same of the other model, `[S, N]` or `[1, N]`.

    Example:
        >>> mcnemar_by_seed(np.ones((1, 6)), np.array([[1.0, 0, 0, 0, 0, 0]]))
        [0.0625]
    """
    pairs = zip(right, np.broadcast_to(other_right, right.shape), strict=True)
    return [mcnemar(int(np.sum(own > other)), int(np.sum(own < other))) for own, other in pairs]


@dataclass(frozen=True)
class Part:
    """One data set and task of a comparison.

    Attributes:
        data: the data set's name.
        task: the task.
        dataset: its messages.
        outcomes: the runs that are done, the comparison's and no study's.
    """

    data: str
    task: str
    dataset: TicketDataset
    outcomes: Sequence[Outcome]

    @property
    def models(self) -> list[str]:
        """The models, in the order of the tables."""
        names = dict.fromkeys(outcome.run.model for outcome in self.outcomes)
        return sorted(names, key=lambda name: name == BASELINE)

    def label(self, model: str) -> str:
        """Return what a model is called."""
        return model_name(self.task, model)

    def of(self, model: str) -> list[Mapping[str, Any]]:
        """Return what a model's runs found, seed by seed."""
        return [outcome.found for outcome in self.outcomes if outcome.run.model == model]

    def first(self) -> dict[str, Mapping[str, Any]]:
        """Return what the first seed of each model found."""
        return {model: self.of(model)[0] for model in self.models}


def parts_of(outcomes: Sequence[Outcome], datasets: Mapping[str, TicketDataset]) -> list[Part]:
    """Return the parts that have a run that is done."""
    done = (outcome for outcome in outcomes if outcome.found and not outcome.run.study)
    groups = grouped(done, attrgetter("run.name", "run.task"))
    return [Part(data, task, datasets[data], same) for (data, task), same in groups.items()]
