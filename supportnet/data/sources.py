"""One door to every data source, named ones and the user's own files; and figures of what it gives."""

import difflib
import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from statistics import median
from typing import Any, TypeGuard

from supportnet.data import banking77, clinc150, sample, star
from supportnet.data.files import load_file
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket, TicketDataset, grouped
from supportnet.data.upstream import SourceInfo
from supportnet.errors import UserError

_SOURCES: dict[str, SourceInfo] = {
    info.name: info for info in (sample.INFO, banking77.INFO, *clinc150.INFOS.values(), star.INFO)
}
#: Arguments of `load` that a named source refuses, unless it has the same.
_FILE_OPTIONS = ("text_column", "label_column", "reply_column", "split_column", "attribute_columns", "delimiter")
#: Where the figures of a split hold those of the labels beside the intent.
FURTHER_LABELS = "attributes"
_SOURCE_OPTIONS = {option.name: option for info in _SOURCES.values() for option in info.options}


def list_sources() -> list[dict[str, str]]:
    """Return name, description, licence, source and citation of every named source.

    Example:
        >>> [source["name"] for source in list_sources()][:2]
        ['sample', 'banking77']
    """
    shown = ("name", "description", "licence", "source", "citation")
    return [{key: getattr(info, key) for key in shown} for info in _SOURCES.values()]


def is_source(name: str | os.PathLike[str]) -> TypeGuard[str]:
    """Tell whether `name` is that of a named source, and no path.

    Example:
        >>> is_source("star"), is_source("./star")
        (True, False)
    """
    return isinstance(name, str) and name in _SOURCES


def load(
    name_or_path: str | os.PathLike[str],
    *,
    data_dir: str | os.PathLike[str] | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    split_column: str | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    reply_column: str | None = None,
    attribute_columns: Sequence[str] | None = None,
    **options: Any,
) -> TicketDataset:
    """Load a data set: a named source, or a CSV, TSV or JSONL file.

    A string that names a source is that source; write `./sample` for a file of such a name.

    Args:
        name_or_path: one of `list_sources()`, or a path.
        data_dir: for banking77, clinc150 and star: read the upstream files from `data_dir`/banking77/,
            `data_dir`/clinc150/ or `data_dir`/star/ instead of downloading them.
        text_column: for a file: see `load_file`, as for the next four and `reply_column`.
        label_column: column of the intents.
        split_column: column of the splits.
        delimiter: one character.
        encoding: the file's encoding.
        reply_column: for a file: column of the replies.
        attribute_columns: for a file: columns of further labels; sample has `priority` whether it is named or not.
        **options: of a named source: `train_oos` (sample and clinc150) adds the out-of-scope training messages to
            train, where they are held apart; `context_turns` (star) is how many turns of the conversation a text
            holds, the newest first, 3 by default.

    Returns:
        The tickets by split. A file without a split column has one split, `all`.

    Raises:
        UserError: names the file, row, column or option that is wrong.

    Example (needs a download):
        >>> dataset = load("banking77", data_dir="downloads")
        >>> len(dataset["train"])
        10003
    """
    chosen = (text_column, label_column, reply_column, split_column, attribute_columns or None, delimiter)
    source_options = {"data_dir": data_dir, **options}
    for name in source_options:
        if name not in _SOURCE_OPTIONS:
            known = ", ".join(_SOURCE_OPTIONS)
            raise UserError(f"There is no option named {name!r}. The options of data sources are: {known}.")
    # Flags of the command line that were not given are None or False.
    every = {**dict(zip(_FILE_OPTIONS, chosen, strict=True)), **source_options}
    given = {name: value for name, value in every.items() if value is not None and value is not False}
    if is_source(name_or_path):
        source = _SOURCES[name_or_path]
        reading = _taken(name_or_path, [option.name for option in source.options], given)
        path, dataset = name_or_path, source.load(**reading)
    else:
        reading = _taken(name_or_path, _FILE_OPTIONS, given) | ({} if encoding == "utf-8" else {"encoding": encoding})
        path, dataset = os.path.abspath(name_or_path), _load_path(name_or_path, **reading)  # noqa: PTH100
    if "data_dir" in reading:
        reading["data_dir"] = os.path.abspath(reading["data_dir"])  # noqa: PTH100
    return replace(dataset, files=({"path": path, "reading": reading},))


#: Arguments of `load` that `load_unlabelled` takes for files.
_FILE_ARGUMENTS = ("text_column", "split_column", "delimiter", "encoding")


