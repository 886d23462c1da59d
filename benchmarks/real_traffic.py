"""Little, noisy, real data: this package's defaults beside TF-IDF with a linear SVM, and whether promises are kept.

    python benchmarks/real_traffic.py --data-dir DIR       # DIR/banking77, DIR/clinc150 and DIR/hint3
    python benchmarks/real_traffic.py --data-dir DIR --parts rows bots --draws 3 --out mine.json
    python benchmarks/real_traffic.py --table              # the tables again, from the results file

Draws 300 and 600 messages of the training splits, 5 and 10 of each intent, and changes labels and letters; the two bots
of HINT3 are learned whole, and judged on their real traffic. Writes the results file after every run, and does no run
again that stands there.
"""

import argparse
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from intent_jobs import do_all

from supportnet.compare.pool import cores
from supportnet.compare.results import machine

RESULTS = Path(__file__).parent / "results" / "real_traffic.json"
BOTS = ("sofmattress", "powerplay11")
#: Part -> the kinds of run in it: data, kind, amount. With `all`, whole data sets with the defaults.
PARTS: dict[str, list[tuple[str, str, int]]] = {
    "rows": [(data, "rows", rows) for rows in (300, 600) for data in ("banking77", "clinc150")],
    "bots": [(bot, "all", 0) for bot in BOTS],
    "labels": [("banking77", "labels", 5), ("banking77", "labels", 10)],
    "noise": [("banking77", "wrong", 20), ("banking77", "typos", 20)],
    "scores": [(data, "scores", 0) for data in ("banking77", "clinc150", *BOTS)],
}
#: Draws of each part; those of data that are learned whole are seeds.
DRAWS = {"rows": 20, "bots": 5, "labels": 5, "noise": 1, "scores": 1}
#: CLINC150 is promised for with 18% of the messages out of scope.
OPTIONS: dict[str, dict[str, Any]] = {"clinc150": {"out_of_scope_share": 0.18, "epochs": 12}}
PRECISIONS = (0.90, 0.95, 0.97)
RESAMPLINGS = 200
KEYS = ("data", "kind", "amount", "seed")


def main() -> None:
    """Do what is missing, and print the tables."""
    arguments = parsed()
    from supportnet.files import read_json, write_json

    runs: list[dict[str, Any]] = read_json(arguments.out)["runs"] if arguments.out.exists() else []

    def write() -> None:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        write_json(arguments.out, {"machine": machine(), "runs": runs, "promises": list(promises(runs))})

    def done(spec: dict[str, Any], figures: dict[str, Any]) -> str:
        runs.append({**{key: spec[key] for key in KEYS}, "options": spec["options"], "figures": figures})
        write()
        return f": {figures['accuracy']:.4f}, SVM {figures['svm_accuracy']:.4f}" if "accuracy" in figures else ""

    if not arguments.table:
        known = {(*(run[key] for key in KEYS), str(run["options"])) for run in runs}
        wanted = list(specs(arguments))
        missing = [s for s in wanted if (*(s[key] for key in KEYS), str(s["options"])) not in known]
        print(f"{len(missing)} of {len(wanted)} runs to do", flush=True)
        try:
            do_all(missing, arguments.jobs, lambda spec: " ".join(str(spec[key]) for key in KEYS), done)
        except RuntimeError as error:
            sys.exit(str(error))
        write()
    print("\n".join(tables(runs)))


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, default=Path(), help="read the data in DIR/NAME")
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--draws", type=int, help="draws of each part, instead of those in DRAWS")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time, each on a core of its own (default: 2)")
    parser.add_argument("--table", action="store_true", help="only print the tables")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    if not 1 <= arguments.jobs <= len(cores()):
        parser.error(f"--jobs must be 1 to {len(cores())}, the number of cores. Received: {arguments.jobs}")
    return arguments


def specs(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield the runs that the command line asks for, draw by draw; see `real_traffic_runs.measured`."""
    for part in arguments.parts:
        for seed in range(DRAWS[part] if arguments.draws is None else min(arguments.draws, DRAWS[part])):
            for data, kind, amount in PARTS[part]:
                options = {"seed": seed, **(OPTIONS.get(data, {}) if kind == "scores" else {})}
                spec = {"data": data, "kind": kind, "amount": amount, "seed": seed, "options": options}
                yield {**spec, "module": "real_traffic_runs", "data_dir": str(arguments.data_dir.absolute())}


def tables(runs: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of the tables, in markdown."""
    yield "| data | rows | draws | accuracy | SVM | difference | won or tied | promised and kept |"
    yield "|---|---|---|---|---|---|---|---|"
    for data, kind, amount, own in groups(runs):
        if kind != "scores":
            ours, theirs = ([run["figures"][name] for run in own] for name in ("accuracy", "svm_accuracy"))
            tied = sum(not _lost(run["figures"]) for run in own)
            cells = [data, f"{kind} {amount or ''}".strip(), str(len(own)), percentage(ours), percentage(theirs)]
            cells += [f"{100 * (statistics.mean(ours) - statistics.mean(theirs)):+.1f}", f"{tied} of {len(own)}"]
            yield f"| {' | '.join([*cells, _kept(own)])} |"
    yield "\n| bot | AUROC / best MCC | SVM | routed | right, in scope | right, of all |\n|---|---|---|---|---|---|"
    for data, kind, _, own in groups(runs):
        if kind == "all":
            figures = [run["figures"] for run in own]
            cells = [data]
            cells += [
                f"{_average(figures, mark + 'auroc'):.3f} / {_average(figures, mark + 'best_mcc'):.3f}"
                for mark in ("", "svm_")
            ]
            cells += [f"{_average(figures, 'routed'):.1%}"]
            cells += [_right(figures, name) for name in ("routed_right_in_scope", "routed_right")]
            yield f"| {' | '.join(cells)} |"
    yield "\n| data | precision | broken, of 200, by the rule of 0.1 | broken | given | routed, of the best |"
    yield "|---|---|---|---|---|---|"
    for row in promises(runs):
        routed = "–" if row["relative_share"] is None else f"{row['relative_share']:.2f}"
        cells = [row["data"], f"{row['precision']:.2f}", str(row["broken_before"]), str(row["broken"])]
        yield f"| {' | '.join([*cells, format(row['given'], '.0%'), routed])} |"


def groups(runs: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str, int, list[dict[str, Any]]]]:
    """Yield data, kind, amount, and the runs that have all three in common."""
    for key in dict.fromkeys((run["data"], run["kind"], run["amount"]) for run in runs):
        yield *key, [run for run in runs if (run["data"], run["kind"], run["amount"]) == key]


