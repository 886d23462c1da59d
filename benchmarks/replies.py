"""Written replies on STAR: how close they are to the agents', and how fast a reply is written.

    python benchmarks/replies.py --data-dir DIR                 # without --data-dir, data is downloaded
    python benchmarks/replies.py --architectures transformer --jobs 1
    python benchmarks/replies.py --table                        # the tables again, from the results file

Trains from scratch on the training dialogues, chooses the epoch on validation, and scores the test dialogues once, with
and without a beam. The peers reply to the same messages. Writes the results file after every run, and does no run again
that stands there with the same options. Needs ctranslate2: pip install '.[benchmarks]'.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from intent_jobs import cores, do_all
from intent_results import machine

RESULTS = Path(__file__).parent / "results" / "replies.json"
#: Options of `train_replier`, of each model; chosen on validation data.
OPTIONS: dict[str, dict[str, Any]] = {"transformer": {}, "bilstm_attention": {}}
#: Name in a figure -> heading in the table and its format.
WRITTEN = {
    "bleu": ("BLEU", ".1f"),
    "rouge_l": ("ROUGE-L", ".1f"),
    "exact_match": ("exact", ".3f"),
    "distinct_2": ("distinct-2", ".3f"),
}


def main() -> None:
    """Do the runs that the results file lacks, and print the tables."""
    arguments = parsed()
    from supportnet.files import read_json

    if not arguments.table:
        try:
            measure(arguments)
        except RuntimeError as error:
            sys.exit(str(error))
    print(tables(read_json(arguments.out)["runs"]))


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", help="read DIR/star/ instead of downloading it")
    parser.add_argument("--architectures", nargs="+", default=list(OPTIONS), choices=list(OPTIONS))
    parser.add_argument("--turns", type=int, default=3, help="turns of the context")
    parser.add_argument("--split", default="test", choices=["test", "validation"], help="what is scored")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time, each on a core of its own (default: 2)")
    parser.add_argument("--table", action="store_true", help="only print the tables")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    if not 1 <= arguments.jobs <= len(cores()):
        parser.error(f"--jobs must be 1 to {len(cores())}, the number of cores. Received: {arguments.jobs}")
    return arguments


def measure(arguments: argparse.Namespace) -> None:
    """Do the runs; the speed comes last, alone, because it is timed."""
    from supportnet.files import read_json, write_json

    runs: list[dict[str, Any]] = read_json(arguments.out)["runs"] if arguments.out.exists() else []

    def done(spec: dict[str, Any], figures: dict[str, Any]) -> str:
        runs[:] = [*(run for run in runs if not same_run(run, spec)), {**_kept(spec), "figures": figures}]
        runs.sort(key=lambda run: [str(run[part]) for part in KEPT])
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        write_json(arguments.out, {"machine": machine(), "runs": runs})
        return ""

    wanted = specs(arguments)
    missing = [spec for spec in wanted if not any(same_run(run, spec) for run in runs)]
    print(f"{len(missing)} of {len(wanted)} runs to do", flush=True)
    do_all([spec for spec in missing if spec["kind"] != "speed"], arguments.jobs, _name, done)
    do_all([spec for spec in missing if spec["kind"] == "speed"], 1, _name, done)


def specs(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """List the runs: see `reply_runs.measured`."""
    load = {} if arguments.data_dir is None else {"data_dir": arguments.data_dir}
    common = {"module": "reply_runs", "load": load, "split": arguments.split, "turns": arguments.turns}
    models = [
        {**common, "kind": "model", "options": {"architecture": name, **options, "seed": seed}}
        for seed in arguments.seeds
        for name, options in OPTIONS.items()
        if name in arguments.architectures
    ]
    peers = {**common, "kind": "peers", "options": {}}
    return [*models, peers, {**common, "module": "reply_speed", "kind": "speed", "turns": 0, "options": {}}]


#: The parts of a run that tell it from others.
KEPT = ("kind", "split", "turns", "options")


def _kept(spec: dict[str, Any]) -> dict[str, Any]:
    return {part: spec[part] for part in KEPT}


def same_run(run: dict[str, Any], spec: dict[str, Any]) -> bool:
    """Tell whether a run in the results file is the one that is wanted."""
    return all(run[part] == value for part, value in _kept(spec).items())


def _name(spec: dict[str, Any]) -> str:
    return f"{spec['kind']}, {spec['turns']} turns, {spec['options']}"


def tables(runs: Sequence[dict[str, Any]]) -> str:
    """Return the tables of the test split, in markdown."""
    scored = [run for run in runs if run["split"] == "test"]
    lines = [f"| replies | {' | '.join(heading for heading, _ in WRITTEN.values())} |", "|---" * 5 + "|"]
    lines += [_line(name, figures) for name, figures in written(scored)]
    timed = [row for run in scored if run["kind"] == "speed" for row in run["figures"]["rows"]]
    if timed:
        lines += ["", "| greedy, batch 1, 32 pieces | ms a piece |", "|---|---|"]
    lines += [f"| {row['name']} | {row['milliseconds_per_token']:.2f} |" for row in timed]
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
    main()
