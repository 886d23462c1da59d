"""The folder of a run: all that a training leaves behind, and reading it back. Loads no Keras.

RUN/
  config.json         how the run was made: format, task, network, training, start, data
  vocabulary.txt      words with an id of their own, one per line
  intents.json, labels.json or pieces.json
                      names that the outputs stand for, by task
  confidence.json, relevance.json or handoff.json
                      numbers fitted on validation data, by task
  seen.npy            hashes of the training and validation messages, for `evaluate`
  traffic.json        counts of what the model says of validation messages, for `supportnet drift`, by task
  weights.weights.h5  the network's weights of the best epoch
  history.json        metrics of each epoch
  metrics.json        validation metrics of the best epoch
  model_card.json     what the model is, what it was trained on, under which licence
  cross_validation.npz
                      what models of parts of few messages said of the others, and what follows from it
  checkpoint.npz      the state after the last epoch, for --resume
  logs/               for TensorBoard

A run of several tasks holds config.json, history.json, metrics.json, checkpoint.npz and logs/, and a run for each task
in a folder of the task's name. A pre-trained encoder is a run without names, fitted numbers and card.
"""

import hashlib
import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from supportnet.config import NetworkConfig
from supportnet.errors import UserError
from supportnet.files import read_json, remove_incomplete, write_json, written_whole

if TYPE_CHECKING:
    import keras

    from supportnet.data.ticket import Ticket
    from supportnet.text.vocabulary import Vocabulary

VOCABULARY = "vocabulary.txt"
WEIGHTS = "weights.weights.h5"
SEEN = "seen.npy"
CARD = "model_card.json"

#: The file of a run that says how it was made.
CONFIG = "config.json"
#: Format of the folder; another one is refused.
FORMAT = 3

#: The parts of a run's configuration that hold options by name.
OPTIONS = ("network", "training", "start")


