"""The results file: which runs it holds, means and deviations over the seeds, and the table for the README."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from supportnet.files import read_json, write_json

NAMES = {
    "banking77": "BANKING77",
    "clinc150": "CLINC150",
    "svm": "TF-IDF + linear SVM",
    "bilstm_attention": "supportnet, `bilstm_attention`",
    "transformer": "supportnet, `transformer`",
    "none": "supportnet without an encoder",
}
HEADER = """\
| data | model | accuracy | out-of-scope AUROC | routed / of these right | calibration error | one message | a second |
|---|---|---|---|---|---|---|---|"""


class Results:
    """What `benchmarks/results/intents.json` holds.

    A run has `data`, `model`, `seed` (None for the SVM), `options`, `supportnet` (the version) and `figures`.

    Args:
        path: the file; it needn't be there.
        machine: what it is measured on now.
    """

    def __init__(self, path: Path, machine: dict[str, Any]) -> None:
        known = read_json(path) if path.exists() else {}
        self.path, self.machine = path, machine
        # An older layout has none of these.
        self.runs: list[dict[str, Any]] = known.get("runs", [])
        self.speed: list[dict[str, Any]] = known.get("speed", [])
        self.training_seconds: dict[str, Any] = known.get("training_seconds", {})

    def keep_current(self, options: dict[str, dict[str, dict[str, Any]]]) -> None:
        """Forget runs of other options or another version, and what was timed of them.

        A mean over unlike runs would be one of nothing.
        """
        self.runs = [
            run
            for run in self.runs
            if run["supportnet"] == self.machine["supportnet"]
            and run["options"] == options.get(run["data"], {}).get(run["model"])
        ]
        left = {(run["data"], run["model"]) for run in self.runs}
        self.speed = [row for row in self.speed if (row["data"], row["model"]) in left]
        trained = self.training_seconds
        if trained and trained["options"] != options[trained["data"]][trained["model"]]:
            self.training_seconds = {}

    def has(self, spec: dict[str, Any]) -> bool:
        """Return whether the run is there."""
        return any(_key(run) == _key(spec) for run in self.runs)

    def forget(self, specs: Sequence[dict[str, Any]]) -> None:
        """Take these runs out."""
        keys = {_key(spec) for spec in specs}
        self.runs = [run for run in self.runs if _key(run) not in keys]

    def add(self, spec: dict[str, Any], figures: dict[str, Any]) -> None:
        """Put a run in its place, instead of an older one."""
        run = {name: spec[name] for name in ("data", "model", "seed", "options")}
        self.forget([spec])
        self.runs.append({**run, "supportnet": self.machine["supportnet"], "figures": figures})

    def add_speed(self, data: str, rows: Sequence[dict[str, Any]]) -> None:
        """Put the speeds of one data set's models in the place of older ones."""
        self.speed = [row for row in self.speed if row["data"] != data] + [{"data": data, **row} for row in rows]

    def write(self) -> None:
        """Write the file, sorted."""
        order = {name: place for place, name in enumerate(NAMES)}
        self.runs.sort(key=lambda run: (order[run["data"]], order[run["model"]], run["seed"] or 0))
        self.speed.sort(key=lambda row: (order[row["data"]], order[row["model"]]))
        results = {
            "machine": self.machine,
            "runs": self.runs,
            "summary": summary(self.runs),
            "speed": self.speed,
            "training_seconds": self.training_seconds,
        }
        write_json(self.path, results)


def summary(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return mean and standard deviation over the seeds, a row for each data set and model.

    A figure that one of the runs lacks has neither, and a single run has no deviation.
    """
    rows = []
    for data, model in dict.fromkeys((run["data"], run["model"]) for run in runs):
        same = [run for run in runs if (run["data"], run["model"]) == (data, model)]
        names = list(same[0]["figures"])
        columns = {name: [run["figures"][name] for run in same] for name in names}
        whole = {name: values for name, values in columns.items() if None not in values}
        mean = {name: statistics.mean(whole[name]) if name in whole else None for name in names}
        sd = {name: statistics.stdev(whole[name]) if name in whole and len(same) > 1 else None for name in names}
        rows.append({"data": data, "model": model, "seeds": [run["seed"] for run in same], "mean": mean, "sd": sd})
    return rows


def table(results: dict[str, Any]) -> str:
    """Return the README's table, in markdown, from what the results file holds."""
    speed = {(row["data"], row["model"]): row for row in results["speed"]}
    return "\n".join([HEADER, *(_line(row, speed.get((row["data"], row["model"]))) for row in results["summary"])])


def _line(row: dict[str, Any], speed: dict[str, Any] | None) -> str:
    mean, deviation = row["mean"], row["sd"]["accuracy"]
    routed, right = mean.get("coverage_at_precision"), mean.get("precision_at_threshold")
    cells = [
        NAMES[row["data"]],
        NAMES[row["model"]],
        f"{100 * mean['accuracy']:.1f}" + ("" if deviation is None else f" ± {100 * deviation:.1f}"),
        _number(mean.get("oos_auroc"), "{:.3f}"),
        "–" if routed is None else f"{routed:.1%} / {_number(right, '{:.1%}')}",
        _number(mean["ece"], "{:.3f}"),
        _number(speed and speed["milliseconds_per_message"], "{:.1f} ms"),
        _number(speed and speed["messages_per_second"], "{:,.0f}"),
    ]
    return f"| {' | '.join(cells)} |"


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)


def _key(run: dict[str, Any]) -> tuple[str, str, int | None]:
    return run["data"], run["model"], run["seed"]
