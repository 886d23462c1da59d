"""Pictures of learning and of speed."""

from collections.abc import Iterator

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from supportnet.compare.measure import BATCHES
from supportnet.compare.report.chart import COLOURS, Chart, file_name, style
from supportnet.compare.report.material import Part
from supportnet.compare.run import BASELINE
from supportnet.tasks.classify.plots import tidy


def training_charts(part: Part) -> Iterator[Chart]:
    """Return the learning curves and the latency of a part."""
    if any(model != BASELINE for model in part.models):
        yield learning_curves(part)
    yield latency_bars(part)


def learning_curves(part: Part) -> Chart:
    """Draw the validation accuracy by epoch: a thin line a seed, a thick one for their mean."""
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.subplots()
    ends = []
    for model in part.models:
        curves = [[epoch["val_accuracy"] for epoch in found["history"]] for found in part.of(model) if found["history"]]
        if not curves:
            continue
        drawn = style(part.models, model)
        for curve in curves:
            axes.plot(range(1, len(curve) + 1), curve, color=drawn["color"], alpha=0.3, lw=1)
        shortest = min(map(len, curves))
        mean = np.mean([curve[:shortest] for curve in curves], axis=0)
        axes.plot(range(1, shortest + 1), mean, **drawn, label=part.label(model))
        ends.append(f"{part.label(model)} reaches {np.mean([max(curve) for curve in curves]):.3f}")
    axes.set(xlabel="epoch", ylabel="validation accuracy")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False)
    tidy(axes)
    text = f"Validation accuracy after each epoch, {part.task} on {part.data}: {', '.join(ends)} at its best."
    return Chart(file_name("learning", part.task, part.data), "Learning curves", text, figure)


def latency_bars(part: Part) -> Chart:
    """Draw how long one message and a batch take: a bar for the median, a whisker up to the 99th percentile."""
    figure = Figure(figsize=(6.4, 0.9 + 0.45 * len(part.models) * len(BATCHES)), layout="constrained")
    said = []
    for axes, size in zip(figure.subplots(len(BATCHES), 1), BATCHES, strict=True):
        for place, model in enumerate(part.models):
            figures = [found["figures"] for found in part.of(model)]
            median, late = (
                float(np.mean([row[f"{name}_milliseconds_batch_{size}"] for row in figures]))
                for name in ("median", "p99")
            )
            error = [[0], [max(late - median, 0)]]
            axes.barh(place, median, xerr=error, color=COLOURS[place % len(COLOURS)], capsize=3)
            said.append(f"{part.label(model)} {median:.1f} ms for {size}")
        axes.set_yticks(range(len(part.models)), [part.label(model) for model in part.models])
        axes.invert_yaxis()
        axes.set_xlabel(f"milliseconds for {size} message{'s' if size > 1 else ''}: median, and 99th percentile")
        tidy(axes)
    text = f"Time of an answer on one core, {part.task} on {part.data}: {'; '.join(said)} at a time (medians)."
    return Chart(file_name("latency", part.task, part.data), "How long an answer takes", text, figure)
