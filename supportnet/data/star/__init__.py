"""STAR: 6,652 dialogues of customers with an assistant, 24 tasks, most replies labelled (Mosig et al. 2020)."""

import os
import warnings
from itertools import groupby
from pathlib import Path

from supportnet.data.star import archive
from supportnet.data.star.pairs import Pair, read_pairs, split_of
from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.data.upstream import DATA_DIR, SourceInfo, SourceOption, copy_content
from supportnet.errors import UserError

SPLITS = ("train", "validation", "test")
#: How many turns a context has if nothing else is said.
CONTEXT_TURNS = 3


def load(data_dir: str | os.PathLike[str] | None = None, context_turns: int = CONTEXT_TURNS) -> TicketDataset:
    """Load STAR, from `data_dir`/star/ or downloaded and prepared by tensorflow-datasets.

    A ticket is a reply of the agent that follows a turn of the customer: its text is the context (see
    `supportnet.data.context`), its intent the label of the *reply*, so that a classifier learns what an agent would
    do next. STAR's label for "I can't help with that" is `out_of_scope`, which is `OUT_OF_SCOPE`; those tickets are in
    every split, in train too. A reply that the agent typed instead of picking one, 13% of all, has no label: the
    ticket's intent is None. It is there for its text and reply; training and scoring a classifier leave it out, with
    a warning.

    The splits are this package's own, since STAR has none: a dialogue is in one split as a whole, by a hash of its
    number.

    The download is written for the archive that GitHub makes of the pinned commit, but was tried on a server with
    invented dialogues only; GitHub could not be reached from where it was written.

    Args:
        data_dir: the folder above the one with the user's copy of the archive, a zip file.
        context_turns: how many turns a context has at most, the customer's newest among them.

    Returns:
        The splits train, validation and test, in the order of the dialogues' numbers; a ticket's conversation is
        the dialogue, and its turn counts the dialogue's tickets.

    Raises:
        UserError: if the archive is missing or damaged, `context_turns` is below 1, or there is no network.

    Example (needs a download):
        >>> load("downloads")["train"][0].intent
        'ask_name'
    """
    if context_turns < 1:
        raise UserError(f"context_turns (--context-turns) must be at least 1. Received: {context_turns=}")
    if data_dir is None:
        by_split = _read_prepared(context_turns)
    else:
        by_split = _read_copy(Path(data_dir) / INFO.name, context_turns)
    return INFO.dataset({split: _tickets(pairs, split) for split, pairs in by_split.items()})


def parse(files: dict[str, bytes], num_turns: int) -> dict[str, list[Pair]]:
    """Return the pairs of all dialogues by split.

    Args:
        files: a dialogue's file name -> what it holds.
        num_turns: how many turns a context has at most.

    Raises:
        UserError: if a file isn't of STAR's form.
    """
    by_split: dict[str, list[Pair]] = {split: [] for split in SPLITS}
    for name, content in files.items():
        for pair in read_pairs(content, f"dialogues/{name}", num_turns):
            by_split[split_of(pair.dialogue)].append(pair)
    return by_split


INFO = SourceInfo(
    name="star",
    description="53,923 replies of an assistant with the turns before them, 24 tasks, 165 labels of replies.",
    licence="MIT",
    source=f"https://github.com/RasaHQ/STAR/tree/{archive.COMMIT}/dialogues",
    citation=(
        "Mosig et al. 2020, STAR: A Schema-Guided Dialog Dataset for Transfer Learning, "
        "https://arxiv.org/abs/2010.11853"
    ),
    load=load,
    options=(DATA_DIR, SourceOption("context_turns", "where messages come with what was said before")),
)


def _read_copy(folder: Path, num_turns: int) -> dict[str, list[Pair]]:
    path = folder / archive.FILE
    files = archive.read_dialogues(copy_content(path, archive.URL), str(path))
    if archive.dialogues_sha256(files) != archive.DIALOGUES_SHA256:
        warnings.warn(f"{path} isn't the recorded file (the SHA-256 of its dialogues differs).", stacklevel=2)
    return parse(files, num_turns)


def _read_prepared(num_turns: int) -> dict[str, list[Pair]]:
    # Here, so that reading copies needs neither tensorflow-datasets nor TensorFlow.
    from supportnet.data.prepared import read_prepared
    from supportnet.data.star.star_dataset_builder import Builder, config_of

    by_split = read_prepared(Builder(config=config_of(num_turns)), url=archive.URL)
    return {split: [Pair(**example) for example in by_split[split]] for split in SPLITS}


def _tickets(pairs: list[Pair], split: str) -> list[Ticket]:
    return [
        Ticket(pair.text, pair.label or None, pair.reply, dialogue, turn, split)
        for dialogue, members in groupby(pairs, key=lambda pair: pair.dialogue)
        for turn, pair in enumerate(members)
    ]
