"""Pictures of the report: learning, speed, confidence, confusion, attention, studies; each is said in words too."""

import base64
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from operator import itemgetter
from typing import Any

import numpy as np

# Not pyplot, which keeps every figure and chooses a backend for the whole process.
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from supportnet.compare.measure import BATCHES
from supportnet.compare.results import Outcome, Part
from supportnet.compare.table import model_name
from supportnet.data.splits import labelled
from supportnet.metrics.calibration import reliability_bins
from supportnet.metrics.thresholds import routing_curve
from supportnet.tasks.classify.plots import GREY, tidy
from supportnet.tasks.registry import get_task

#: Colours that people tell apart who see fewer of them (Okabe & Ito 2008).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
MARKERS = ("o", "s", "^", "D", "v", "P")
#: Bins of the reliability diagram, and intents of the confusion matrix.
BINS, INTENTS = 10, 10


@dataclass(frozen=True)
class Chart:
    """A picture.

    Attributes:
        name: of its file, without `.png`.
        title: what it is about.
        text: what it shows, for who can't see it, and for all others below it.
        figure: the picture itself.
    """

    name: str
    title: str
    text: str
    figure: Figure

    def png(self) -> bytes:
        """Return the picture as PNG."""
        buffer = BytesIO()
        self.figure.savefig(buffer, format="png", dpi=130, facecolor="white")
        return buffer.getvalue()

    def data_url(self) -> str:
        """Return the picture as an address that holds it: the report needs no other file."""
        return "data:image/png;base64," + base64.b64encode(self.png()).decode()


def style(models: Sequence[str], model: str) -> dict[str, Any]:
    """Return colour and marker of a model, the same in every picture."""
    place = list(models).index(model) % len(COLOURS)
    return {"color": COLOURS[place], "marker": MARKERS[place]}


def named_style(part: Part, model: str) -> dict[str, Any]:
    """Return the style of a model with its label in the legend."""
    return {**style(part.models, model), "label": part.label(model)}


def file_name(*parts: str) -> str:
    """Return a name that every file system takes.

    Example:
        >>> file_name("latency", "classify", "data/tickets.csv")
        'latency-classify-data_tickets_csv'
    """
    return "-".join("".join(c if c.isalnum() else "_" for c in part) for part in parts)