def check_folder(folder: Path, config: dict[str, Any], resume: bool) -> None:
    """Check that a run can begin in a folder, or go on there because the one there is this very run.

    Args:
        folder: where the run goes.
        config: what makes the run; with `data`, which holds a `fingerprint`, beside parts of options by name.
        resume: go on with the run that is there, if there is one.

    Raises:
        UserError: the folder is no run folder; it holds a run, and `resume` is False; or one of other options or data.
    """
    path = folder / CONFIG
    if resume:
        remove_incomplete(folder)
    if not path.exists():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UserError(f"{folder} is there and is not a run folder (no {CONFIG}): choose another --out.")
        return
    if not resume:
        state = "a finished run" if any(folder.rglob(WEIGHTS)) else "a run that was interrupted"
        raise UserError(f"{folder} already holds {state}: go on with --resume, or choose another --out.")
    known = read_config(folder)
    try:
        if known["task"] != config["task"]:
            raise UserError(f"{folder} holds a run of the task {known['task']}: choose another --out.")
        for part in OPTIONS:
            for name, value in config[part].items():
                if known[part][name] != value:
                    raise UserError(
                        f"{folder} was made with {name}={known[part][name]!r}: go on with the same. "
                        f"Received: {name}={value!r}"
                    )
        # Wherever the data lies now.
        if known["data"]["fingerprint"] != config["data"]["fingerprint"]:
            raise UserError(f"{folder} was made from other data ({known['data']['name']}): go on with the same.")
    except (KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged or of another version of supportnet ({error!r}).") from None


def fingerprint(parts: Iterable[str | None]) -> str:
    """Return one hash for the texts and labels of a run's messages, in their order."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{part}\0".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def ticket_fingerprint(tickets: Iterable["Ticket"], texts: Iterable[str] = ()) -> str:
    """Return one hash for tickets with all their labels, and for further texts, in their order."""
    parts = (
        part
        for ticket in tickets
        for part in (ticket.text, ticket.intent, ticket.reply, *(f"{k}={v}" for k, v in sorted(ticket.labels.items())))
    )
    return fingerprint((*parts, *texts))


def begin(folder: Path, config: dict[str, Any]) -> None:
    """Write how the run is made, unless it stands there: from then on, the folder is a run."""
    if not (folder / CONFIG).exists():
        write_json(folder / CONFIG, {"format": FORMAT, **config})


def finished_run(path: str | os.PathLike[str], task: str) -> tuple[Path, NetworkConfig]:
    """Return the folder of a finished run, and what its network was built from.

    Of a run of several tasks, it is that of the task.

    Raises:
        UserError: there is no such folder, its configuration is missing or damaged or of another task than `task`, or
            training hasn't finished.
    """
    if not Path(path).is_dir():
        raise UserError(f"There is no run folder at {path}.")
    folder = run_of(path, task)
    if not folder.is_dir():
        raise UserError(f"{folder} is missing: the training hasn't finished, go on with --resume.")
    config = read_config(folder)
    try:
        found = config["task"]
        network = NetworkConfig(**config["network"]) if found == task else None
    except (KeyError, TypeError, UserError) as error:
        raise UserError(f"{folder / CONFIG} is damaged or of another version of supportnet ({error}).") from None
    if network is None:
        raise UserError(f"{folder} must hold a run of the task {task}. Received: one of the task {found}")
    if not (folder / WEIGHTS).exists():
        raise UserError(f"{folder / WEIGHTS} is missing: the training hasn't finished, go on with --resume.")
    return folder, network


def read_config(folder: Path) -> Any:
    """Read how a run was made; of an earlier version's, whose weights have other names, raise a `UserError`."""
    config = read_json(folder / CONFIG)
    if isinstance(config, dict) and "task" in config and config.get("format") != FORMAT:
        card = read_json(folder / CARD) if (folder / CARD).exists() else {}
        version = card.get("supportnet", "0.1")
        raise UserError(
            f"{folder} was written by supportnet {version}, whose runs this version can't read: train again."
        )
    return config


def save_network(folder: Path, vocabulary: "Vocabulary", network: "keras.Model") -> None:
    """Write the vocabulary and the weights; the weights come last, for with them the run counts as finished."""
    vocabulary.save(folder / VOCABULARY)
    with written_whole(folder / WEIGHTS) as temporary:
        network.save_weights(temporary)


def write_metrics(folder: Path, epochs: list[dict[str, float]], metrics: dict[str, Any]) -> None:
    """Write the metrics of each epoch, and those of the best one."""
    write_json(folder / "history.json", epochs)
    write_json(folder / "metrics.json", metrics)


def read_origin(folder: Path) -> dict[str, Any]:
    """Read the `origin` from the model card; a run that was copied without its card has none."""
    if not (folder / CARD).exists():
        return {}
    card = read_json(folder / CARD)
    return {part: card[part] for part in ("data", "validation") if part in card}


def load_weights(path: Path, network: "keras.Model", others: str) -> None:
    """Set the weights of `network`; `others` are the files beside it that say what it is made of.

    Raises:
        UserError: the file is damaged, or of another network.
    """
    try:
        # Keras only warns of weights that it doesn't find; the model would go on with random ones.
        with warnings.catch_warnings(action="error", category=UserWarning):
            network.load_weights(path)
    except (OSError, KeyError, ValueError, UserWarning) as error:
        reason = str(error).partition("\n")[0]
        raise UserError(f"{path} can't be read: it is damaged, or doesn't belong to {others} ({reason}).") from None


def read_names(path: Path, least: int = 0) -> list[str]:
    """Read a list of distinct names, `least` of them or more; a damaged file is a `UserError` that names it."""
    names = read_json(path)
    strings = isinstance(names, list) and all(isinstance(name, str) for name in names)
    if not strings or len(names) < least or len(set(names)) < len(names):
        raise UserError(f"{path} is damaged: it must hold a list of distinct names.")
    return list(names)


def tasks_of(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Return the tasks of the run in a folder: several, if they were trained at once; none, if there is no run.

    Raises:
        UserError: the configuration is damaged.
    """
    config = Path(path) / CONFIG
    if not config.exists():
        return ()
    found = read_json(config)
    if not (isinstance(found, dict) and isinstance(found.get("task"), str)):
        raise UserError(f"{config} is damaged: it names no task.")
    return tuple(found["task"].split(","))


def run_of(path: str | os.PathLike[str], task: str) -> Path:
    """Return the folder of a task's run: a part of the run at `path`, where that is of several tasks; else `path`.

    Example (needs a run folder):
        >>> run_of("runs/support", "reply")
        PosixPath('runs/support/reply')
    """
    tasks = tasks_of(path)
    return Path(path) / task if len(tasks) > 1 and task in tasks else Path(path)


def is_run(path: str | os.PathLike[str]) -> bool:
    """Tell whether `path` is a run folder, even a damaged one.

    Example:
        >>> is_run("saved_models/support")
        False
    """
    return any((Path(path) / name).exists() for name in (CONFIG, VOCABULARY, WEIGHTS))
