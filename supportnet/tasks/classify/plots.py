"""Two pictures for whoever decides what is routed without a human."""

import os
from pathlib import Path
from typing import Any

import numpy as np

# Not pyplot, which keeps every figure and chooses a backend for the whole process.
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from supportnet.files import written_whole
from supportnet.metrics.calibration import (
    NUM_BINS,
    expected_calibration_error,
    perfect_calibration_error,
    reliability_bins,
)
from supportnet.tasks.classify.evaluate import Outcomes

BLUE, ORANGE, GREEN, GREY = "#2f6db0", "#d9822b", "#3a8f5c", "#808080"


def save_plots(folder: str | os.PathLike[str], outcome: Outcomes) -> list[Path]:
    """Write `reliability.png` and `risk_coverage.png` to `folder`, which is made if need be.

    Returns:
        The paths of both.

    Raises:
        OSError: the file system refuses.

    Example (needs a trained model):
        >>> save_plots("plots", outcomes(model.answers(texts), model.confidence, tickets))
        [PosixPath('plots/reliability.png'), PosixPath('plots/risk_coverage.png')]
    """
    figures = {"reliability.png": reliability_diagram(outcome), "risk_coverage.png": risk_coverage(outcome)}
    for name, figure in figures.items():
        with written_whole(Path(folder) / name) as temporary:
            figure.savefig(temporary, dpi=100)
    return [Path(folder) / name for name in figures]


def reliability_diagram(outcome: Outcomes) -> Figure:
    """Draw how often the model is right at each confidence, and how many messages that is (Guo et al. 2017)."""
    sure = outcome.answers.probabilities[outcome.in_scope].max(axis=1)
    right = outcome.correct[outcome.in_scope]
    bins = reliability_bins(sure, right)
    filled = bins.counts > 0
    centres = (np.arange(NUM_BINS) + 0.5) / NUM_BINS
    figure = Figure(figsize=(6.4, 7.2), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    upper.bar(centres[filled], bins.accuracy[filled], 0.92 / NUM_BINS, color=BLUE, label="the model")
    upper.plot([0, 1], [0, 1], "--", color=GREY, label="right as often as it says")
    upper.set(ylabel="answers that are right", xlim=(0, 1), ylim=(0, 1.02))
    error, chance = expected_calibration_error(sure, right), perfect_calibration_error(sure)
    subtitle = f"Off by {100 * error:.1f} points on average; chance alone would give {100 * chance:.1f}"
    upper.set_title(f"Can the model's confidence be believed?\n{subtitle}")
    upper.legend(loc="upper left", frameon=False)
    bars = lower.bar(centres, bins.counts, 0.92 / NUM_BINS, color=GREY)
    lower.bar_label(bars, [f"{count:.0f}" if count else "" for count in bins.counts], fontsize=8, padding=1)
    lower.set(xlabel="confidence of the model in its answer", ylabel="messages in scope")
    lower.margins(y=0.2)
    for axes in (upper, lower):
        tidy(axes)
        axes.xaxis.set_major_formatter(PercentFormatter(1))
    upper.yaxis.set_major_formatter(PercentFormatter(1))
    return figure


def risk_coverage(outcome: Outcomes) -> Figure:
    """Draw what share of the routed messages is wrong if more and more are routed (Geifman & El-Yaniv 2017)."""
    curve, promised = outcome.curve, outcome.confidence.promised_precision
    figure = Figure(figsize=(7.2, 5.0), layout="constrained")
    axes = figure.subplots()
    axes.plot(curve.coverage, 1 - curve.precision, color=BLUE, drawstyle="steps-post", label="every possible threshold")
    route, oracle = outcome.answers.route, outcome.oracle
    if promised is not None:
        axes.axhline(1 - promised, ls="--", color=GREY, label=f"the promise: {promised:.1%} of them right")
    if oracle is not None:
        label = f"best threshold in hindsight: {curve.coverage[oracle]:.1%} routed"
        axes.plot(curve.coverage[oracle], 1 - curve.precision[oracle], "D", color=GREEN, ms=8, label=label)
    if route.any():
        precision = outcome.correct[route].mean()
        label = f"the model's threshold: {route.mean():.1%} routed, {precision:.1%} of them right"
        axes.plot(route.mean(), 1 - precision, "o", color=ORANGE, ms=10, label=label)
    outside = 1 - outcome.in_scope.mean()
    axes.set_title(f"How much can be routed without a human?\n{len(route)} messages, {outside:.1%} out of scope")
    axes.set(xlabel="messages that are routed", ylabel="of these, sent to the wrong place", xlim=(0, 1))
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.legend(loc="upper left", frameon=False)
    tidy(axes)
    return figure


def tidy(axes: Any) -> None:
    """Leave out the lines of a frame that say nothing, and add faint ones to read values by."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.25)
    axes.set_axisbelow(True)
