"""Draw accuracy against labels, a line a start."""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import t

#: Where all labels are, on an axis of numbers of labels: they differ from intent to intent.
ALL_LABELS = 100


def plot(rows: Sequence[Mapping[str, Any]], path: Path, names: Mapping[str, str]) -> None:
    """Draw one panel a data set and architecture, with 95% intervals of the mean over the seeds.

    Where there is but one number of labels, there is no line to draw: no panel, and no file if there are no others.

    Args:
        rows: the results file's summary.
        path: the PNG to write.
        names: start -> its name in the legend, in the order of the legend.
    """
    panels = [key for key, labels in labels_of(rows).items() if len(labels) > 1]
    if not panels:
        return
    figure = Figure(figsize=(8 * len(panels), 5), layout="constrained")
    for place, (data, architecture) in enumerate(panels, start=1):
        axes = figure.add_subplot(1, len(panels), place)
        own = [row for row in rows if (row["data"], row["architecture"]) == (data, architecture)]
        labels = sorted({row["labels"] or ALL_LABELS for row in own})
        for start, name in names.items():
            of_start = [row for row in own if row["start"] == start]
            line = sorted(((row["labels"] or ALL_LABELS, row) for row in of_start), key=itemgetter(0))
            if line:
                style = "--" if start.startswith("svm") else "-"
                places, found = zip(*line, strict=True)
                means, errors = [100 * row["mean"] for row in found], [interval(row) for row in found]
                axes.errorbar(places, means, yerr=errors, label=name, linestyle=style, marker="o", capsize=3)
        axes.set_xscale("log")
        axes.set_xticks(labels, ["all" if number == ALL_LABELS else str(number) for number in labels])
        axes.minorticks_off()
        axes.set(title=f"{Path(data).name}, {architecture}", xlabel="labels an intent", ylabel="test accuracy, %")
        axes.grid(visible=True, alpha=0.3)
        axes.legend()
    figure.savefig(path, dpi=120)


def labels_of(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], set[int | None]]:
    """Data set and architecture -> the numbers of labels that it was measured with."""
    found: dict[tuple[str, str], set[int | None]] = {}
    for row in rows:
        found.setdefault((row["data"], row["architecture"]), set()).add(row["labels"])
    return found


def interval(row: Mapping[str, Any]) -> float:
    """Half of the 95% interval of the mean, in points; 0 where there is one seed."""
    number = len(row["seeds"])
    if row["sd"] is None:
        return 0.0
    return float(100 * t.ppf(0.975, number - 1) * row["sd"] / np.sqrt(number))
