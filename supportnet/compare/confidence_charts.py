"""Pictures of what classifiers' confidence is worth, and of what they confuse; of the first seed."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from matplotlib.ticker import PercentFormatter

from supportnet.compare.charts import Chart, file_name, named_style, subplots
from supportnet.compare.results import Part
from supportnet.data.splits import labelled
from supportnet.metrics.calibration import reliability_bins
from supportnet.metrics.thresholds import routing_curve
from supportnet.tasks.classify.plots import GREY, tidy
from supportnet.tasks.registry import get_task

#: Bins of the reliability diagram, and intents of the confusion matrix.
BINS, INTENTS = 10, 10


def confidence_charts(part: Part) -> Iterator[Chart]:
    """Return the reliability diagram, the risk-coverage curve and the confusion matrix of classifiers."""
    if get_task(part.task).compared.has_confidence:
        yield reliability(part)
        yield risk_coverage(part)
        yield from confusion(part)


def reliability(part: Part) -> Chart:
    """Draw how often each model is right at each confidence (Guo et al. 2017)."""
    figure, axes = subplots(5.4, 5.0)
    axes.plot([0, 1], [0, 1], "--", color=GREY, label="right as often as it says")
    for model, found in part.first().items():
        right = np.array(found["values"]["accuracy"], dtype="float64")
        inside = ~np.isnan(right)
        bins = reliability_bins(np.array(found["details"]["confidence"])[inside], right[inside] == 1, BINS)
        filled = bins.counts > 0
        axes.plot(bins.confidence[filled], bins.accuracy[filled], **named_style(part, model))
    axes.set(xlabel="confidence", ylabel="answers that are right", xlim=(0, 1), ylim=(0, 1.02))
    _in_percent(axes)
    errors = ", ".join(f"{part.label(m)} {100 * found['figures']['ece']:.1f}" for m, found in part.first().items())
    text = f"How often models are right beside how sure they are. Off on average, in points: {errors}."
    return Chart(file_name("reliability", part.data), "Can the confidence be believed?", text, figure)


def risk_coverage(part: Part) -> Chart:
    """Draw what share of the routed messages is wrong if more and more are routed (Geifman & El-Yaniv 2017)."""
    figure, axes = subplots(6.4, 4.4)
    said = []
    for model, found in part.first().items():
        right = np.nan_to_num(np.array(found["values"]["accuracy"], dtype="float64"))
        scores = np.array([-np.inf if score is None else score for score in found["details"]["routing"]])
        curve = routing_curve(scores, right == 1)
        axes.plot(curve.coverage, 1 - curve.precision, **{**named_style(part, model), "marker": ""})
        half = 1 - curve.precision[min(int(np.searchsorted(curve.coverage, 0.5)), len(curve.coverage) - 1)]
        said.append(f"{part.label(model)} {half:.1%}")
    axes.set(xlabel="messages that are routed", ylabel="of these, sent to the wrong place", xlim=(0, 1))
    axes.set_ylim(bottom=0)
    _in_percent(axes)
    text = f"The surest messages are routed first. Where half are routed, the share that goes wrong: {', '.join(said)}."
    return Chart(file_name("risk_coverage", part.data), "How much can be routed without a human?", text, figure)


def confusion(part: Part) -> Iterator[Chart]:
    """Draw what the intents that are confused most are taken for, by the first model."""
    model = part.models[0]
    pairs = confused(part, part.first()[model])
    if not pairs:
        return
    names = list(dict.fromkeys(name for pair, _ in pairs for name in pair))[:INTENTS]
    counts = np.array([[dict(pairs).get((row, column), 0) for column in names] for row in names])
    figure, axes = subplots(6.8, 6.2)
    axes.imshow(counts, cmap="Blues")
    for row, column in np.argwhere(counts):
        shade = "white" if counts[row, column] > counts.max() / 2 else "black"
        axes.text(column, row, counts[row, column], ha="center", va="center", color=shade)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="what the model says", ylabel="what is right")
    (right, said), count = pairs[0]
    text = f"The intents that {part.label(model)} confuses most: {right} is taken for {said} {count} times."
    yield Chart(file_name("confusion", part.data), "What is confused", text, figure)


def confused(part: Part, found: Mapping[str, Any]) -> list[tuple[tuple[str, str], int]]:
    """Return pairs of the right intent and what was said, with how often, the most frequent first."""
    intents, tickets = found["details"]["intents"], labelled(part.dataset["test"], "evaluate on")
    rows = zip(tickets, found["details"]["predicted"], found["values"]["accuracy"], strict=True)
    counts = Counter((str(ticket.intent), intents[predicted]) for ticket, predicted, right in rows if right == 0)
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _in_percent(axes: Any) -> None:
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.legend(loc="upper left", frameon=False)
    tidy(axes)
