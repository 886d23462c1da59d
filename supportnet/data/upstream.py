"""Public data sets: what is known of each, the checksums of its files, and reading the user's copies."""

import hashlib
import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from supportnet.data.tables import read_bytes
from supportnet.data.ticket import Ticket, TicketDataset


@dataclass(frozen=True)
class SourceOption:
    """An argument of `supportnet.load` that some data sources take.

    Attributes:
        name: name of the argument.
        condition: what these sources have in common, for the error that the others raise; empty if they ignore it.
        about_labels: whether it only concerns labels, so that messages are read without them as if it were not there.
    """

    name: str
    condition: str = ""
    about_labels: bool = False


#: Folder above the one with the user's copies of the upstream files.
DATA_DIR = SourceOption("data_dir")
#: Whether `train` holds the out-of-scope training messages.
TRAIN_OOS = SourceOption("train_oos", about_labels=True)


@dataclass(frozen=True)
class SourceInfo:
    """A data source: what is known of it before it is read, and the function that reads it.

    Attributes:
        name: the name that `supportnet.load` takes.
        description: one line that says what it is.
        licence: SPDX id or name of the licence.
        source: where it comes from: an address with its commit.
        citation: the paper to cite.
        load: reads it, given any of `options` by name.
        options: the arguments of `supportnet.load` that it takes.
    """

    name: str
    description: str
    licence: str
    source: str
    citation: str
    load: Callable[..., TicketDataset]
    options: tuple[SourceOption, ...] = ()

    def dataset(
        self, splits: Mapping[str, Sequence[Ticket]], categories: Mapping[str, str] | None = None
    ) -> TicketDataset:
        """Return the tickets of the source, with what is known of it."""
        return TicketDataset(self.name, splits, self.description, self.licence, self.source, categories or {})


class UpstreamFile(NamedTuple):
    """A file of a public data set as tensorflow-datasets' `checksums.tsv` records it."""

    url: str
    size: int
    sha256: str
    name: str


@cache
def recorded_files() -> dict[str, UpstreamFile]:
    """Return the files of the public data sets, by file name: those in `checksums.tsv`.

    Example:
        >>> recorded_files()["test.csv"].size
        239961
    """
    lines = files("supportnet.data").joinpath("checksums.tsv").read_text(encoding="utf-8").splitlines()
    records = [line.split("\t") for line in lines]
    return {name: UpstreamFile(url, int(size), sha256, name) for url, size, sha256, name in records}


def recorded_urls(*names: str) -> dict[str, str]:
    """Return the addresses of some of these files, by file name."""
    return {name: recorded_files()[name].url for name in names}


def read_copy(folder: str | os.PathLike[str], file: UpstreamFile) -> bytes:
    """Return what the user's copy of `file` in `folder` holds; warn if it isn't the recorded one.

    Raises:
        UserError: if the copy is missing or can't be read.
    """
    path = Path(folder) / file.name
    content = read_bytes(path, file.url)
    if hashlib.sha256(content).hexdigest() != file.sha256:
        warnings.warn(f"{path} isn't the recorded file (its SHA-256 differs from {file.url}).", stacklevel=2)
    return content


def to_tickets(examples: Iterable[tuple[str, ...]], split: str) -> list[Ticket]:
    """Return examples, text and intent first in each, as the tickets of `split`."""
    return [Ticket(text=text, intent=intent, split=split) for text, intent, *_ in examples]
