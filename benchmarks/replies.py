"""Written replies on STAR: how close they are to the agents', and how fast a reply is written.

    python benchmarks/replies.py --data-dir DIR                 # without --data-dir, data is downloaded
    python benchmarks/replies.py --architectures transformer --jobs 1
    python benchmarks/replies.py --table                        # the tables again, from the results file

Trains from scratch on the training dialogues, chooses the epoch on validation, and scores the test dialogues once, with
and without a beam. The peers reply to the same messages. Writes the results file after every run, and does no run again
that stands there with the same options. Needs ctranslate2, torch, transformers: pip install '.[benchmarks,generate]'.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from star_runs import Benchmark, common_parts

RESULTS = Path(__file__).parent / "results" / "replies.json"
#: Options of `supportnet.train`, of each model; chosen on validation data.
OPTIONS: dict[str, dict[str, Any]] = {"transformer": {}, "bilstm_attention": {}, "gpt": {}}
#: Name in a figure -> heading in the table and its format.
WRITTEN = {
    "bleu": ("BLEU", ".1f"),
    "rouge_l": ("ROUGE-L", ".1f"),
    "exact_match": ("exact", ".3f"),
    "distinct_2": ("distinct-2", ".3f"),
}


def specs(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """List the runs: see `reply_runs.measured`."""
    common = common_parts("reply_runs", arguments)
    models = [
        {**common, "kind": "model", "turns": turns, "options": {"architecture": name, **options, "seed": seed}}
        for seed in arguments.seeds
        for turns in arguments.turns
        for name, options in OPTIONS.items()
        if name in arguments.architectures
    ]
    peers = [{**common, "kind": "peers", "turns": turns, "options": {}} for turns in arguments.turns]
    speed = {**common, "module": "reply_speed", "kind": "speed", "turns": 0}
    return [*models, *peers, {**speed, "options": {}}, {**speed, "all_cores": True, "options": {"cores": "all"}}]


def tables(runs: Sequence[dict[str, Any]]) -> str:
    """Return the tables of the test split, in markdown."""
    scored = [run for run in runs if run["split"] == "test"]
    lines = [f"| replies | {' | '.join(heading for heading, _ in WRITTEN.values())} |", "|---" * 5 + "|"]
    lines += [_line(name, figures) for name, figures in written(scored)]
    timed = [row for run in scored if run["kind"] == "speed" for row in run["figures"].get("rows", [])]
    if timed:
        lines += ["", "| greedy, batch 1, 32 pieces | ms a piece, median | fastest call |", "|---|---|---|"]
    lines += [
        f"| {row['name']} | {row['median_milliseconds_per_token']:.2f} | {row['milliseconds_per_token']:.2f} |"
        for row in timed
    ]
    return "\n".join(lines)


def written(runs: Sequence[dict[str, Any]]) -> list[tuple[str, dict[str, float]]]:
    """List name and figures of all that replies: the peers, then the models."""
    peers = [(row["name"], row) for run in runs if run["kind"] == "peers" for row in run["figures"]["replies"]]
    models = [
        (f"supportnet {run['options']['architecture']}, {how}", run["figures"][how])
        for run in runs
        if run["kind"] == "model"
        for how in ("greedy", "beam 4")
    ]
    return sorted([*peers, *models], key=lambda row: row[1]["bleu"])


def _line(name: str, figures: dict[str, float]) -> str:
    return f"| {name} | {' | '.join(format(figures[figure], form) for figure, (_, form) in WRITTEN.items())} |"


if __name__ == "__main__":
    Benchmark(__doc__, RESULTS, list(OPTIONS), turns=[3], alone="speed", specs=specs, tables=tables).main()
