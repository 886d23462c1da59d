"""Run a comparison: execute missing runs, then collect results."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from supportnet.compare.matching import in_the_same_time, match_weights, timing_runs
from supportnet.compare.messages import fingerprint_of, prepare
from supportnet.compare.plan import BASELINE, Plan, Run, study_runs
from supportnet.compare.pool import cores, do_runs
from supportnet.compare.report import write_report
from supportnet.compare.results import Outcome, read_outcome, results_of
from supportnet.config import NetworkConfig
from supportnet.data import load
from supportnet.data.ticket import TicketDataset
from supportnet.errors import UserError
from supportnet.files import remove_incomplete, write_json
from supportnet.tasks.registry import get_task


def compare(
    plan: Plan, out: str | os.PathLike[str], jobs: int | None = None, progress_bar: bool = True
) -> dict[str, Any]:
    """Do what is missing of a comparison; write `results.json` after every run, and `report.html` at the end.

    Args:
        plan: what is compared.
        out: the folder. What its `runs/` hold of the plan isn't done again; a run that failed is tried again.
        jobs: runs at a time, each on a core of its own; as many as there are, if not given. For times that are to be
            exact, 1.
        progress_bar: show one on standard error.

    Returns:
        What `results.json` holds; see `supportnet.compare.results.results_of`. A run that failed has its error there.

    Raises:
        UserError: a task that the data can't be used for, an option that there isn't, or architectures that can't be
            matched.

    Example (needs a training run):
        >>> compare(Plan(data=("sample",), messages=1200), "comparison")["differences"]
    """
    plan.warn_of_few_seeds()
    return Comparison(plan, Path(out), jobs or len(cores()), progress_bar).do()


class Comparison:
    """A comparison that is being done; see `compare`."""

    def __init__(self, plan: Plan, out: Path, jobs: int, progress_bar: bool) -> None:
        self.plan, self.out, self.jobs, self.progress_bar = plan, out, jobs, progress_bar
        self.folder = out / "runs"
        self.datasets = [prepare(load(**source), plan.messages) for source in plan.data]
        for dataset, task in product(self.datasets, plan.tasks):
            get_task(task).check_data(dataset)
        self.matching: dict[str, Any] = {"by": plan.match, "rows": []}
        self.errors: dict[str, str | None] = {}

    def do(self) -> dict[str, Any]:
        """Do the runs that are missing; return the results."""
        self.folder.mkdir(parents=True, exist_ok=True)
        remove_incomplete(self.folder)
        runs = list(self._runs())
        if self.plan.match == "time":
            runs = self._in_the_same_time(runs)
        runs += study_runs(self.plan, runs, len(self.datasets[0]["train"]))
        results = self._write(runs)
        for _ in self._done(runs):
            results = self._write(runs)
        datasets = {source["name_or_path"]: data for source, data in zip(self.plan.data, self.datasets, strict=True)}
        write_report(self.out, results, self.outcomes(runs), datasets)
        return results

    def outcomes(self, runs: list[Run]) -> list[Outcome]:
        """Return what became of runs."""
        return [read_outcome(run, self.folder, self.errors.get(run.key)) for run in runs]

    def _done(self, runs: list[Run]) -> Iterator[Run]:
        missing = [run for run in runs if not (self.folder / f"{run.key}.json").exists()]
        for run, error in do_runs(missing, self.folder, self.jobs, self.progress_bar):
            self.errors[run.key] = error
            yield run

    def _write(self, runs: list[Run]) -> dict[str, Any]:
        results = results_of(self.plan, self.outcomes(runs), self.matching)
        write_json(self.out / "results.json", results)
        return results

    def _runs(self) -> Iterator[Run]:
        """The runs of each data set and task."""
        for (source, dataset), task in product(zip(self.plan.data, self.datasets, strict=True), self.plan.tasks):
            run = Run(source, fingerprint_of(dataset), task, BASELINE, messages=self.plan.messages)
            options = self._matched(run, dataset)
            for seed in self.plan.seeds:
                for name, (own, weights) in options.items():
                    yield replace(run, model=name, seed=seed, options=own, weights=weights)
                for name, own in self.plan.pretrained_options(get_task(task)).items():
                    yield replace(run, model=name, seed=seed, options=own)
            if self.plan.baselines:
                yield run

    def _matched(self, run: Run, dataset: TicketDataset) -> dict[str, Any]:
        """The options and the number of weights of each architecture, for the data and the task of a run."""
        plan, task = self.plan, get_task(run.task)
        options = {name: plan.options_of(run.task, name) for name in plan.architectures}

        def config(name: str, own: Mapping[str, Any]) -> NetworkConfig:
            return task.configs({**own, "architecture": name})[0]

        for name, own in options.items():
            config(name, own)
        if plan.match != "parameters":
            return {name: (own, None) for name, own in options.items()}
        small = {"num_buckets": 1, "num_pairs": 1}
        matched = match_weights(
            lambda name, own: task.compared.network(config(name, {**own, **small}), dataset), options
        )
        self.matching["rows"] += [
            {"data": run.name, "task": run.task, "model": name, "weights": weights}
            | {size: own[size] for size in ("hidden_dim", "num_layers", "preset") if size in own}
            for name, (own, weights) in matched.items()
        ]
        return matched

    def _in_the_same_time(self, runs: list[Run]) -> list[Run]:
        timed = timing_runs(runs)
        list(self._done(timed))
        seconds = {}
        for outcome in self.outcomes(timed):
            run = outcome.run
            if not outcome.found:
                raise UserError(f"The time of an epoch can't be measured ({run}): {outcome.error}")
            seconds[run.name, run.task, run.model] = outcome.found["epoch_seconds"]
            self.matching["rows"].append({"data": run.name, "task": run.task, "model": run.model, **outcome.found})
        return in_the_same_time(runs, seconds)
