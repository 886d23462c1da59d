"""A pretrained encoder in the graph: beside a logistic regression on its vectors, SetFit and sentence-transformers.

    python benchmarks/pretrained.py --data-dir DIR --peer-python PYTHON    # DIR/banking77, DIR/clinc150 and DIR/hint3
    python benchmarks/pretrained.py --data-dir DIR --parts labels bots --draws 1 --out mine.json
    python benchmarks/pretrained.py --table                                # the tables again, from the results file

Needs the weights (`supportnet weights minilm`). PYTHON is the interpreter of an environment of its own, for the parts
`setfit` and `speed`: pip install sentence-transformers setfit 'transformers<5'. Writes the results file after every
run, and does no run again that stands there with the same options. Nothing else should run during the parts `training`
and `speed`, which come last.
"""

import argparse
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from intent_jobs import do_all
from intents import OPTIONS as INTENTS
from real_traffic import BOTS, groups, percentage

from supportnet.compare.pool import cores
from supportnet.compare.results import machine

RESULTS = Path(__file__).parent / "results" / "pretrained.json"
#: Part -> the runs in it: data, kind, amount; see `pretrained_runs.measured`.
PARTS: dict[str, list[tuple[str, str, int]]] = {
    "labels": [("banking77", "labels", 10), ("banking77", "labels", 5)],
    "bots": [(bot, "all", 0) for bot in BOTS],
    "full": [("banking77", "all", 0), ("clinc150", "all", 0)],
    "setfit": [("banking77", "setfit", 10), ("banking77", "setfit", 5)],
    "training": [("banking77", "training", 0)],
    "speed": [("banking77", "speed", 0)],
}
#: Draws of each part; those of data that are learned whole are seeds.
DRAWS = {"labels": 5, "bots": 5, "full": 5, "setfit": 2, "training": 1, "speed": 1}
#: Parts that need another environment, and parts that are timed.
PEER_PARTS, TIMED_PARTS = ("setfit", "speed"), ("training", "speed")
#: What differs from the package's defaults where a data set is learned whole: which messages validate, as in
#: `intents.py`, and what share of the traffic is out of scope.
WHOLE = {data: INTENTS[data]["svm"] for data in ("banking77", "clinc150")}
#: The recipe of the paper (Tunstall et al. 2022).
SETFIT = {"num_iterations": 20, "num_epochs": 1, "batch_size": 16, "body_learning_rate": 2e-5}
#: What is timed of a message's way, beside all of it.
PARTLY = ("word pieces", "nothing")
KEYS = ("data", "kind", "amount", "seed", "options")
#: Prefix of a figure's name -> heading.
MODELS = {"": "supportnet", "regression_": "MiniLM + regression", "svm_": "TF-IDF + SVM"}


def main() -> None:
    """Do what is missing, and print the tables."""
    arguments = parsed()
    if not arguments.table:
        try:
            measure(arguments)
        except RuntimeError as error:
            sys.exit(str(error))
    from supportnet.files import read_json

    print("\n".join(tables(read_json(arguments.out)["runs"])))


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, default=Path(), help="read the data in DIR/NAME")
    parser.add_argument("--backbone", default="minilm", help="name of weights, or a folder (default: minilm)")
    parser.add_argument(
        "--peer-python", metavar="PYTHON", help=f"interpreter of the peers' environment, for {' and '.join(PEER_PARTS)}"
    )
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), help="default: all that can be done")
    parser.add_argument("--draws", type=int, help="draws of each part, at most, instead of those in DRAWS")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time, each on a core of its own (default: 2)")
    parser.add_argument("--fresh", action="store_true", help="do the runs that stand in the results file as well")
    parser.add_argument("--table", action="store_true", help="only print the tables")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    if not 1 <= arguments.jobs <= len(cores()):
        parser.error(f"--jobs must be 1 to {len(cores())}, the number of cores. Received: {arguments.jobs}")
    lacking = [part for part in PEER_PARTS if part in (arguments.parts or ()) and arguments.peer_python is None]
    if lacking:
        parser.error(f"--peer-python must be given for the parts {' and '.join(lacking)}.")
    if arguments.parts is None:
        arguments.parts = [part for part in PARTS if part not in PEER_PARTS or arguments.peer_python]
    return arguments


def measure(arguments: argparse.Namespace) -> None:
    """Do the runs that the results file lacks, and write it after each; those that are timed come last, alone."""
    from supportnet.files import read_json, write_json

    runs: list[dict[str, Any]] = read_json(arguments.out)["runs"] if arguments.out.exists() else []
    wanted = list(specs(arguments))
    # Those with other options are dropped.
    current = [*specs(argparse.Namespace(**{**vars(arguments), "parts": list(PARTS), "draws": None}))]
    runs = [run for run in runs if any(same_run(run, spec) for spec in current)]

    def done(spec: dict[str, Any], figures: dict[str, Any]) -> str:
        runs[:] = [*(run for run in runs if not same_run(run, spec)), {**_kept(spec), "figures": figures}]
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        write_json(arguments.out, {"machine": machine(), "runs": sorted(runs, key=_order)})
        return f": {figures['accuracy']:.4f}" if "accuracy" in figures else ""

    missing = [spec for spec in wanted if arguments.fresh or not any(same_run(run, spec) for run in runs)]
    print(f"{len(missing)} of {len(wanted)} runs to do", flush=True)
    do_all([spec for spec in missing if spec["kind"] not in TIMED_PARTS], arguments.jobs, _name, done)
    do_all([spec for spec in missing if spec["kind"] in TIMED_PARTS], 1, _name, done)


