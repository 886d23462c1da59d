"""The tasks by name: the only list of them that there is."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType

from supportnet.checks import check_choice
from supportnet.errors import UserError
from supportnet.tasks.task import Task

#: The first one is the default. The order is that of exports and tables.
NAMES = ("classify", "suggest", "reply", "attributes")
DEFAULT = NAMES[0]
#: name -> package.
REGISTRY: Mapping[str, str] = MappingProxyType({name: f"supportnet.tasks.{name}" for name in NAMES})


def get_task(name: str) -> Task:
    """Return the task of a name; another name is a `UserError` that lists the known ones.

    Example:
        >>> get_task("suggest").config().batch_size
        128
    """
    task: Task = import_module(REGISTRY[check_choice("task", name, NAMES)]).TASK
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
