"""Intents on real data: a trained model beside TF-IDF with a linear SVM, in the same run.

    python benchmarks/intents.py                                  # downloads BANKING77 and CLINC150
    python benchmarks/intents.py --data-dir DIR                   # reads DIR/banking77 and DIR/clinc150
    python benchmarks/intents.py --datasets banking77 --seeds 0 1 2

Prints a table and writes benchmarks/results/intents.json. Nothing else should run on the machine meanwhile:
the times are those of the whole machine (training) or of one core (answers).
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import f1_score
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.svm import LinearSVC

import supportnet
from supportnet.data import TicketDataset
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket
from supportnet.files import write_json

RESULTS = Path(__file__).parent / "results" / "intents.json"
#: What differs from the package's defaults, by data set. Chosen on validation data; see benchmarks/README.md.
OPTIONS: dict[str, dict[str, Any]] = {"banking77": {"validation_share": 0.05}, "clinc150": {"epochs": 12}}


def main() -> None:
    """Run every data set with every seed, print the table, write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", help="read DIR/banking77 and DIR/clinc150 instead of downloading")
    parser.add_argument("--datasets", nargs="+", default=list(OPTIONS), choices=list(OPTIONS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    results = []
    for name in arguments.datasets:
        dataset = supportnet.load(name, data_dir=arguments.data_dir)
        results.append(svm_result(dataset))
        for seed in arguments.seeds:
            results.append(model_result(dataset, seed))
            # After each model, so that a run that is stopped leaves what it has.
            write_json(arguments.out, {"machine": machine(), "results": results})
        print_table(results)
    print(f"wrote {arguments.out}")


def svm_result(dataset: TicketDataset) -> dict[str, Any]:
    """Fit and score what a user would pick instead: words (1, 2) and characters (2, 5), TF-IDF, linear SVM."""
    svm = make_pipeline(
        make_union(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True),
        ),
        LinearSVC(C=1),
    )
    train, test = in_scope(dataset["train"]), in_scope(dataset["test"])
    started = time.perf_counter()
    svm.fit([ticket.text for ticket in train], [ticket.intent for ticket in train])
    seconds = time.perf_counter() - started
    texts, intents = [ticket.text for ticket in test], [ticket.intent for ticket in test]
    predicted = svm.predict(texts)
    return {
        "data": dataset.name,
        "model": "TF-IDF + LinearSVC",
        "seed": None,
        "accuracy": float((predicted == intents).mean()),
        "macro_f1": float(f1_score(intents, predicted, average="macro")),
        "num_examples": len(test),
        "training_seconds": seconds,
        **svm_speed(svm, texts),
    }


def model_result(dataset: TicketDataset, seed: int) -> dict[str, Any]:
    """Train, export and score one model of this package; the export is what is scored and timed."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        model = supportnet.train(dataset, Path(folder) / "run", seed=seed, **OPTIONS[dataset.name])
        seconds = time.perf_counter() - started
        exported = model.export(Path(folder) / "model")
        figures = model.evaluate(dataset["test"])
        speed = export_speed(exported, [ticket.text for ticket in in_scope(dataset["test"])])
        assert model.trained is not None
        return {
            "data": dataset.name,
            "model": model.classifier.config.architecture,
            "seed": seed,
            "accuracy": figures["accuracy"],
            "macro_f1": figures["macro_f1"],
            "top5_accuracy": figures["top5_accuracy"],
            "num_examples": figures["num_examples"],
            "validation_accuracy": model.trained.metrics["accuracy"],
            "epochs": len(model.trained.history),
            "training_seconds": seconds,
            "megabytes": sum(file.stat().st_size for file in exported.rglob("*") if file.is_file()) / 1e6,
            **speed,
        }


def in_scope(tickets: Any) -> list[Ticket]:
    """Leave out the messages that no intent covers."""
    return [ticket for ticket in tickets if ticket.intent != OUT_OF_SCOPE]


def svm_speed(svm: Pipeline, texts: list[str]) -> dict[str, float]:
    """Time the SVM as `ONE_CORE` times the export: one message, and batches of 64, on one core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        return speed(svm.predict, texts)
    finally:
        os.sched_setaffinity(0, cores)


def export_speed(exported: Path, texts: list[str]) -> dict[str, float]:
    """Time the SavedModel's signature in a process of its own that is held on one core from its start."""
    core = min(os.sched_getaffinity(0))
    command = [sys.executable, __file__.replace("intents.py", "one_core.py"), str(exported), str(core)]
    done = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def speed(answer: Any, texts: list[str]) -> dict[str, float]:
    """Median milliseconds of one message, and messages a second in batches of 64 (median of the batches)."""
    single, batched = texts[:300], [texts[i : i + 64] for i in range(0, 64 * 30, 64)]
    return {
        "milliseconds_per_message": seconds_median(answer, [[text] for text in single]) * 1000,
        "messages_per_second": 64 / seconds_median(answer, batched),
    }


def seconds_median(answer: Any, batches: list[list[str]]) -> float:
    """Median time of a call; the first calls, which warm up, don't count."""
    times = []
    for batch in batches:
        started = time.perf_counter()
        answer(batch)
        times.append(time.perf_counter() - started)
    return statistics.median(times[5:])


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    packages = ("tensorflow", "keras", "numpy", "scikit-learn")
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "supportnet": supportnet.__version__,
        **{package: version(package) for package in packages},
    }


def print_table(results: list[dict[str, Any]]) -> None:
    """Print one line a model."""
    print(f"\n{'data':<11}{'model':<20}{'seed':>5}{'accuracy':>10}{'train s':>9}{'ms':>8}{'per s':>8}")
    for row in results:
        seed = "" if row["seed"] is None else row["seed"]
        print(
            f"{row['data']:<11}{row['model']:<20}{seed:>5}{row['accuracy']:>10.4f}{row['training_seconds']:>9.0f}"
            f"{row['milliseconds_per_message']:>8.2f}{row['messages_per_second']:>8.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
