"""The export as a server runs it, on one core: latency and throughput beside an SVM, start, size, load, hot reload.

    python benchmarks/serving.py --data-dir DIR          # without --data-dir, the data is downloaded
    python benchmarks/serving.py --phases speed start --models MODELS
    python benchmarks/serving.py --phases load --seconds 600
    python benchmarks/serving.py --table                 # only the tables, from the results file

The models are short trainings on BANKING77, as speed depends on sizes alone; `--models` keeps them. Writes
benchmarks/results/serving.json after every phase. Nothing else should run on the machine.
"""

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from intent_jobs import do_all
from intents import ARCHITECTURES, OPTIONS, kept
from serving_tables import tables

from supportnet.compare.pool import cores
from supportnet.compare.results import machine

RESULTS = Path(__file__).parent / "results" / "serving.json"
DATA, EPOCHS = "banking77", 1
PHASES = ("speed", "start", "load", "reload")


def main() -> None:
    """Do the phases, and print the tables."""
    arguments = parsed()
    from supportnet.files import read_json

    if not arguments.table:
        try:
            with ExitStack() as stack:
                models = arguments.models or Path(stack.enter_context(tempfile.TemporaryDirectory()))
                measure(arguments, models.absolute())
        except RuntimeError as error:
            sys.exit(str(error))
    print(tables(read_json(arguments.out)))


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", help="read DIR/banking77/ instead of downloading it")
    parser.add_argument("--phases", nargs="+", default=list(PHASES), choices=PHASES)
    parser.add_argument("--models", type=Path, metavar="DIR", help="where the models are kept, and found again")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=60, help="of load, for each protocol (default: 60)")
    parser.add_argument("--table", action="store_true", help="only print the tables")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    if set(arguments.phases) & {"load", "reload"} and len(cores()) < 2:
        parser.error("load and reload need two cores: one for the server, one for who asks.")
    return arguments


def measure(arguments: argparse.Namespace, folder: Path) -> None:
    """Train what isn't there, and do each phase; a phase replaces what the results file holds of it."""
    from serving_load_phases import load_phase, reload_phase
    from serving_speed import speed_phase, start_phase

    from supportnet.files import read_json, write_json

    models = trained(folder, arguments.data_dir)
    phases = {
        "speed": lambda: speed_phase(models, DATA, arguments.data_dir),
        "start": lambda: start_phase(models),
        "load": lambda: load_phase(models[ARCHITECTURES[0]], arguments.connections, arguments.seconds),
        "reload": lambda: reload_phase(models[ARCHITECTURES[1]], models["none"], arguments.connections),
    }
    for phase in arguments.phases:
        print(phase, flush=True)
        found = phases[phase]()
        known: dict[str, Any] = read_json(arguments.out) if arguments.out.exists() else {}
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        write_json(arguments.out, {**known, "machine": machine(), phase: found})


def trained(folder: Path, data_dir: str | None) -> dict[str, Path]:
    """Train the models that aren't there, each on a core of its own, and return where they stand."""
    from supportnet.savedmodel.load import version_folder

    names = ("svm", *ARCHITECTURES)
    paths = {name: Path(str(kept(folder, DATA, name))) for name in names}
    specs = [
        {"data": DATA, "data_dir": data_dir, "model": name, "seed": None if name == "svm" else 0, "alone": False}
        | {"options": OPTIONS[DATA][name] | ({} if name == "svm" else {"epochs": EPOCHS}), "keep": str(paths[name])}
        for name in names
        if not paths[name].exists()
    ]
    do_all(specs, len(cores()), lambda spec: spec["model"], lambda spec, figures: "")
    return {name: path if path.is_file() else version_folder(path) for name, path in paths.items()}


if __name__ == "__main__":
    main()
