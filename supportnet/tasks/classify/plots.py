"""Pictures for whoever decides what is routed without a human, and whether a model still fits."""

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

# Not pyplot, which keeps every figure and chooses a backend for the whole process.
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import PercentFormatter

from supportnet.files import written_whole
from supportnet.metrics.calibration import (
    NUM_BINS,
    expected_calibration_error,
    perfect_calibration_error,
    reliability_bins,
)
from supportnet.tables import one_line
from supportnet.tasks.classify.evaluate import Outcomes

BLUE, ORANGE, GREEN, GREY = "#2f6db0", "#d9822b", "#3a8f5c", "#808080"
#: How many intents the picture of drift shows, and how much of their names.
MOST_INTENTS, LONGEST_NAME = 14, 40


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
    return [_save(Path(folder) / name, figure) for name, figure in figures.items()]


def save_drift(folder: str | os.PathLike[str], report: Mapping[str, Any]) -> Path:
    """Write `drift.png` to `folder`, which is made if need be, and return its path.

    Args:
        folder: where to.
        report: what `supportnet.tasks.classify.drift.find_drift` returned.

    Raises:
        OSError: the file system refuses.

    Example (needs a run folder):
        >>> save_drift("plots", find_drift(model, texts, Traffic.load("runs/tickets/traffic.json")))
        PosixPath('plots/drift.png')
    """
    # Intents have names in any script: a letter that the font lacks is drawn as a box, and once is enough to see it.
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        return _save(Path(folder) / "drift.png", drift_chart(report))


def _save(path: Path, figure: Figure) -> Path:
    with written_whole(path) as temporary:
        figure.savefig(temporary, dpi=100)
    return path


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


def drift_chart(report: Mapping[str, Any]) -> Figure:
    """Draw which intents grew and shrank most, and how the model's confidence is distributed; see `save_drift`."""
    figure = Figure(figsize=(12.0, 6.4), layout=ConstrainedLayoutEngine(w_pad=0.15, h_pad=0.1))
    left, right = figure.subplots(1, 2, width_ratios=[1.2, 1])
    when = "before" if report["reference"] == "messages" else "in training"
    _draw_intents(left, report)
    _draw_confidence(right, report, when)
    for axes in (left, right):
        tidy(axes)
    # Lines lead the eye from a name along its values.
    left.grid(axis="y", visible=False)
    left.grid(axis="x", alpha=0.25)
    labels = [f"{when} ({report['num_reference']} messages)", f"recent ({report['num_messages']} messages)"]
    figure.legend(left.get_legend_handles_labels()[0], labels, loc="outside lower center", ncols=2, frameon=False)
    return figure


def _draw_intents(axes: Any, report: Mapping[str, Any]) -> None:
    shares = report["intents"]["shares"]
    widest = sorted(shares, key=lambda row: -abs(row["difference"]))[:MOST_INTENTS]
    # From the bottom up: what grew most comes last, on top.
    rows = [row for row in reversed(shares) if row in widest]
    old, new, low, high = (np.array([row[name] for row in rows]) for name in ("reference", "recent", "low", "high"))
    places = np.arange(len(rows))
    axes.hlines(places, old, new, color=GREY, lw=1)
    axes.plot(old, places, "D", color=GREY, ms=6, label="reference")
    # The interval of the difference, laid where the share was: it misses the old share where that has changed.
    ends = np.clip([old + low, old + high], 0, 1)
    axes.errorbar(new, places, xerr=np.abs(ends - new), fmt="o", color=BLUE, ms=7, capsize=3, label="recent")
    axes.set_yticks(places, [one_line(row["intent"], LONGEST_NAME) for row in rows])
    axes.set(xlabel="share of messages", ylim=(-0.7, len(rows) - 0.3))
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    changed = [row for row in widest if row["changed"]]
    finding = (
        "Customers ask for other things" if report["intents"]["changed"] else "No clear change in what is asked for"
    )
    if changed:
        first, grew = changed[0], "grew" if changed[0]["difference"] > 0 else "shrank"
        name = one_line(first["intent"], LONGEST_NAME)
        finding = f"{name} {grew} from {first['reference']:.1%} to {first['recent']:.1%}"
    count = sum(row["changed"] for row in shares) or "none"
    some = f"; the {len(rows)} widest changes" if len(rows) < len(shares) else ""
    axes.set_title(f"{finding}\n{count} of {len(shares)} intents changed beyond chance{some}")


def _draw_confidence(axes: Any, report: Mapping[str, Any], when: str) -> None:
    counts = report["confidence"]
    old, new = (np.array(counts[name]) / sum(counts[name]) for name in ("reference", "recent"))
    edges = np.linspace(0, 1, len(old) + 1)
    axes.stairs(old, edges, fill=True, color=GREY, alpha=0.4)
    axes.stairs(new, edges, color=BLUE, lw=2)
    row = next(row for row in report["figures"] if row["figure"] == "confidence")
    finding = f"The model is {'less sure' if row['difference'] < 0 else 'surer'} than {when}"
    finding = finding if row["changed"] else "No clear change in the model's confidence"
    axes.set_title(f"{finding}\n{row['recent']:.1%} on average, {row['reference']:.1%} {when}")
    axes.set(xlabel="confidence of the model in its answer", ylabel="share of messages", xlim=(0, 1))
    axes.set_ylim(bottom=0)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1))


def tidy(axes: Any) -> None:
    """Leave out the lines of a frame that say nothing, and add faint ones to read values by."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.25)
    axes.set_axisbelow(True)
