"""A small comparison: messages that are learned in seconds, and what is known of its runs."""

import csv
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supportnet.compare.plan import Run

WORDS = {
    "cancel": ["cancel", "stop", "undo"],
    "refund": ["money", "refund", "pay"],
    "track": ["where", "parcel", "lost"],
}
#: A message that a page must not run.
HOSTILE = "<script>alert(1)</script> refund & pay"
TINY: dict[str, Any] = {
    "embedding_dim": 16,
    "hidden_dim": 12,
    "num_heads": 2,
    "num_buckets": 300,
    "num_pairs": 100,
    "min_count": 1,
    "epochs": 1,
    "batch_size": 16,
}


def write_messages(path: Path, count: int = 60) -> Path:
    """Write a file with the splits train, validation and test, with intents and replies."""
    draw = random.Random(0)
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "intent", "reply", "split"])
        for row in range(count):
            intent = list(WORDS)[row % 3]
            text = " ".join([*draw.choices(WORDS[intent], k=4), *draw.choices(["please", "my", "the"], k=3)])
            split = ("train", "train", "validation", "test")[(row // 3) % 4]
            rows.writerow([text, intent, f"We {intent} it for you, {draw.choice(['Ann', 'Ben'])}.", split])
        rows.writerow([HOSTILE, "refund", "We refund it, <b>now</b>.", "test"])
    return path


@dataclass(frozen=True)
class Small:
    """A comparison's folder, its file of messages and its runs; one of a study, and one that failed."""

    folder: Path
    source: dict[str, Any]
    runs: Sequence[Run]
    study: Run
    failed: Run
