"""One door to every data source: named ones and the user's own files."""

import difflib
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeGuard

from supportnet.data import banking77, clinc150, star
from supportnet.data.files import load_file
from supportnet.data.ticket import TicketDataset
from supportnet.data.upstream import SourceInfo
from supportnet.errors import UserError


@dataclass(frozen=True)
class _Options:
    """What a named source may ask for; each takes what it knows."""

    data_dir: str | os.PathLike[str] | None
    train_oos: bool
    seed: int
    context_turns: int | None


_SAMPLE = SourceInfo(
    name="sample",
    description="Invented messages to an online shop's support desk, with replies, made from a grammar.",
    licence="Apache-2.0",
    source="supportnet.data.sample",
    citation="none: part of supportnet",
)


def _load_sample(options: _Options) -> TicketDataset:
    # Here, so that importing this room doesn't build the grammar.
    from supportnet.data.sample import load_sample

    return load_sample(seed=options.seed, train_oos=options.train_oos)


def _load_banking77(options: _Options) -> TicketDataset:
    return banking77.load(options.data_dir)


def _clinc150_loader(variant: str) -> Callable[[_Options], TicketDataset]:
    return lambda options: clinc150.load(variant, options.data_dir, options.train_oos)


def _load_star(options: _Options) -> TicketDataset:
    turns = star.CONTEXT_TURNS if options.context_turns is None else options.context_turns
    return star.load(options.data_dir, turns)


_SOURCES: dict[str, tuple[SourceInfo, Callable[[_Options], TicketDataset]]] = {
    info.name: (info, loader)
    for info, loader in [
        (_SAMPLE, _load_sample),
        (banking77.INFO, _load_banking77),
        *((info, _clinc150_loader(variant)) for variant, info in clinc150.INFOS.items()),
        (star.INFO, _load_star),
    ]
}
#: The sources that have what was said before a message.
_WITH_TURNS = (star.INFO.name,)


def list_sources() -> list[dict[str, str]]:
    """Return name, description, licence, source and citation of every named source.

    Example:
        >>> [source["name"] for source in list_sources()][:2]
        ['sample', 'banking77']
    """
    return [asdict(info) for info, _ in _SOURCES.values()]


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
    train_oos: bool = False,
    text_column: str | None = None,
    label_column: str | None = None,
    split_column: str | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    seed: int = 0,
    reply_column: str | None = None,
    context_turns: int | None = None,
) -> TicketDataset:
    """Load a data set: a named source, or a CSV, TSV or JSONL file.

    A string that names a source is that source; write `./sample` for a file of such a name.

    Args:
        name_or_path: one of `list_sources()`, or a path.
        data_dir: for banking77, clinc150 and star: read the upstream files from `data_dir`/banking77/,
            `data_dir`/clinc150/ or `data_dir`/star/ instead of downloading them.
        train_oos: for sources that hold them apart: add the out-of-scope training messages to train.
        text_column: for a file: see `load_file`, as for the next four and `reply_column`.
        label_column: column of the intents.
        split_column: column of the splits.
        delimiter: one character.
        encoding: the file's encoding.
        seed: for sample: which sample is made.
        reply_column: for a file: column of the replies.
        context_turns: for star: how many turns of the conversation a text holds, the newest first; 3 by default.

    Returns:
        The tickets by split. A file without a split column has one split, `all`.

    Raises:
        UserError: names the file, row, column or option that is wrong.

    Example (needs a download):
        >>> dataset = load("banking77", data_dir="downloads")
        >>> len(dataset["train"])
        10003
    """
    columns = {
        "text_column": text_column,
        "label_column": label_column,
        "reply_column": reply_column,
        "split_column": split_column,
    }
    _check_no_turns(name_or_path, context_turns)
    if is_source(name_or_path):
        _check_no_file_options(name_or_path, {**columns, "delimiter": delimiter})
        _, loader = _SOURCES[name_or_path]
        return loader(_Options(data_dir=data_dir, train_oos=train_oos, seed=seed, context_turns=context_turns))
    return _load_path(name_or_path, **columns, delimiter=delimiter, encoding=encoding)


#: Arguments of `load` that `load_unlabelled` takes, for files and for named sources.
_FILE_ARGUMENTS = ("text_column", "split_column", "delimiter", "encoding")
_SOURCE_ARGUMENTS = ("data_dir", "seed")


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
    return [_without_labels(source, options) for source in sources]


def _without_labels(source: str | os.PathLike[str], options: dict[str, Any]) -> TicketDataset:
    if source in _SOURCES:
        names = (*_SOURCE_ARGUMENTS, "context_turns") if source in _WITH_TURNS else _SOURCE_ARGUMENTS
        dataset = load(source, **{name: options[name] for name in names if name in options})
    else:
        chosen = {name: options[name] for name in _FILE_ARGUMENTS if options.get(name) is not None}
        dataset = _load_path(source, labelled=False, **chosen)
    tickets = dataset["all" if "all" in dataset.splits else "train"]
    return replace(dataset, splits={"train": [replace(ticket, intent=None) for ticket in tickets]})


def _load_path(path: str | os.PathLike[str], **options: Any) -> TicketDataset:
    if not os.path.exists(path):  # noqa: PTH110  (Path.exists raises where the name is too long)
        raise UserError(_not_found(os.fspath(path)))
    return load_file(path, **options)


def _check_no_file_options(name: str, options: dict[str, str | None]) -> None:
    for option, value in options.items():
        if value is not None:
            flag = f"--{option.replace('_', '-')}"
            raise UserError(f"{option} ({flag}) is for files, not for {name}. Received: {option}={value!r}")


def _check_no_turns(name: str | os.PathLike[str], context_turns: int | None) -> None:
    if context_turns is not None and name not in _WITH_TURNS:
        raise UserError(
            f"context_turns (--context-turns) is for {', '.join(_WITH_TURNS)}, where messages come with what was said "
            f"before, not for {os.fspath(name)}. Received: {context_turns=}"
        )


def _not_found(name: str) -> str:
    message = f"There is no file and no data source named {name!r}. Data sources: {', '.join(_SOURCES)}."
    closest = difflib.get_close_matches(name.lower(), _SOURCES, n=1)
    return f"{message} Did you mean {closest[0]!r}?" if closest else message
