"""BANKING77: 13,083 messages of a bank's customers, 77 intents (Casanueva et al. 2020)."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from supportnet.data.tables import decode, parse_json, read_delimited
from supportnet.data.ticket import TicketDataset
from supportnet.data.upstream import DATA_DIR, SourceInfo, read_copy, recorded_files, to_tickets
from supportnet.errors import UserError

#: Split -> file. There is no validation split: training cuts one off.
SPLIT_FILES = {"train": "train.csv", "test": "test.csv"}
CATEGORIES_FILE = "categories.json"


def parse(content: bytes, categories: bytes, name: str) -> list[tuple[str, str]]:
    """Return text and intent of every message in one of the CSV files.

    Args:
        content: what the file holds: CSV with the columns text and category.
        categories: what categories.json holds: a list of every intent.
        name: the file's name for error messages.

    Raises:
        UserError: if the file isn't of that form, or a category isn't one of `categories`.

    Example:
        >>> parse(b"text,category\\nIs it lost?,lost_card\\n", b'["lost_card"]', "train.csv")
        [('Is it lost?', 'lost_card')]
    """
    table = read_delimited(decode(content, "utf-8", name), ",", name)
    if table.columns != ["text", "category"]:
        raise UserError(f"{name} must have the columns text and category. It has: {', '.join(table.columns)}.")
    known = parse_json(categories, CATEGORIES_FILE)
    if not isinstance(known, list) or not all(isinstance(name, str) for name in known):
        raise UserError(f"{CATEGORIES_FILE} must be a list of strings.")
    examples = []
    for row in table.rows:
        text, intent = str(row.values["text"]), str(row.values["category"])
        if intent not in known:
            raise UserError(f"{row.place}: {intent!r} isn't in {CATEGORIES_FILE}.")
        examples.append((text, intent))
    return examples


def load(data_dir: str | os.PathLike[str] | None = None) -> TicketDataset:
    """Load BANKING77, from `data_dir`/banking77/ or downloaded and prepared by tensorflow-datasets.

    Raises:
        UserError: if a file is missing or damaged, or there is no network.
    """
    by_split: Mapping[str, Iterable[tuple[str, ...]]]
    if data_dir is None:
        # Here, so that reading copies needs neither tensorflow-datasets nor TensorFlow.
        from supportnet.data.prepared import Banking77, read_prepared

        by_split = read_prepared(Banking77(), SPLIT_FILES)
    else:
        folder, recorded = Path(data_dir) / INFO.name, recorded_files()
        categories = read_copy(folder, recorded[CATEGORIES_FILE])
        contents = {split: (read_copy(folder, recorded[file]), folder / file) for split, file in SPLIT_FILES.items()}
        by_split = {split: parse(content, categories, str(path)) for split, (content, path) in contents.items()}
    return INFO.dataset({split: to_tickets(pairs, split) for split, pairs in by_split.items()})


INFO = SourceInfo(
    name="banking77",
    description="13,083 customer messages to a bank, 77 intents.",
    licence="CC-BY-4.0",
    source=(
        "https://github.com/PolyAI-LDN/task-specific-datasets/tree/57ec275d8078af65b7731c2a98be812d844a6d6b/banking_data"
    ),
    citation=(
        "Casanueva et al. 2020, Efficient Intent Detection with Dual Sentence Encoders, https://arxiv.org/abs/2003.04807"
    ),
    load=load,
    options=(DATA_DIR,),
)
