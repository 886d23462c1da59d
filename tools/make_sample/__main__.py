"""Make the built-in data set: `sample.csv` and `articles.csv` in `supportnet/data/sample/`.

Run it from a checkout:

    python -m tools.make_sample

A grammar writes the messages: `resources/intents/` holds templates of messages and replies by category,
`resources/help/` the articles; `grammar.py` is the notation, `values.py` fills slots, `voice.py` gives mood and style,
`noise.py` slips of the keyboard, `priority.py` is the rule of the priorities, and `generator.py` puts the conversations
together.
"""

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

from supportnet.files import written_whole

from .articles import write_articles
from .generator import write_tickets
from .grammar import read_intents

FOLDER = Path(__file__).parents[2] / "supportnet" / "data" / "sample"


def make(folder: Path, seed: int = 0) -> None:
    """Write `sample.csv` and `articles.csv` into `folder`."""
    categories: dict[str | None, str] = {intent.name: intent.category for intent in read_intents().values()}
    _write(
        folder / "sample.csv",
        ("text", "intent", "category", "priority", "reply", "conversation", "turn", "split"),
        [
            (t.text, t.intent, categories.get(t.intent), t.labels["priority"], t.reply, t.conversation, t.turn, split)
            for split, tickets in write_tickets(seed).items()
            for t in tickets
        ],
    )
    _write(
        folder / "articles.csv",
        ("id", "title", "text", "tags", "language"),
        [(a.id, a.title, a.text, "|".join(a.tags), a.language) for a in write_articles()],
    )


def _write(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with written_whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([columns, *rows])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tools.make_sample", description="Make the built-in data set.")
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help="where the files go")
    parser.add_argument("--seed", type=int, default=0, help="any other gives other messages from the same templates")
    make(**vars(parser.parse_args()))
