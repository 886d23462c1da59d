"""Recurrent against Transformer with as many weights, on real data, beside what a user would pick instead.

    python benchmarks/comparison.py --data-dir DIR --keep RUNS      # without --data-dir, the data is downloaded
    python benchmarks/comparison.py --parts classify --keep RUNS    # one part of comparison.toml
    python benchmarks/comparison.py --table                         # only the tables, from the results file
    python benchmarks/comparison.py --readme                        # puts the tables into README.md

Does what `supportnet compare` does with each part of comparison.toml: a run that the folder RUNS holds isn't done
again, and RUNS/PART/report.html shows more than the tables. Writes results/comparison.json, and the studies' pictures
beside it. Times are exact where nothing else runs, with `--jobs 1`.
"""

import argparse
import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PLANS, RESULTS, README = HERE / "comparison.toml", HERE / "results" / "comparison.json", HERE.parent / "README.md"
#: Where README.md holds the tables.
PLACE = re.compile(r"(<!-- benchmarks/comparison\.py --readme -->\n).*?(<!-- end -->)", re.DOTALL)
#: task -> the figures that are shown.
SHOWN = {
    "classify": ("accuracy", "ece"),
    "suggest": ("mrr", "recall_at_1", "bank_recall_at_1"),
    "reply": ("rouge_l", "bleu", "exact_match"),
}
#: What is shown beside them, of all tasks.
MEANS = ("training_seconds", "matched_weights")


def main() -> None:
    """Compare, and print the tables."""
    arguments = parsed()
    from supportnet.files import read_json, written_whole

    if not (arguments.table or arguments.readme):
        with tempfile.TemporaryDirectory() as temporary:
            for part in arguments.parts:
                measure(part, arguments.keep or Path(temporary), arguments)
    found = read_json(arguments.out)
    if arguments.readme:
        text = with_tables(README.read_text("utf-8"), found)
        with written_whole(README) as path:
            path.write_text(text, "utf-8")
    print(tables(found))


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = list(tomllib.loads(PLANS.read_text("utf-8")))
    parser.add_argument("--data-dir", help="read DIR/NAME/ instead of downloading it")
    parser.add_argument("--parts", nargs="+", default=parts, choices=parts)
    parser.add_argument("--keep", type=Path, metavar="RUNS", help="where the runs are kept, and found again")
    parser.add_argument(
        "--jobs", type=int, help="runs at a time, each on a core of its own (default: as many as cores)"
    )
    parser.add_argument("--table", action="store_true", help="only print the tables")
    parser.add_argument("--readme", action="store_true", help="only put the tables into README.md")
    parser.add_argument("--out", type=Path, default=RESULTS)
    return parser.parse_args()


def measure(part: str, keep: Path, arguments: argparse.Namespace) -> None:
    """Do what a part lacks, and put what came of it into the results file."""
    from supportnet.compare.comparison import compare
    from supportnet.compare.plan import plan_of
    from supportnet.files import read_json, write_json

    values = tomllib.loads(PLANS.read_text("utf-8"))[part]
    where = {} if arguments.data_dir is None else {"data_dir": arguments.data_dir}
    named = [{"name": source} if isinstance(source, str) else source for source in values["data"]]
    plan = plan_of({**values, "data": [{**source, **where} for source in named]}, f"[{part}] of {PLANS.name}")
    found = compare(plan, keep / part, arguments.jobs)
    # Where the data lay is nobody's business.
    found["plan"]["data"] = named
    known: dict[str, Any] = read_json(arguments.out) if arguments.out.exists() else {}
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    write_json(arguments.out, {**known, part: found})
    for picture in (keep / part / "plots").glob("study_*.png"):
        shutil.copy(picture, arguments.out.with_name(picture.name.replace("study", arguments.out.stem)))


def with_tables(readme: str, found: Mapping[str, Any]) -> str:
    """Return README.md with the tables of these results."""
    return PLACE.sub(lambda place: f"{place[1]}\n{tables(found)}\n\n{place[2]}", readme)


def tables(found: Mapping[str, Any]) -> str:
    """Return the tables of all parts, and what the differences are worth, in markdown."""
    return "\n\n".join(block for part in found.values() for block in _blocks(part))


def _blocks(results: Mapping[str, Any]) -> Iterator[str]:
    from supportnet.compare.plan import BASELINE
    from supportnet.compare.table import COST, difference_line
    from supportnet.tasks import get_task

    for task in dict.fromkeys(row["task"] for row in results["summary"]):
        labels = {**get_task(task).compared.figures, **COST}
        names = {name: labels[name] for name in (*SHOWN[task], *MEANS)}
        yield "\n".join(
            [
                f"| {task} | model | {' | '.join(names.values())} |",
                "|---" * (len(names) + 2) + "|",
                *(_line(row, names) for row in results["summary"] if row["task"] == task),
            ]
        )
        between = [r for r in results["differences"] if r["task"] == task and r["against"] != BASELINE]
        yield "\n".join(f"- {row['data']}: {difference_line(row)}" for row in between)


def _line(row: Mapping[str, Any], names: Mapping[str, str]) -> str:
    from supportnet.compare.table import model_name, with_deviation

    # How much times and sizes differ from seed to seed says nothing of the models.
    cells = [with_deviation({**row, "sd": {}} if name in MEANS else row, name) for name in names]
    return f"| {row['data']} | {model_name(row['task'], row['model'])} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
