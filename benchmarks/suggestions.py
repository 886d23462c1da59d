"""Suggestions on STAR: ranking the true reply among 100, the label of the first suggestion, the time of a search.

    python benchmarks/suggestions.py --data-dir DIR            # without --data-dir, data is downloaded
    python benchmarks/suggestions.py --architectures transformer --turns 3 --jobs 1
    python benchmarks/suggestions.py --table                   # the tables again, from the results file

Trains from scratch on the training dialogues, chooses the epoch on validation, and scores the test dialogues once. The
peers rank the same candidates. Writes the results file after every run, and does no run again that stands there with
the same options. Needs bm25s: pip install '.[benchmarks]'.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from star_runs import Benchmark, common_parts

RESULTS = Path(__file__).parent / "results" / "suggestions.json"
#: Options of `supportnet.train`, of each model; chosen on validation data.
OPTIONS: dict[str, dict[str, Any]] = {"bilstm_attention": {}, "transformer": {}, "none": {}}
LABELS = {"label_weight": 1.0}
#: Name in a figure -> heading in the table.
RANKING = {"recall_at_1": "R@1", "recall_at_5": "R@5", "recall_at_10": "R@10", "mrr": "MRR"}


def specs(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """List the runs: see `suggestion_runs.measured`."""
    common = common_parts("suggestion_runs", arguments)
    models = [
        {**common, "kind": "model", "turns": turns, "options": {"architecture": name, **options, **more, "seed": seed}}
        for seed in arguments.seeds
        for turns in arguments.turns
        for more in ({}, LABELS)
        for name, options in OPTIONS.items()
        if name in arguments.architectures
    ]
    peers = [{**common, "kind": "peers", "turns": turns, "options": {}} for turns in arguments.turns]
    return [*models, *peers, {**common, "kind": "search", "turns": 0, "options": {}}]


def tables(runs: Sequence[dict[str, Any]]) -> str:
    """Return the tables of the test split, in markdown."""
    scored = [run for run in runs if run["split"] == "test"]
    lines = [f"| 1 of 100 | turns | {' | '.join(RANKING.values())} |", "|---" * 6 + "|"]
    lines += [_line(name, turns, figures) for name, turns, figures in ranked(scored)]
    lines += ["", "| the first suggestion's label, 3 turns | accuracy |", "|---|---|"]
    lines += [f"| {name} | {accuracy:.3f} |" for name, accuracy in labels(scored)]
    searched = [row for run in scored if run["kind"] == "search" for row in run["figures"]["search"]]
    if searched:
        lines += ["", "| best 5 of N answers | depth | ms | numpy, ms | ratio |", "|---|---|---|---|---|"]
    lines += [
        f"| {row['answers']:,} | {row['depth']} | {row['milliseconds']['supportnet']:.2f} "
        f"| {row['milliseconds']['numpy']:.2f} | {row['ratio']:.2f} |"
        for row in searched
    ]
    return "\n".join(lines)


def ranked(runs: Sequence[dict[str, Any]]) -> list[tuple[str, int, dict[str, float]]]:
    """List name, turns and figures of all that ranks, with more turns last and the better ones last."""
    peers = [
        (row["name"], run["turns"], row) for run in runs if run["kind"] == "peers" for row in run["figures"]["ranking"]
    ]
    models = [(_model(run), run["turns"], run["figures"]) for run in runs if run["kind"] == "model"]
    return sorted([*peers, *models], key=lambda row: (row[1], row[2]["mrr"]))


def labels(runs: Sequence[dict[str, Any]]) -> list[tuple[str, float]]:
    """List name and accuracy of all that says a label from three turns."""
    three = [run for run in runs if run["turns"] == 3]
    peers = [
        (row["name"], row["accuracy"]) for run in three if run["kind"] == "peers" for row in run["figures"]["labels"]
    ]
    models = [(_model(run), run["figures"]["label_accuracy"]) for run in three if run["kind"] == "model"]
    return sorted([*peers, *models], key=lambda row: row[1])


def _model(run: dict[str, Any]) -> str:
    options = run["options"]
    taught = ", labels as a second objective" if "label_weight" in options else ""
    encoder = "without an encoder" if options["architecture"] == "none" else options["architecture"]
    return f"supportnet {encoder}{taught}"


def _line(name: str, turns: int, figures: dict[str, float]) -> str:
    return f"| {name} | {turns} | {' | '.join(f'{figures[figure]:.3f}' for figure in RANKING)} |"


if __name__ == "__main__":
    Benchmark(__doc__, RESULTS, list(OPTIONS), turns=[3, 1], alone="search", specs=specs, tables=tables).main()
