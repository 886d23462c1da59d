"""Heat maps: which words of a message each encoder looks at."""

from collections.abc import Iterator

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
            tokens, weights = found[number]["tokens"], found[number]["weights"]
            axes.imshow(weights, cmap="Blues", vmin=0)
            axes.set_xticks(range(len(tokens)), tokens, rotation=60, ha="right")
            axes.set_yticks(range(len(tokens)), tokens)
            axes.set(title=part.label(model), xlabel="is looked at", ylabel="looks")
            sums = [sum(row[place] for row in weights) for place in range(len(tokens))]
            said.append(f"{part.label(model)} looks most at “{tokens[sums.index(max(sums))]}”")
        text = f"“{' '.join(tokens)}”: {'; '.join(said)}."
        yield Chart(file_name("attention", part.task, part.data, str(number + 1)), "Attention", text, figure)
