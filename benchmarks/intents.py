"""Intents on real data: this package's models beside TF-IDF with a linear SVM, over five seeds.

    python benchmarks/intents.py --data-dir DIR              # without --data-dir, the data is downloaded
    python benchmarks/intents.py --datasets banking77 --architectures transformer --seeds 0 1
    python benchmarks/intents.py --keep MODELS --speed --train-time
    python benchmarks/intents.py --table                     # the README's table, from the results file

Writes benchmarks/results/intents.json after every run, and does no run again that stands there with the same options
and the same version of the package. Nothing else should run on the machine during --speed and --train-time.
"""

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from intent_jobs import do_all, run
from intent_results import Results, table

from supportnet.compare.pool import cores
from supportnet.compare.results import machine

RESULTS = Path(__file__).parent / "results" / "intents.json"
BANKING77 = {"validation_share": 0.05}
CLINC150 = {"epochs": 12, "out_of_scope_share": 0.18, "precision": 0.95}
FILTERS = {"num_filters": 256}
#: What differs from the package's defaults, by data set and architecture. Chosen on validation data; see
#: benchmarks/README.md. Of these, the SVM takes what says on which data its confidence is fitted, and for what.
OPTIONS: dict[str, dict[str, dict[str, Any]]] = {
    "banking77": {
        "svm": {"validation_share": 0.05},
        "bilstm_attention": {**BANKING77},
        "transformer": {**BANKING77, "num_layers": 2},
        "none": {**BANKING77},
    },
    "clinc150": {
        "svm": {"out_of_scope_share": 0.18, "precision": 0.95},
        "bilstm_attention": {**CLINC150, **FILTERS},
        "transformer": {**CLINC150, **FILTERS, "num_layers": 2},
        "none": {**CLINC150},
    },
}
ARCHITECTURES = ["bilstm_attention", "transformer", "none"]


def main() -> None:
    """Do what is missing, phase by phase, and print the table."""
    arguments = parsed()
    if not arguments.table:
        from supportnet.errors import UserError

        try:
            measure(arguments)
        except (RuntimeError, UserError) as error:
            sys.exit(str(error))
    from supportnet.files import read_json

    print(table(read_json(arguments.out)))


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", help="read DIR/banking77 and DIR/clinc150 instead of downloading")
    parser.add_argument("--datasets", nargs="+", default=list(OPTIONS), choices=list(OPTIONS))
    parser.add_argument("--architectures", nargs="+", default=ARCHITECTURES, choices=ARCHITECTURES)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--epochs", type=int, help="instead of those in OPTIONS, to try the script; needs --out")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time, each on a core of its own (default: 2)")
    parser.add_argument("--fresh", action="store_true", help="do the runs that stand in the results file as well")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave the first seed's models there")
    parser.add_argument(
        "--speed", action="store_true", help="after the runs, time the first seed's models; trains what --keep lacks"
    )
    parser.add_argument("--train-time", action="store_true", help="at the end, time one training on all cores")
    parser.add_argument("--table", action="store_true", help="only print the README's table")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    if arguments.epochs and arguments.out == RESULTS:
        parser.error("--epochs is for trying the script: say with --out where its results go.")
    if not 1 <= arguments.jobs <= len(cores()):
        parser.error(f"--jobs must be 1 to {len(cores())}, the number of cores. Received: {arguments.jobs}")
    return arguments


def measure(arguments: argparse.Namespace) -> None:
    """Train and score, then time."""
    options = wanted_options(arguments.epochs)
    results = Results(arguments.out, machine())
    results.keep_current(options)
    with ExitStack() as stack:
        keep = arguments.keep
        if keep is None and arguments.speed:
            keep = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        do_runs(arguments, results, all_specs(arguments, options, keep))
        if arguments.speed:
            time_answers(arguments, results, keep)
    if arguments.train_time:
        time_training(arguments, results, options)


def wanted_options(epochs: int | None) -> dict[str, dict[str, dict[str, Any]]]:
    """Return `OPTIONS`, with another number of epochs if one is given; the SVM has none."""
    override = {} if epochs is None else {"epochs": epochs}
    return {
        data: {model: {**chosen, **({} if model == "svm" else override)} for model, chosen in models.items()}
        for data, models in OPTIONS.items()
    }


def all_specs(arguments: argparse.Namespace, options: Any, keep: Path | None) -> list[dict[str, Any]]:
    """List the runs that the command line asks for; see `intent_models.measured`."""
    specs = []
    for data in arguments.datasets:
        for model in ("svm", *arguments.architectures):
            for seed in [None] if model == "svm" else arguments.seeds:
                path = kept(keep, data, model) if seed in (None, arguments.seeds[0]) else None
                spec = {"data": data, "data_dir": arguments.data_dir, "model": model, "seed": seed}
                specs.append({**spec, "options": options[data][model], "keep": path, "alone": False})
    # Seed by seed, so that a benchmark that is stopped leaves every model with as many.
    return sorted(specs, key=lambda spec: spec["seed"] or 0)


def kept(keep: Path | None, data: str, model: str) -> str | None:
    """Return where a model is left, or None if none is."""
    if keep is None:
        return None
    return str(keep.absolute() / data / ("svm.joblib" if model == "svm" else model))


def do_runs(arguments: argparse.Namespace, results: Results, specs: list[dict[str, Any]]) -> None:
    """Do the runs that are missing; one whose model is to be timed, and isn't there, is missing as well."""
    if arguments.fresh:
        # At once, so that a benchmark that is stopped can go on without --fresh.
        results.forget(specs)
        results.write()
    missing = [spec for spec in specs if not results.has(spec) or _lacks_model(spec, arguments)]
    print(f"{len(missing)} of {len(specs)} runs to do", flush=True)

    def done(spec: dict[str, Any], figures: dict[str, Any]) -> str:
        results.add(spec, figures)
        results.write()
        return f": validation {figures['validation_accuracy']:.4f}"

    do_all(missing, arguments.jobs, lambda spec: f"{spec['data']} {spec['model']} seed {spec['seed']}", done)


def _lacks_model(spec: dict[str, Any], arguments: argparse.Namespace) -> bool:
    return arguments.speed and spec["keep"] is not None and not Path(spec["keep"]).exists()


def time_answers(arguments: argparse.Namespace, results: Results, keep: Path) -> None:
    """Time the kept models of each data set, in turns."""
    from intent_speed import speeds

    import supportnet
    from supportnet.savedmodel.load import version_folder

    for data in arguments.datasets:
        models = {model: Path(str(kept(keep, data, model))) for model in ("svm", *arguments.architectures)}
        models = {model: path if path.is_file() else version_folder(path) for model, path in models.items()}
        dataset = supportnet.load(data, data_dir=arguments.data_dir)
        results.add_speed(data, speeds(models, dataset["test"]))
        results.write()


def time_training(arguments: argparse.Namespace, results: Results, options: Any) -> None:
    """Time the default architecture's training on BANKING77, alone on all cores."""
    data, model, seed = "banking77", ARCHITECTURES[0], 0
    chosen = options[data][model]
    spec = {"data": data, "data_dir": arguments.data_dir, "model": model, "seed": seed, "options": chosen}
    seconds = run({**spec, "keep": None, "alone": True}, core=None)["training_seconds"]
    results.training_seconds = {
        **{name: spec[name] for name in ("data", "model", "seed", "options")},
        "cores": len(cores()),
        "seconds": seconds,
    }
    results.write()


if __name__ == "__main__":
    main()
