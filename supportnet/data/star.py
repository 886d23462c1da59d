"""STAR: 6,652 dialogues of customers with an assistant, 24 tasks, most replies labelled (Mosig et al. 2020)."""

import hashlib
import io
import os
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, NamedTuple

from supportnet.data.tables import decode, parse_json, read_bytes
from supportnet.data.ticket import Ticket, TicketDataset, Turn, context, grouped
from supportnet.data.upstream import DATA_DIR, SourceInfo, SourceOption
from supportnet.errors import UserError

SPLITS = ("train", "validation", "test")
#: How many turns a context has if nothing else is said.
CONTEXT_TURNS = 3

COMMIT = "3058975092cdd09798e4a3a9e4ae135755824545"
FILE = f"STAR-{COMMIT}.zip"
URL = f"https://github.com/RasaHQ/STAR/archive/{COMMIT}.zip"

#: `dialogues_sha256` of the commit. An archive's own hash would say nothing: GitHub packs it anew when it is asked for.
DIALOGUES_SHA256 = "152414d7a99985e1860230289554328e17533e02ef13707f096cf59a6aa19d5c"

# The archive's first folder is named after the repository and the commit.
_DIALOGUE = re.compile(r"[^/]+/dialogues/([0-9]+\.json)")

#: What of the events is said, and by whom. What an agent types to be shown suggestions (`request_suggestions`) is a
#: draft: the customer reads the suggestion that is picked then.
_SPEAKERS: dict[str, Literal["customer", "agent"]] = {
    "User utter": "customer",
    "Wizard utter": "agent",
    "Wizard pick_suggestion": "agent",
}
_SPLIT_BY_REMAINDER = {0: "test", 1: "validation"}


class Pair(NamedTuple):
    """A reply and what it replies to.

    Attributes:
        text: the context, see `context`.
        reply: what the agent answered.
        label: the action of the reply, such as `ask_name`; empty where it has none.
        dialogue: the dialogue's number.
    """

    text: str
    reply: str
    label: str
    dialogue: str


def load(data_dir: str | os.PathLike[str] | None = None, context_turns: int = CONTEXT_TURNS) -> TicketDataset:
    """Load STAR, from `data_dir`/star/ or downloaded and prepared by tensorflow-datasets.

    A ticket is a reply of the agent that follows a turn of the customer: its text is the context (see
    `supportnet.data.ticket`), its intent the label of the *reply*, so that a classifier learns what an agent would
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
        # Here, so that reading copies needs neither tensorflow-datasets nor TensorFlow.
        from supportnet.data.prepared import Star, read_prepared, star_config

        prepared = read_prepared(Star(config=star_config(context_turns)), SPLITS)
        by_split = {split: [Pair(*example) for example in examples] for split, examples in prepared.items()}
    else:
        path = Path(data_dir) / INFO.name / FILE
        files = read_dialogues(read_bytes(path, URL), str(path))
        if dialogues_sha256(files) != DIALOGUES_SHA256:
            warnings.warn(f"{path} isn't the recorded file (the SHA-256 of its dialogues differs).", stacklevel=2)
        by_split = parse(files, context_turns)
    return INFO.dataset({split: _tickets(pairs, split) for split, pairs in by_split.items()})


def parse(files: dict[str, bytes], num_turns: int) -> dict[str, list[Pair]]:
    """Return the pairs of all dialogues by split.

    Args:
        files: a dialogue's file name -> what it holds.
        num_turns: how many turns a context has at most.

    Raises:
        UserError: if a file isn't of STAR's form.
    """
    pairs = [pair for name in files for pair in read_pairs(files[name], f"dialogues/{name}", num_turns)]
    by_split = grouped(pairs, key=lambda pair: split_of(pair.dialogue))
    return {split: by_split.get(split, []) for split in SPLITS}


INFO = SourceInfo(
    name="star",
    description="53,923 replies of an assistant with the turns before them, 24 tasks, 165 labels of replies.",
    licence="MIT",
    source=f"https://github.com/RasaHQ/STAR/tree/{COMMIT}/dialogues",
    citation=(
        "Mosig et al. 2020, STAR: A Schema-Guided Dialog Dataset for Transfer Learning, "
        "https://arxiv.org/abs/2010.11853"
    ),
    load=load,
    options=(DATA_DIR, SourceOption("context_turns", "where messages come with what was said before")),
)


def _tickets(pairs: list[Pair], split: str) -> list[Ticket]:
    return [
        Ticket(pair.text, pair.label or None, pair.reply, dialogue, turn, split)
        for dialogue, members in groupby(pairs, key=lambda pair: pair.dialogue)
        for turn, pair in enumerate(members)
    ]


def read_dialogues(content: bytes, name: str) -> dict[str, bytes]:
    """Return what each dialogue's file holds, in the order of their numbers, whatever the order in the archive.

    Args:
        content: a zip archive with FOLDER/dialogues/NUMBER.json; other files in it don't matter.
        name: the archive's name for error messages.

    Returns:
        File name, such as `7.json`, -> what it holds.

    Raises:
        UserError: if it isn't a whole archive, or has no dialogue.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            found = {member: match[1] for member in archive.namelist() if (match := _DIALOGUE.fullmatch(member))}
            files = {file: archive.read(member) for member, file in found.items()}
    # Compression or encryption that isn't known is a NotImplementedError or a RuntimeError.
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise UserError(f"{name} isn't a whole zip archive ({error}).") from None
    if not files:
        raise UserError(f"{name} has no dialogues/NUMBER.json.")
    return dict(sorted(files.items(), key=lambda item: int(item[0].removesuffix(".json"))))


