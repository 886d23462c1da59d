"""Load a large word2vec file for a vocabulary: this package beside gensim, which reads all of it.

    python benchmarks/word_vectors.py                  # 1,000,000 words, 300 dimensions: 1.2 GB in a temporary folder
    python benchmarks/word_vectors.py --rows 20000 --out results.json

Loaders take turns, each load in a process of its own; the file is in the system's cache. Figures are medians. Writes
benchmarks/results/word_vectors.json. To use one core, start it with `taskset --cpu-list 1`.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import numpy as np

from supportnet.compare.results import machine
from supportnet.files import write_json

RESULTS = Path(__file__).parent / "results" / "word_vectors.json"
ONE_LOAD = Path(__file__).parent / "one_load.py"
LOADERS = ("gensim", "supportnet", "supportnet-all")
#: Rows that are made at once.
CHUNK = 10_000


@click.command(help=__doc__.partition("\n")[0])
@click.option("--rows", default=1_000_000, show_default=True, type=click.IntRange(1), help="Words of the file.")
@click.option("--dim", default=300, show_default=True, type=click.IntRange(1), help="Numbers of a word.")
@click.option("--vocabulary", default=20_000, show_default=True, type=click.IntRange(1), help="Words that are needed.")
@click.option("--repeats", default=3, show_default=True, type=click.IntRange(1), help="Loads with each loader.")
@click.option("--out", default=RESULTS, show_default="results/word_vectors.json", type=click.Path(path_type=Path))
def main(rows: int, dim: int, vocabulary: int, repeats: int, out: Path) -> None:
    """Make the file, time the loaders, write and print what came out."""
    if vocabulary > rows:
        raise click.UsageError(f"--vocabulary must be at most --rows. Received: {vocabulary}, {rows}")
    with tempfile.TemporaryDirectory() as folder:
        path, words = Path(folder) / "vectors.bin", Path(folder) / "words.txt"
        write_vectors(path, rows, dim)
        words.write_text("\n".join(needed(rows, vocabulary)))
        measured = times(path, words, repeats)
    sizes = {"rows": rows, "dim": dim, "vocabulary": vocabulary, "repeats": repeats}
    results = {
        "machine": {**machine(), "gensim": version("gensim")},
        **sizes,
        "loads": summary(measured),
        "all_loads": measured,
    }
    write_json(out, results)
    click.echo(table(results["loads"]))


def word(number: int) -> str:
    """Name a word; they differ in length, as words do."""
    return f"{'parcel'[: number % 7]}{number}"


def needed(rows: int, vocabulary: int) -> list[str]:
    """Return words that lie evenly over the whole file."""
    return [word(number * rows // vocabulary) for number in range(vocabulary)]


def write_vectors(path: Path, rows: int, dim: int) -> None:
    """Write normal random vectors in word2vec's binary format, as gensim does."""
    random = np.random.default_rng(0)
    with path.open("wb") as file:
        file.write(f"{rows} {dim}\n".encode())
        for start in range(0, rows, CHUNK):
            vectors = random.standard_normal((min(CHUNK, rows - start), dim), np.float32)
            file.write(b"".join(f"{word(start + i)} ".encode() + vector.tobytes() for i, vector in enumerate(vectors)))


def times(path: Path, words: Path, repeats: int) -> list[dict[str, Any]]:
    """Load with each loader in turns; return a row a load."""
    measured = []
    for _ in range(repeats):
        for loader in LOADERS:
            command = [sys.executable, str(ONE_LOAD), loader, str(path), str(words)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
            measured.append({"loader": loader, **json.loads(done.stdout)})
    return measured


def summary(measured: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a row a loader: medians, and the time as a multiple of gensim's."""
    rows: list[dict[str, Any]] = []
    for loader in LOADERS:
        loads = [load for load in measured if load["loader"] == loader]
        columns = ("seconds", "peak_megabytes", "megabytes_before", "words")
        medians = {column: statistics.median(load[column] for load in loads) for column in columns}
        rows.append({"loader": loader, **medians})
        rows[-1]["times_gensim"] = rows[-1]["seconds"] / rows[0]["seconds"]
    return rows


def table(loads: list[dict[str, Any]]) -> str:
    """Return a Markdown table of `summary`."""
    lines = ["| loader | words kept | seconds | of gensim's | peak memory |", "|---|---|---|---|---|"]
    for load in loads:
        cells = [
            load["loader"],
            f"{load['words']:,.0f}",
            f"{load['seconds']:.2f}",
            f"{load['times_gensim']:.2f}",
            f"{load['peak_megabytes']:,.0f} MB ({load['megabytes_before']:,.0f} before)",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
