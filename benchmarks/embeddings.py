"""What to start from when labels are few: random weights, word vectors, a pre-trained encoder; and unlabelled messages.

    python benchmarks/embeddings.py --data-dir DIR --more clinc150 star   # without --data-dir, data is downloaded
    python benchmarks/embeddings.py --labels 5 10 --seeds 0 1 --starts svm random pretrained_rounds
    python benchmarks/embeddings.py --data tickets.csv --text-column body --label-column topic --out mine.json
    python benchmarks/embeddings.py --table                               # the table again, from the results file

Draws so many labelled messages of each intent, with each seed another draw; the other training messages count as
unlabelled. Writes the results file after every run, with a plot beside it, and does no run again that stands there
with the same options.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from intent_jobs import do_all
from intents import OPTIONS

from supportnet.compare.pool import cores
from supportnet.compare.results import machine

RESULTS = Path(__file__).parent / "results" / "embeddings.json"
#: What a model starts from, and what else it learns from: key -> name in the table.
STARTS = {
    "svm": "TF-IDF + linear SVM",
    "svm_self_trained": "the same, self-trained on the unlabelled",
    "random": "supportnet, random start",
    "word2vec": "word2vec on the messages",
    "fasttext": "fastText on the messages",
    "pretrained": "pre-trained on the messages",
    "pretrained_rounds": "pre-trained, and the unlabelled in rounds",
    "pretrained_more_rounds": "the same, pre-trained on others' messages first",
}
#: Of the encoder: as in the intent benchmark.
SIZES = {"bilstm_attention": {}, "transformer": {"num_layers": 2}}
#: Few labels: more passes, and more words dropped. Chosen on validation data; see benchmarks/README.md.
FEW = {
    5: {"epochs": 60, "word_dropout": 0.2},
    10: {"epochs": 60, "word_dropout": 0.2},
    30: {"epochs": 30, "word_dropout": 0.2},
}
#: Of the intent benchmark's options, those that decide about confidence alone, which isn't measured here.
CONFIDENCE = ("out_of_scope_share", "precision")


def main() -> None:
    """Pre-train, do what is missing, print the table and draw the plot."""
    arguments = parsed()
    from supportnet.files import read_json

    if not arguments.table:
        try:
            with tempfile.TemporaryDirectory() as folder:
                measure(arguments, arguments.keep or Path(folder))
        except RuntimeError as error:
            sys.exit(str(error))
    results = read_json(arguments.out)
    print(table(results["summary"]))
    from embeddings_plot import plot

    plot(results["summary"], arguments.out.with_suffix(".png"), STARTS)


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="banking77", help="a data source, or a file of your own")
    parser.add_argument("--data-dir", help="read the data sources in DIR/NAME instead of downloading them")
    parser.add_argument("--text-column", help="column of the messages in a file")
    parser.add_argument("--label-column", help="column of the intents in a file")
    parser.add_argument(
        "--more", nargs="+", default=[], help="sources of others' messages without labels, for a second encoder"
    )
    parser.add_argument("--labels", nargs="+", default=["5", "10", "30", "all"], help="labels an intent, or all")
    parser.add_argument("--starts", nargs="+", default=list(STARTS), choices=list(STARTS))
    parser.add_argument("--architecture", default="transformer", choices=list(SIZES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time, each on a core of its own (default: 2)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave the encoders there, and use those that are")
    parser.add_argument("--table", action="store_true", help="only print the table and draw the plot")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    for labels in arguments.labels:
        if labels != "all" and not (labels.isdigit() and int(labels) > 0):
            parser.error(f"--labels takes numbers and all. Received: {labels}")
    if not 1 <= arguments.jobs <= len(cores()):
        parser.error(f"--jobs must be 1 to {len(cores())}, the number of cores. Received: {arguments.jobs}")
    return arguments


def measure(arguments: argparse.Namespace, folder: Path) -> None:
    """Do the runs that the results file lacks, the encoders first."""
    from supportnet.files import read_json

    runs: list[dict[str, Any]] = read_json(arguments.out)["runs"] if arguments.out.exists() else []
    wanted = all_specs(arguments, folder)
    missing = lacking(wanted, runs)
    encoders = {spec["encoder"] for spec in missing if spec["encoder"] is not None}
    # An encoder whose run stands in the file may be gone from the folder: pre-training resumes, or is already done.
    first = [spec for spec in encoder_specs(arguments, folder) if spec["encoder"] in encoders]
    print(f"{len(missing)} of {len(wanted)} runs to do, {len(encoders)} encoders to pre-train first", flush=True)
    for specs in (first, missing):
        _do(specs, runs, arguments)


def lacking(specs: Sequence[dict[str, Any]], runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of the runs that are wanted, those that haven't been done, or only with other options."""
    known = [(_key(run), run["options"]) for run in runs]
    return [spec for spec in specs if (_key(spec), spec["options"]) not in known]


def _do(specs: Sequence[dict[str, Any]], runs: list[dict[str, Any]], arguments: argparse.Namespace) -> None:
    def done(spec: dict[str, Any], figures: dict[str, Any]) -> str:
        runs[:] = [run for run in runs if _key(run) != _key(spec)]
        runs.append({**{part: spec[part] for part in KEYS}, "options": spec["options"], "figures": figures})
        write(runs, arguments.out)
        return ""

    do_all(specs, arguments.jobs, _name, done)


