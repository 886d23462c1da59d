"""CLINC150: 150 intents in 10 domains, and messages out of scope (Larson et al. 2019)."""

import os
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from supportnet.data.tables import decode, parse_json
from supportnet.data.ticket import OUT_OF_SCOPE, TicketDataset
from supportnet.data.upstream import DATA_DIR, TRAIN_OOS, SourceInfo, read_copy, recorded_files, to_tickets
from supportnet.errors import UserError

DESCRIPTION_BY_VARIANT = {
    "full": "23,700 requests to an assistant, 150 intents in 10 domains, 1,200 of them out of scope.",
    "small": "CLINC150 with 50 training messages per intent instead of 100.",
    "imbalanced": "CLINC150 with 25, 50, 75 or 100 training messages per intent.",
    "oos_plus": "CLINC150 with 250 out-of-scope training messages instead of 100.",
}

#: Split -> its upstream parts. Out-of-scope training messages stay apart: `train_oos` adds them to train.
PARTS = {"train": ["train"], "validation": ["val", "oos_val"], "test": ["test", "oos_test"], "oos_train": ["oos_train"]}
DOMAINS_FILE = "domains.json"


def data_file(variant: str) -> str:
    """Return the name of the file that holds the messages of `variant`."""
    return f"data_{variant}.json"


def parse(content: bytes, name: str) -> dict[str, list[tuple[str, str]]]:
    """Return text and intent of every message in one of the data files, by split.

    The upstream intent `oos` becomes `OUT_OF_SCOPE`.

    Args:
        content: what the file holds: JSON, part -> list of [text, intent].
        name: the file's name for error messages.

    Returns:
        The splits train, validation and test, the latter two with out-of-scope messages last, and oos_train.

    Raises:
        UserError: if the file isn't of that form.
    """
    parts = _json_object(content, name)
    return {split: [pair for part in own for pair in _pairs(parts, part, name)] for split, own in PARTS.items()}


def parse_domains(content: bytes, name: str = DOMAINS_FILE) -> dict[str, str]:
    """Return the domain of every intent.

    Args:
        content: what domains.json holds: domain -> list of intents.
        name: the file's name for error messages.

    Raises:
        UserError: if the file isn't of that form.

    Example:
        >>> parse_domains(b'{"travel": ["book_flight", "book_hotel"]}')
        {'book_flight': 'travel', 'book_hotel': 'travel'}
    """
    domains = _json_object(content, name)
    for domain, intents in domains.items():
        if not isinstance(intents, list) or not all(isinstance(intent, str) for intent in intents):
            raise UserError(f"{name}: {domain!r} must be a list of strings.")
    return {intent: domain for domain, intents in domains.items() for intent in intents}


def load(
    variant: str = "full", data_dir: str | os.PathLike[str] | None = None, train_oos: bool = False
) -> TicketDataset:
    """Load CLINC150, from `data_dir`/clinc150/ or downloaded and prepared by tensorflow-datasets.

    Args:
        variant: full, small, imbalanced or oos_plus.
        data_dir: the folder above the one with the user's copies of the files.
        train_oos: add the out-of-scope training messages to train.

    Returns:
        The splits train, validation and test; the categories are the domains.

    Raises:
        UserError: if a file is missing or damaged, or there is no network.
    """
    by_split: Mapping[str, Iterable[tuple[str, ...]]]
    if data_dir is None:
        # Here, so that reading copies needs neither tensorflow-datasets nor TensorFlow.
        from supportnet.data.prepared import Clinc150, read_prepared

        by_split = read_prepared(Clinc150(config=variant), PARTS)
        domains = {intent: domain for rows in by_split.values() for _, intent, domain in rows if intent != OUT_OF_SCOPE}
    else:
        folder, file, recorded = Path(data_dir) / "clinc150", data_file(variant), recorded_files()
        by_split = parse(read_copy(folder, recorded[file]), str(folder / file))
        domains = parse_domains(read_copy(folder, recorded[DOMAINS_FILE]), str(folder / DOMAINS_FILE))
    if train_oos:
        by_split = {**by_split, "train": [*by_split["train"], *by_split["oos_train"]]}
    splits = {split: to_tickets(by_split[split], split) for split in PARTS if split != "oos_train"}
    return INFOS[variant].dataset(splits, categories=domains)


INFOS = {
    variant: SourceInfo(
        name="clinc150" if variant == "full" else f"clinc150/{variant}",
        description=description,
        licence="CC-BY-3.0",
        source="https://github.com/clinc/oos-eval/tree/828f8093932c8fe6ca7936c3d2e52903b1c523de/data",
        citation=(
            "Larson et al. 2019, An Evaluation Dataset for Intent Classification and Out-of-Scope "
            "Prediction, https://aclanthology.org/D19-1131"
        ),
        load=partial(load, variant),
        options=(DATA_DIR, TRAIN_OOS),
    )
    for variant, description in DESCRIPTION_BY_VARIANT.items()
}


def _json_object(content: bytes, name: str) -> dict[str, Any]:
    value = parse_json(decode(content, "utf-8", name), name)
    if not isinstance(value, dict):
        raise UserError(f"{name} must hold one JSON object. Received: a {type(value).__name__}")
    return value


def _pairs(parts: dict[str, Any], part: str, name: str) -> list[tuple[str, str]]:
    if not isinstance(parts.get(part), list):
        raise UserError(f"{name} must hold a list {part!r}.")
    pairs = []
    for index, pair in enumerate(parts[part]):
        match pair:
            case [str(text), str(intent)]:
                pairs.append((text, OUT_OF_SCOPE if intent == "oos" else intent))
            case _:
                raise UserError(f"{name}: message {index} of {part!r} must be [text, intent], two strings.")
    return pairs
