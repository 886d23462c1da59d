"""Tasks: a folder for each, with the same file names in each, behind the contract of `supportnet.tasks.task`.

config      options of the training          model       preprocessor, network and names, used on strings
data        training and validation data     fitted      numbers that validation data decide
network     head on the backbone             calibrate   fits them
fit         objective and training           evaluate    metrics on labelled messages
serve       its part of an export            baseline    what a user would pick instead
answers     records of answers               comparison  how architectures are compared
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType

from supportnet.errors import UserError
from supportnet.tasks.task import Task

#: name -> package; the first one is the default. The order is that of exports and tables.
REGISTRY: Mapping[str, str] = MappingProxyType(
    {
        "classify": "supportnet.tasks.classify",
        "suggest": "supportnet.tasks.suggest",
        "reply": "supportnet.tasks.reply",
    }
)
NAMES = tuple(REGISTRY)
DEFAULT = NAMES[0]


def get_task(name: str) -> Task:
    """Return the task of a name; another name is a `UserError` that lists the known ones.

    Example:
        >>> get_task("suggest").config().batch_size
        128
    """
    if name not in REGISTRY:
        raise UserError(f"task must be one of {', '.join(NAMES)}. Received: task={name!r}")
    task: Task = import_module(REGISTRY[name]).TASK
    return task


def all_tasks() -> list[Task]:
    """Return every task, in order."""
    return [get_task(name) for name in NAMES]


def in_order(names: Sequence[str]) -> list[str]:
    """Return distinct names of tasks in their usual order.

    Raises:
        UserError: a name is unknown or comes twice, or there is none.

    Example:
        >>> in_order(["reply", "classify"])
        ['classify', 'reply']
    """
    if not names or len(set(names)) < len(names) or not set(names) <= set(NAMES):
        raise UserError(f"tasks must be of {', '.join(NAMES)}, each once. Received: tasks={list(names)}")
    return [name for name in NAMES if name in names]
