"""What a run was trained for; read without Keras, before seconds are spent on it."""

import os
from pathlib import Path

from supportnet.errors import UserError
from supportnet.files import read_json

#: The file of a run that says how it was made.
CONFIG = "config.json"


def tasks_of(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Return the tasks of the run in a folder: several, where they were trained at once; none, where there is no run.

    Raises:
        UserError: the configuration is damaged.
    """
    task = task_of(path)
    return () if task is None else tuple(task.split(","))


def run_of(path: str | os.PathLike[str], task: str) -> Path:
    """Return the folder of a task's run: a part of the run at `path`, where that is of several tasks; else `path`.

    Example (needs a run folder):
        >>> run_of("runs/support", "reply")
        PosixPath('runs/support/reply')
    """
    tasks = tasks_of(path)
    return Path(path) / task if len(tasks) > 1 and task in tasks else Path(path)


def task_of(path: str | os.PathLike[str]) -> str | None:
    """Return the task of the run in a folder, several with commas between them; None where there is no run.

    Raises:
        UserError: the configuration is damaged.
    """
    config = Path(path) / CONFIG
    if not config.exists():
        return None
    found = read_json(config)
    if not (isinstance(found, dict) and isinstance(found.get("task"), str)):
        raise UserError(f"{config} is damaged: it names no task.")
    return str(found["task"])