def dialogues_sha256(files: Mapping[str, bytes]) -> str:
    """Return one hash for the names and contents of all dialogues.

    It is what `LC_ALL=C; sha256sum *.json | sha256sum` says in the folder of the dialogues.

    Example:
        >>> dialogues_sha256({"1.json": b"{}"})[:8]
        'a96b784f'
    """
    lines = (f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def split_of(dialogue: str) -> str:
    """Return the split of a dialogue: about a tenth each for test and validation, by a hash of its number.

    Example:
        >>> split_of("1"), split_of("4"), split_of("19")
        ('train', 'test', 'validation')
    """
    remainder = int(hashlib.sha1(dialogue.encode()).hexdigest(), 16) % 10
    return _SPLIT_BY_REMAINDER.get(remainder, "train")


def read_pairs(content: bytes, name: str, num_turns: int) -> list[Pair]:
    """Return a pair for every reply of the agent that comes right after a turn of the customer.

    Turns without text don't count, and white space around a text is dropped. A second reply in a row makes no pair,
    but belongs to the context of later ones.

    Args:
        content: what a dialogue's file holds: a JSON object with DialogueID and Events.
        name: the file's name for error messages.
        num_turns: how many turns a context has at most.

    Raises:
        UserError: if the file isn't of that form.
    """
    match parse_json(decode(content, "utf-8", name), name):
        case {"DialogueID": int(dialogue), "Events": list(events)}:
            pass
        case _:
            raise UserError(f"{name} must hold one JSON object with a number DialogueID and a list Events.")
    turns: list[Turn] = []
    pairs = []
    for turn, label in _said(events, name):
        if turn.speaker == "agent" and turns and turns[-1].speaker == "customer":
            pairs.append(Pair(context(turns, num_turns), turn.text, label, str(dialogue)))
        turns.append(turn)
    return pairs


def _said(events: list[Any], name: str) -> Iterator[tuple[Turn, str]]:
    """Yield every turn that has text, with the label of its action."""
    for index, event in enumerate(events):
        if not isinstance(event, dict):
            raise UserError(f"{name}: event {index} must be a JSON object. Received: a {type(event).__name__}")
        speaker = _SPEAKERS.get(f"{event.get('Agent')} {event.get('Action')}")
        if speaker is None:
            continue
        match event.get("Text", ""), event.get("ActionLabel", ""):
            case str(text), str(label):
                if text.strip():
                    yield Turn(speaker, text.strip()), label
            case _:
                raise UserError(f"{name}: Text and ActionLabel of event {index} must be strings.")