def specs(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield the runs that the command line asks for, draw by draw."""
    for part in arguments.parts:
        for seed in range(DRAWS[part] if arguments.draws is None else min(arguments.draws, DRAWS[part])):
            for data, kind, amount in PARTS[part]:
                yield {
                    **{"data": data, "kind": kind, "amount": amount, "seed": seed},
                    "options": options(part, data, seed, arguments.backbone),
                    "module": "pretrained_speed" if kind == "speed" else "pretrained_runs",
                    "data_dir": str(arguments.data_dir.absolute()),
                    "peer_python": arguments.peer_python,
                    # The limit of a training is one for both cores.
                    "all_cores": kind == "training",
                }


def options(part: str, data: str, seed: int, backbone: str) -> dict[str, Any]:
    """Return the options of a run: those of `supportnet.train`, or of SetFit."""
    common = {"backbone": backbone, "seed": seed}
    if part == "setfit":
        return {**common, **SETFIT}
    whole = {} if part in ("labels", "bots") else WHOLE[data]
    # Speed depends on sizes alone.
    return {**common, **whole, **({"tuned_blocks": 0} if part == "speed" else {})}


def same_run(run: dict[str, Any], spec: dict[str, Any]) -> bool:
    """Tell whether a run in the results file is the one that is wanted."""
    return _kept(run) == _kept(spec)


def _kept(spec: dict[str, Any]) -> dict[str, Any]:
    return {key: spec[key] for key in KEYS}


def _name(spec: dict[str, Any]) -> str:
    return " ".join(str(spec[key]) for key in KEYS[:-1])


def _order(run: dict[str, Any]) -> tuple[Any, ...]:
    kinds = [kind for part in PARTS.values() for _, kind, _ in part]
    return (kinds.index(run["kind"]), run["data"], run["amount"], run["seed"], str(run["options"]))


def tables(runs: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of the tables, in markdown."""
    yield from accuracy_table(runs)
    yield from scope_table(runs)
    for run in runs:
        if run["kind"] == "training":
            found = run["figures"]
            yield (
                f"\nTraining on {run['data']}, {found['cores']} cores: {found['seconds'] / 60:.1f} minutes, "
                f"{found['epochs'] - 1} epochs of tuning."
            )
        if run["kind"] == "speed":
            yield from speed_tables(run["figures"])


def accuracy_table(runs: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield the accuracy in scope, in percent, with the standard deviation of a single run."""
    setfit = {(data, amount): own for data, kind, amount, own in groups(runs) if kind == "setfit"}
    yield f"| data | labels per intent | runs | {' | '.join(MODELS.values())} | SetFit | blocks tuned |"
    yield "|---" * 8 + "|"
    for data, kind, amount, own in groups(runs):
        if kind in ("all", "labels"):
            cells = [data, str(amount or "all"), str(len(own))]
            cells += [percentage(_values(own, prefix + "accuracy")) for prefix in MODELS]
            theirs = setfit.get((data, amount), [])
            few = f", {len(theirs)} runs" if len(theirs) != len(own) else ""
            cells += [percentage(_values(theirs, "accuracy")) + few if theirs else "–"]
            tuned = sum(run["figures"].get("tuned_blocks", 0) > 0 for run in own)
            yield f"| {' | '.join(cells)} | {f'in {tuned} of {len(own)} runs' if tuned else 'none'} |"


def scope_table(runs: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield how well messages out of scope are told from those in scope, means over the runs."""
    yield f"\n| AUROC / FPR95 / best MCC | runs | {' | '.join(MODELS.values())} |"
    yield "|---" * 5 + "|"
    for data, kind, _, own in groups(runs):
        if kind == "all" and own[0]["figures"]["auroc"] is not None:
            cells = [
                " / ".join(
                    f"{statistics.mean(_values(own, prefix + name)):.3f}" for name in ("auroc", "fpr95", "best_mcc")
                )
                for prefix in MODELS
            ]
            yield f"| {data} | {len(own)} | {' | '.join(cells)} |"


def speed_tables(found: dict[str, Any]) -> Iterator[str]:
    """Yield times on one core, and sizes."""
    yield "\n| one core | one message, ms (CPU) | relative | batches of 64, messages per CPU second | relative |"
    yield "|---|---|---|---|---|"
    for row in found["rows"]:
        cells = [
            row["name"],
            f"{row['milliseconds_per_message']:.2f} ({row['cpu_milliseconds_per_message']:.2f})",
            _spread(row["relative_time"]),
            f"{row['messages_per_cpu_second']:,.0f}",
            _spread(row["relative_rate"]),
        ]
        if row["name"] in PARTLY:
            # They do less than a message needs.
            cells[2] = cells[4] = "–"
        yield f"| {' | '.join(cells)} |"
    shares, load = found["tokenizer_share"], found["load_average"]
    yield (
        f"\nShare of the word pieces in the time of `embed`: {shares['one']:.1%} for one message, "
        f"{shares['batch']:.1%} in a batch. Smallest cosine to sentence-transformers: {found['smallest_cosine']:.5f}. "
        f"Load of the machine: {load[0]:.1f}, then {load[1]:.1f}."
    )
    sizes = found["megabytes"]
    yield "\n| export | MB |\n|---|---|"
    yield f"| **all files** | **{sum(sizes['files'].values()):.1f}** |"
    for name, size in (*sizes["files"].items(), *((f"of the weights: {n}", s) for n, s in sizes["weights"].items())):
        yield f"| {name} | {size:.1f} |"


def _values(runs: Sequence[dict[str, Any]], name: str) -> list[float]:
    return [run["figures"][name] for run in runs]


def _spread(ratio: dict[str, float]) -> str:
    return f"{ratio['median']:.2f} ({ratio['smallest']:.2f} to {ratio['largest']:.2f})"


if __name__ == "__main__":
    main()