def _name(spec: dict[str, Any]) -> str:
    return f"{spec['data']} {spec['start']}, {spec['labels'] or 'all'} labels, seed {spec['seed']}"


#: What tells one run from another.
KEYS = ("data", "architecture", "start", "labels", "seed")


def _key(run: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(run[part] for part in KEYS)


def encoder_specs(arguments: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """The encoders that can be needed: one for all seeds and labels, one more that begins with others' messages."""
    common = {**_common(arguments), "start": "encoder", "labels": None, "seed": 0}
    options = {"architecture": arguments.architecture, **SIZES[arguments.architecture]}
    plain = {**common, "encoder": _encoder(arguments, folder, "pretrained"), "more": [], "options": options}
    encoder = _encoder(arguments, folder, "pretrained_more")
    return [plain, {**plain, "encoder": encoder, "more": arguments.more, "start": "encoder_more"}]


def all_specs(arguments: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """List the runs that the command line asks for, seed by seed; see `few_labels.measured`."""
    return [
        _spec(arguments, folder, start, None if labels == "all" else int(labels), seed)
        for seed in arguments.seeds
        for labels in arguments.labels
        for start in arguments.starts
        if _makes_sense(start, labels, seed) and (arguments.more or start != "pretrained_more_rounds")
    ]


def _makes_sense(start: str, labels: str, seed: int) -> bool:
    """With all labels, nothing unlabelled is left, and the SVM has no seed: it draws nothing."""
    return labels != "all" or not (start.endswith(("rounds", "self_trained")) or (start == "svm" and seed))


def _spec(arguments: argparse.Namespace, folder: Path, start: str, labels: int | None, seed: int) -> dict[str, Any]:
    encoder = _encoder(arguments, folder, start.removesuffix("_rounds")) if start.startswith("pretrained") else None
    return {
        **_common(arguments),
        "start": start,
        "labels": labels,
        "seed": seed,
        "options": {} if start.startswith("svm") else _options(arguments, labels),
        "encoder": encoder,
        "more": [],
    }


def _options(arguments: argparse.Namespace, labels: int | None) -> dict[str, Any]:
    """What a network is trained with: with all labels of its data, as in the intent benchmark."""
    if labels is None:
        there = OPTIONS.get(arguments.data, {}).get(arguments.architecture, {})
        chosen = {name: value for name, value in there.items() if name not in CONFIDENCE}
    else:
        chosen = FEW[min(FEW, key=lambda known: abs(known - labels))]
    return {"architecture": arguments.architecture, **SIZES[arguments.architecture], **chosen}


def _common(arguments: argparse.Namespace) -> dict[str, Any]:
    load = {name: getattr(arguments, name) for name in ("data_dir", "text_column", "label_column")}
    load = {name: value for name, value in load.items() if value is not None}
    return {"module": "few_labels", "data": arguments.data, "architecture": arguments.architecture, "load": load}


def _encoder(arguments: argparse.Namespace, folder: Path, name: str) -> str:
    return str(folder.absolute() / f"{Path(arguments.data).name}-{arguments.architecture}-{name}")


def write(runs: list[dict[str, Any]], path: Path) -> None:
    """Write the results file."""
    from supportnet.files import write_json

    runs.sort(key=lambda run: (run["data"], run["architecture"], run["start"], run["labels"] or 10**9, run["seed"]))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"machine": machine(), "runs": runs, "summary": summary(runs)})


def summary(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return mean and standard deviation over the seeds, a row for each kind of run."""
    rows = []
    parts = KEYS[:-1]
    models = [run for run in runs if run["start"] in STARTS]
    for key in dict.fromkeys(tuple(run[part] for part in parts) for run in models):
        same = [run for run in models if tuple(run[part] for part in parts) == key]
        values = [run["figures"]["accuracy"] for run in same]
        rows.append(
            {
                **dict(zip(parts, key, strict=True)),
                "seeds": [run["seed"] for run in same],
                "mean": statistics.mean(values),
                "sd": statistics.stdev(values) if len(values) > 1 else None,
            }
        )
    return rows


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the table of accuracies, in markdown: a line a start, a column a number of labels."""
    lines = []
    for data, architecture in dict.fromkeys((row["data"], row["architecture"]) for row in rows):
        own = [row for row in rows if (row["data"], row["architecture"]) == (data, architecture)]
        labels = sorted({row["labels"] for row in own}, key=lambda number: number or 10**9)
        columns = " | ".join(str(number or "all") for number in labels)
        lines += [
            f"Accuracy on {data}, {architecture}:",
            "",
            f"| labels an intent | {columns} |",
            "|---" * (len(labels) + 1) + "|",
        ]
        for start, name in STARTS.items():
            found = {row["labels"]: row for row in own if row["start"] == start}
            if found:
                lines.append(f"| {name} | {' | '.join(_cell(found.get(number)) for number in labels)} |")
        lines.append("")
    return "\n".join(lines)


def _cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return "–"
    return f"{100 * row['mean']:.1f}" + ("" if row["sd"] is None else f" ± {100 * row['sd']:.1f}")


if __name__ == "__main__":
    main()
