"""Pictures of the studies: messages of different lengths, less data, gradients over a distance."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from supportnet.compare.report.chart import Chart, style
from supportnet.compare.results import Outcome
from supportnet.compare.table import model_name
from supportnet.tasks import get_task
from supportnet.tasks.classify.plots import tidy

Rows = Sequence[Mapping[str, Any]]


def study_charts(results: Mapping[str, Any], outcomes: Sequence[Outcome]) -> Iterator[Chart]:
    """Return the pictures of the studies that have a run that is done."""
    for study, column, label in (
        ("length", "length", "tokens of each message"),
        ("size", "share", "share of the data"),
    ):
        rows = [row for row in results["studies"].get(study, []) if row["mean"]]
        if rows:
            yield curves(study, rows, column, label)
    found = [outcome for outcome in outcomes if outcome.run.study == "gradients" and outcome.found is not None]
    norms = {o.run.model: o.found["details"]["gradients"] for o in found if o.found and o.found["details"]["gradients"]}
    if norms:
        yield gradient_chart(norms)


def curves(study: str, rows: Rows, column: str, label: str) -> Chart:
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
    figure = Figure(figsize=(6.4, 8.4), layout="constrained")
    said = []
    for axes, (name, title) in zip(figure.subplots(len(shown), 1, sharex=True), shown.items(), strict=True):
        for model in models:
            # The comparison's own runs, which have all of the data, stand before those of the study.
            own = sorted(
                (row for row in rows if row["model"] == model and name in row["mean"]), key=lambda row: row[column]
            )
            xs, ys = [row[column] for row in own], [row["mean"][name] for row in own]
            axes.errorbar(xs, ys, [row["sd"].get(name, 0) for row in own], **style(models, model), capsize=2)
            if name == decisive and ys:
                said.append(f"{model_name(task, model)} from {ys[0]:.3f} to {ys[-1]:.3f}")
        axes.set(xscale="log", ylabel=title)
        if name != decisive:
            axes.set_yscale("log")
        tidy(axes)
    axes.set_xlabel(label)
    figure.legend([model_name(task, model) for model in models], loc="outside upper center", ncols=3, frameon=False)
    what = "By the length of messages" if study == "length" else "By the amount of data"
    text = f"{shown[decisive]} by {label}, from the least to the most: {', '.join(said)}."
    return Chart(f"study_{study}", what, text, figure)


def gradient_chart(norms: Mapping[str, Mapping[str, Sequence[float]]]) -> Chart:
    """Draw the norm of the gradient of the last output by the distance of the input."""
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.subplots()
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
