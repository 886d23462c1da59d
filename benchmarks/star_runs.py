"""The runs of a benchmark on STAR: its command line, its results file, and what is still to do of it."""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from intent_jobs import do_all

from supportnet.compare.pool import cores
from supportnet.compare.results import machine

#: The parts of a run that tell it from others.
KEPT = ("kind", "split", "turns", "options")


@dataclass(frozen=True)
class Benchmark:
    """A script that trains models, scores them beside peers, and prints tables.

    Attributes:
        doc: what `--help` prints.
        results: the results file, if no other is named.
        architectures: those that can be trained.
        turns: turns of the context, if no others are named.
        alone: the kind of run that is timed: it comes last, with nothing beside it.
        specs: the command line -> all runs; see `one_run.py`.
        tables: the runs of a results file -> tables in markdown.
    """

    doc: str
    results: Path
    architectures: Sequence[str]
    turns: Sequence[int]
    alone: str
    specs: Callable[[argparse.Namespace], list[dict[str, Any]]]
    tables: Callable[[Sequence[dict[str, Any]]], str]

    def main(self) -> None:
        """Do the runs that the results file lacks, and print the tables."""
        arguments = self.parsed()
        from supportnet.files import read_json

        if not arguments.table:
            try:
                self.measure(arguments)
            except RuntimeError as error:
                sys.exit(str(error))
        print(self.tables(read_json(arguments.out)["runs"]))

    def parsed(self) -> argparse.Namespace:
        """Read the command line."""
        parser = argparse.ArgumentParser(description=self.doc, formatter_class=argparse.RawDescriptionHelpFormatter)
        names = list(self.architectures)
        parser.add_argument("--data-dir", help="read DIR/star/ instead of downloading it")
        parser.add_argument("--architectures", nargs="+", default=names, choices=names)
        parser.add_argument("--turns", nargs="+", type=int, default=list(self.turns), help="turns of the context")
        parser.add_argument("--split", default="test", choices=["test", "validation"], help="what is scored")
        parser.add_argument("--seeds", nargs="+", type=int, default=[0])
        parser.add_argument(
            "--jobs", type=int, default=2, help="runs at a time, each on a core of its own (default: 2)"
        )
        parser.add_argument("--table", action="store_true", help="only print the tables")
        parser.add_argument("--out", type=Path, default=self.results)
        arguments = parser.parse_args()
        if not 1 <= arguments.jobs <= len(cores()):
            parser.error(f"--jobs must be 1 to {len(cores())}, the number of cores. Received: {arguments.jobs}")
        return arguments

    def measure(self, arguments: argparse.Namespace) -> None:
        """Do the runs that the results file lacks, and write it after each."""
        from supportnet.files import read_json, write_json

        runs: list[dict[str, Any]] = read_json(arguments.out)["runs"] if arguments.out.exists() else []

        def done(spec: dict[str, Any], figures: dict[str, Any]) -> str:
            runs[:] = [*(run for run in runs if not same_run(run, spec)), {**_kept(spec), "figures": figures}]
            runs.sort(key=lambda run: [str(run[part]) for part in KEPT])
            arguments.out.parent.mkdir(parents=True, exist_ok=True)
            write_json(arguments.out, {"machine": machine(), "runs": runs})
            return ""

        wanted = self.specs(arguments)
        missing = [spec for spec in wanted if not any(same_run(run, spec) for run in runs)]
        print(f"{len(missing)} of {len(wanted)} runs to do", flush=True)
        do_all([spec for spec in missing if spec["kind"] != self.alone], arguments.jobs, _name, done)
        do_all([spec for spec in missing if spec["kind"] == self.alone], 1, _name, done)


def same_run(run: dict[str, Any], spec: dict[str, Any]) -> bool:
    """Tell whether a run in the results file is the one that is wanted."""
    return all(run[part] == value for part, value in _kept(spec).items())


def common_parts(module: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """What all runs of a module have in common: it, the arguments of `supportnet.load`, and the split."""
    load = {} if arguments.data_dir is None else {"data_dir": arguments.data_dir}
    return {"module": module, "load": load, "split": arguments.split}


def _kept(spec: dict[str, Any]) -> dict[str, Any]:
    return {part: spec[part] for part in KEPT}


def _name(spec: dict[str, Any]) -> str:
    return f"{spec['kind']}, {spec['turns']} turns, {spec['options']}"