def subplots(width: float, height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Figure, Any]:
    """Return a figure of a size in inches, and its axes: an array of them, if there are several."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


def learning_curves(part: Part) -> Iterator[Chart]:
    """Draw the validation accuracy by epoch: a thin line a seed, a thick one for their mean."""
    figure, axes = subplots(6.4, 4.0)
    ends = []
    for model in part.models:
        curves = [[epoch["val_accuracy"] for epoch in found["history"]] for found in part.of(model) if found["history"]]
        if not curves:
            continue
        drawn = named_style(part, model)
        for curve in curves:
            axes.plot(range(1, len(curve) + 1), curve, color=drawn["color"], alpha=0.3, lw=1)
        shortest = min(map(len, curves))
        mean = np.mean([curve[:shortest] for curve in curves], axis=0)
        axes.plot(range(1, shortest + 1), mean, **drawn)
        ends.append(f"{part.label(model)} reaches {np.mean([max(curve) for curve in curves]):.3f}")
    if not ends:
        return
    axes.set(xlabel="epoch", ylabel="validation accuracy")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False)
    tidy(axes)
    text = f"Validation accuracy after each epoch, {part.task} on {part.data}: {', '.join(ends)} at its best."
    yield Chart(file_name("learning", part.task, part.data), "Learning curves", text, figure)


def latency_bars(part: Part) -> Chart:
    """Draw how long one message and a batch take: a bar for the median, a whisker up to the 99th percentile."""
    figure, rows = subplots(6.4, 0.9 + 0.45 * len(part.models) * len(BATCHES), len(BATCHES))
    said = []
    for axes, size in zip(rows, BATCHES, strict=True):
        names = [f"{name}_milliseconds_batch_{size}" for name in ("median", "p99")]
        for place, model in enumerate(part.models):
            median, late = np.mean([[found["figures"][name] for name in names] for found in part.of(model)], axis=0)
            error = [[0], [max(late - median, 0)]]
            axes.barh(place, median, xerr=error, color=COLOURS[place % len(COLOURS)], capsize=3)
            said.append(f"{part.label(model)} {median:.1f} ms for {size}")
        axes.set_yticks(range(len(part.models)), [part.label(model) for model in part.models])
        axes.invert_yaxis()
        axes.set_xlabel(f"milliseconds for {size} message{'s' if size > 1 else ''}: median, and 99th percentile")
        tidy(axes)
    text = f"Time of an answer on one core, {part.task} on {part.data}: {'; '.join(said)} at a time (medians)."
    return Chart(file_name("latency", part.task, part.data), "How long an answer takes", text, figure)


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


def attention_charts(part: Part) -> Iterator[Chart]:
    """Return a picture for each message that was looked at, the architectures side by side; of the first seed."""
    maps = {model: own for model, found in part.first().items() if (own := found["details"].get("attention"))}
    for number in range(min(map(len, maps.values()), default=0)):
        figure, grid = subplots(4.6 * len(maps), 4.8, columns=len(maps), squeeze=False)
        said = []
        for axes, (model, found) in zip(grid[0], maps.items(), strict=True):
            draw_attention(axes, found[number])
            axes.set_title(part.label(model))
            said.append(f"{part.label(model)} looks most at “{most_looked_at(found[number])}”")
        text = f"“{' '.join(found[number]['tokens'])}”: {'; '.join(said)}."
        yield Chart(file_name("attention", part.task, part.data, str(number + 1)), "Attention", text, figure)


def draw_attention(axes: Any, found: Mapping[str, Any]) -> None:
    """Draw the attention for one message, a row for each token that looks.

    Args:
        axes: matplotlib's, to draw on.
        found: `tokens` and `weights` of one message; see `supportnet.compare.attention_maps`.

    Example (needs a trained model):
        >>> draw_attention(pyplot.gca(), attention_maps(model, ["where is my parcel?"])[0])
    """
    places = range(len(found["tokens"]))
    axes.imshow(found["weights"], cmap="Blues", vmin=0)
    axes.set_xticks(places, found["tokens"], rotation=60, ha="right")
    axes.set_yticks(places, found["tokens"])
    axes.set(xlabel="is looked at", ylabel="looks")


def most_looked_at(found: Mapping[str, Any]) -> str:
    """Return the token that the others look at most.

    Example:
        >>> most_looked_at({"tokens": ["my", "parcel"], "weights": [[0.3, 0.7], [0.4, 0.6]]})
        'parcel'
    """
    return str(found["tokens"][np.sum(found["weights"], axis=0).argmax()])


def study_charts(results: Mapping[str, Any], outcomes: Sequence[Outcome]) -> Iterator[Chart]:
    """Return the pictures of the studies that have a run that is done."""
    for study, title, column, label in (
        ("length", "By the length of messages", "length", "tokens of each message"),
        ("size", "By the amount of data", "share", "share of the data"),
    ):
        if rows := [row for row in results["studies"].get(study, []) if row["mean"]]:
            yield curves(study, title, rows, column, label)
    if norms := {o.run.model: own for o in outcomes if (own := o.found.get("details", {}).get("gradients"))}:
        yield gradient_chart(norms)


def curves(study: str, title: str, rows: Sequence[Mapping[str, Any]], column: str, label: str) -> Chart:
    """Draw quality, training time and the time of an answer."""
    task = rows[0]["task"]
    figures = get_task(task).compared.figures
    decisive = next(name for name in figures if name in rows[0]["mean"])
    shown = {
        decisive: figures[decisive],
        "training_seconds": "seconds of training",
        "median_milliseconds_batch_1": "milliseconds for 1 message",
    }
    models = list(dict.fromkeys(row["model"] for row in rows))
    figure, plots = subplots(6.4, 8.4, len(shown), sharex=True)
    said = []
    for axes, (name, ylabel) in zip(plots, shown.items(), strict=True):
        for model in models:
            # The comparison's own runs, which have all of the data, stand before those of the study.
            own = [row for row in rows if row["model"] == model and name in row["mean"]]
            own.sort(key=itemgetter(column))
            xs, ys = [row[column] for row in own], [row["mean"][name] for row in own]
            axes.errorbar(xs, ys, [row["sd"].get(name, 0) for row in own], **style(models, model), capsize=2)
            if name == decisive and ys:
                said.append(f"{model_name(task, model)} from {ys[0]:.3f} to {ys[-1]:.3f}")
        axes.set(xscale="log", ylabel=ylabel)
        if name != decisive:
            axes.set_yscale("log")
        tidy(axes)
    axes.set_xlabel(label)
    figure.legend([model_name(task, model) for model in models], loc="outside upper center", ncols=3, frameon=False)
    text = f"{shown[decisive]} by {label}, from the least to the most: {', '.join(said)}."
    return Chart(f"study_{study}", title, text, figure)


def gradient_chart(norms: Mapping[str, Mapping[str, Sequence[float]]]) -> Chart:
    """Draw the norm of the gradient of the last output by the distance of the input."""
    figure, axes = subplots(6.4, 4.4)
    said = []
    for model, found in norms.items():
        colour = style(list(norms), model)["color"]
        for state, dashes in (("trained", "-"), ("fresh", ":"), ("without attention", "--")):
            relative = [norm / found[state][0] for norm in found[state]]
            # Nothing but attention connects a Transformer's tokens.
            if any(relative[1:]):
                axes.plot(relative, dashes, color=colour, label=f"{model}, {state}")
        said.append(f"{model} {found['trained'][-1] / found['trained'][0]:.2g}")
    axes.set(yscale="log", xlabel="tokens between input and output", ylabel="norm of the gradient, beside that at 0")
    axes.legend(frameon=False)
    tidy(axes)
    text = f"How much of a token reaches the output of a later one; at the largest distance: {', '.join(said)}."
    return Chart("study_gradients", "Does the gradient vanish?", text, figure)