def percentage(values: Sequence[float]) -> str:
    """Return the mean of shares in percent, with the standard deviation of a single one if there are several."""
    spread = f" ± {100 * statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{100 * statistics.mean(values):.1f}{spread}"


def _average(figures: Sequence[dict[str, Any]], name: str) -> float:
    return statistics.mean(found[name] for found in figures)


def _right(figures: Sequence[dict[str, Any]], name: str) -> str:
    first = figures[0][name]
    if first is None:
        return "none routed"
    low, high = first["interval"]
    return f"{first['share']:.1%} ({low:.1%} to {high:.1%})"


def _kept(own: Sequence[dict[str, Any]]) -> str:
    """Of the runs that promise, count those that kept it among in-scope messages."""
    promising = [run["figures"] for run in own if run["figures"]["promise"]["precision"] is not None]
    kept = sum(
        found["routed_right_in_scope"] is None
        or found["routed_right_in_scope"]["share"] >= found["promise"]["precision"]
        for found in promising
    )
    return f"{kept} of {len(promising)}"


def _lost(figures: dict[str, Any]) -> bool:
    """Whether the 95% interval of the difference to the SVM lies below 0."""
    from supportnet.metrics.intervals import paired_interval

    both = figures["num_judged"] - figures["only_ours_right"] - figures["only_svm_right"]
    parts = (figures["only_ours_right"], figures["only_svm_right"], both)
    ours = np.repeat([True, False, True], parts)
    theirs = np.repeat([False, True, True], parts)
    return paired_interval(ours, theirs)[1] < 0


def promises(runs: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield, for each data set and precision, how often a promise is broken on rows that it wasn't made on.

    The rows are halved at random, in scope and out of scope apart: one half makes the promise, the other judges it.
    """
    for run in runs:
        if run["kind"] == "scores":
            stored = {name: np.array(values) for name, values in run["figures"].items()}
            share = run["options"].get("out_of_scope_share")
            for precision in PRECISIONS:
                found = [resampled(stored, share, precision, seed) for seed in range(RESAMPLINGS)]
                both = [row for row in found if row["possible"] and row["given"]]
                yield {
                    "data": run["data"],
                    "precision": precision,
                    "broken_before": sum(row["broken_before"] for row in found),
                    "broken": sum(row["broken"] for row in found),
                    "given": statistics.mean(row["given"] for row in found),
                    "relative_share": statistics.mean(r["routed"] for r in both)
                    / statistics.mean(r["possible"] for r in both)
                    if both
                    else None,
                }


def resampled(stored: dict[str, Any], share: float | None, asked: float, seed: int) -> dict[str, Any]:
    """Make a promise on one half of the rows, and judge it on the other."""
    from supportnet.metrics.promise import find_promise

    random = np.random.default_rng(seed)
    scores, correct, inside = (stored[name] for name in ("scores", "correct", "in_scope"))
    half = np.zeros(len(scores), bool)
    for rows in (np.flatnonzero(inside), np.flatnonzero(~inside)):
        half[random.permutation(rows)[: len(rows) // 2]] = True
    made, judged = ((scores[part], correct[part], inside[part]) for part in (half, ~half))
    promise = find_promise(*made, asked, share)
    before = _lowest(*made, share, asked)
    best = _lowest(*judged, share, asked)
    return {
        "broken_before": before is not None and precision_of(*judged, share, before) < asked,
        "broken": promise is not None and precision_of(*judged, share, promise.threshold) < promise.precision,
        "given": promise is not None and promise.precision == asked,
        "routed": 0.0 if promise is None else float((judged[0] >= promise.threshold)[judged[2]].mean()),
        "possible": 0.0 if best is None else float((judged[0] >= best)[judged[2]].mean()),
    }


def precision_of(scores: Any, correct: Any, inside: Any, share: float | None, threshold: float) -> float:
    """Return the share of the routed rows that is right, where out-of-scope rows have `share` of all; 1 of none."""
    weights = _weights(inside, share) * (scores >= threshold)
    return float((weights * correct).sum() / weights.sum()) if weights.any() else 1.0


def _lowest(scores: Any, correct: Any, inside: Any, share: float | None, asked: float) -> float | None:
    """Return the lowest threshold with the precision on these very rows, the rule of 0.1; None if there is none."""
    from supportnet.metrics.thresholds import lowest_point, routing_curve

    curve = routing_curve(scores, correct, _weights(inside, share))
    point = lowest_point(curve, asked, min_messages=20)
    return None if point is None else float(curve.thresholds[point])


def _weights(inside: Any, share: float | None) -> Any:
    if share is None or inside.all():
        return np.ones(len(inside))
    return np.where(inside, (1 - share) / inside.sum(), share / (~inside).sum())


if __name__ == "__main__":
    main()
