"""What a run was trained for; read without Keras, before seconds are spent on it."""

import os
from pathlib import Path

from supportnet.errors import UserError
from supportnet.files import read_json

#: The file of a run that says how it was made.
CONFIG = "config.json"


def task_of(path: str | os.PathLike[str]) -> str | None:
    """Return the task of the run in a folder; None where there is no run.

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
