"""Heat maps: which words of a message each encoder looks at."""

from collections.abc import Iterator, Mapping
from typing import Any

from matplotlib.figure import Figure

from supportnet.compare.report.chart import Chart, file_name
from supportnet.compare.report.material import Part


def attention_charts(part: Part) -> Iterator[Chart]:
    """Return a picture for each message that was looked at, the architectures side by side; of the first seed."""
    maps = {model: found["details"].get("attention") for model, found in part.first().items()}
    maps = {model: found for model, found in maps.items() if found}
    for number in range(min(map(len, maps.values()), default=0)):
        figure = Figure(figsize=(4.6 * len(maps), 4.8), layout="constrained")
        said = []
        for axes, (model, found) in zip(figure.subplots(1, len(maps), squeeze=False)[0], maps.items(), strict=True):
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
    sums = [sum(column) for column in zip(*found["weights"], strict=True)]
    return str(found["tokens"][sums.index(max(sums))])