def load_unlabelled(sources: Sequence[str | os.PathLike[str]], **options: Any) -> list[TicketDataset]:
    """Load messages to learn from without their labels.

    Args:
        sources: names or paths; see `load`. A file needs no label column, and one that it has is not read.
        **options: arguments of `load`. Those for files go to the files among the sources, `data_dir` to the named
            ones, `context_turns` to those with conversations; those about labels and replies to none.

    Returns:
        One data set a source, with the one split `train`: of a source with splits, what it has for training and
        nothing of what it has for validation or test; otherwise all.

    Raises:
        UserError: as `load`; or a source has no messages for training.

    Example:
        >>> load_unlabelled(["tickets.csv"], text_column="text")[0]["train"][0].intent is None
        True
    """
    unlabelled = []
    for source in sources:
        if is_source(source):
            names = [option.name for option in _SOURCES[source].options if not option.about_labels]
            dataset = load(source, **{name: options[name] for name in names if name in options})
        else:
            chosen = {name: options[name] for name in _FILE_ARGUMENTS if options.get(name) is not None}
            dataset = _load_path(source, labelled=False, **chosen)
        learnt = dataset["all" if "all" in dataset else "train"]
        tickets = [replace(ticket, intent=None, labels={}) for ticket in learnt]
        unlabelled.append(replace(dataset, splits={"train": tickets}))
    return unlabelled


def _load_path(path: str | os.PathLike[str], **options: Any) -> TicketDataset:
    if not os.path.exists(path):  # noqa: PTH110  (Path.exists raises where the name is too long)
        name = os.fspath(path)
        message = f"There is no file and no data source named {name!r}. Data sources: {', '.join(_SOURCES)}."
        closest = difflib.get_close_matches(name.lower(), _SOURCES, n=1)
        raise UserError(f"{message} Did you mean {closest[0]!r}?" if closest else message)
    return load_file(path, **options)


def _taken(name: str | os.PathLike[str], names: Collection[str], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the given options among `names`; raise a `UserError` for one that is meant for other data."""
    for option, value in given.items():
        if option not in names and (others := _takers(option)):
            flag = f"--{option.replace('_', '-')}"
            problem = f"is for {others}, not for {os.fspath(name)}. Received: {option}={value!r}"
            raise UserError(f"{option} ({flag}) {problem}")
    return {option: value for option, value in given.items() if option in names}


def _takers(option: str) -> str:
    """Return which data an option is for, as an error says it; nothing if other data ignore it."""
    if option in _FILE_OPTIONS:
        return "files"
    condition = _SOURCE_OPTIONS[option].condition
    takers = [info.name for info in _SOURCES.values() if any(own.name == option for own in info.options)]
    return f"{', '.join(takers)}, {condition}" if condition else ""


def describe(
    name_or_dataset: str | os.PathLike[str] | TicketDataset, *, data_dir: str | os.PathLike[str] | None = None
) -> dict[str, Any]:
    """Return name, origin and figures of a data set.

    Args:
        name_or_dataset: what `load` takes or returns. Load a file that needs options first.
        data_dir: as for `load`.

    Returns:
        name, description, licence, source, and splits: split -> num_messages, num_intents, num_out_of_scope,
        num_unlabelled, num_replies and num_different_replies, text_length (median and longest, in words between
        white space), smallest_intent and largest_intent (intent and num_messages; None where no message is in
        scope), attributes (name of the further labels -> num_messages that have one, num_values). All values go into
        JSON.

    Raises:
        UserError: what `load` raises.

    Example:
        >>> describe("sample")["splits"]["test"]["num_messages"]
        2005
    """
    given = name_or_dataset
    dataset = given if isinstance(given, TicketDataset) else load(given, data_dir=data_dir)
    shown = ("name", "description", "licence", "source")
    splits = {split: _figures(tickets) for split, tickets in dataset.splits.items()}
    return {**{key: getattr(dataset, key) for key in shown}, "splits": splits}


def _figures(tickets: Sequence[Ticket]) -> dict[str, Any]:
    by_intent = Counter(ticket.intent for ticket in tickets if ticket.intent not in (None, OUT_OF_SCOPE))
    # Of intents of one size, the first in the alphabet: the same answer whatever the order of the tickets.
    sizes = [
        {"intent": intent, "num_messages": num_messages}
        for num_messages, intent in sorted((num_messages, intent) for intent, num_messages in by_intent.items())
    ]
    replies = [ticket.reply for ticket in tickets if ticket.reply is not None]
    lengths = [len(ticket.text.split()) for ticket in tickets]
    labels = grouped((label for ticket in tickets for label in ticket.labels.items()), key=itemgetter(0))
    return {
        "num_messages": len(tickets),
        "num_intents": len(by_intent),
        "num_out_of_scope": sum(ticket.intent == OUT_OF_SCOPE for ticket in tickets),
        "num_unlabelled": sum(ticket.intent is None for ticket in tickets),
        "num_replies": len(replies),
        "num_different_replies": len(set(replies)),
        "text_length": {"median": float(median(lengths)), "longest": max(lengths)} if lengths else None,
        "smallest_intent": sizes[0] if sizes else None,
        "largest_intent": max(sizes, key=itemgetter("num_messages")) if sizes else None,
        FURTHER_LABELS: {
            name: {"num_messages": len(found), "num_values": len(set(found))} for name, found in labels.items()
        },
    }
