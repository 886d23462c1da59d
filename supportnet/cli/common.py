"""What commands share: how results are printed, and how errors reach the user."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from supportnet.errors import UserError
from supportnet.startup import start_tensorflow as start_tensorflow  # the commands have it from here
from supportnet.tasks.registry import DEFAULT, all_tasks, get_task
from supportnet.tasks.task import Task
from supportnet.training.run_folder import tasks_of

#: What `writing_to` says of a training at Ctrl-C.
RESUMED = "training; the same command with --resume"


def print_result(as_json: bool, value: Any, lines: Iterable[Any]) -> None:
    """Print one JSON object with `--json`, else lines, which are made only then."""
    # ASCII, so that it can be printed whatever the terminal's encoding is.
    for line in [json.dumps(value)] if as_json else lines:
        click.echo(line)


def task_that(ability: str, model: str) -> Task:
    """Return the task of a run or an export that has an ability, such as `recalibrates`; the first of several.

    Raises:
        UserError: `model` holds runs of other tasks alone.
    """
    known = tasks_of(model) or (DEFAULT,)
    able = [task.name for task in all_tasks() if getattr(task, ability)]
    name = next((name for name in known if name in able), None)
    if name is None:
        received = ", ".join(known)
        raise UserError(
            f"{model} must hold a run of the task {' or '.join(able)}. Received: one of the task {received}"
        )
    return get_task(name)


@contextmanager
def naming_flags() -> Iterator[None]:
    """Begin an error about an option with its flag: `num_heads must be ...` -> `--num-heads must be ...`."""
    try:
        yield
    except UserError as error:
        name, _, rest = str(error).partition(" ")
        flags = {option.name: option.opts[0] for option in click.get_current_context().command.params}
        raise UserError(f"{flags.get(name, name)} {rest}" if rest.startswith("must ") else str(error)) from None


@contextmanager
def writing_to(path: str | os.PathLike[str], stopped: str = "") -> Iterator[None]:
    """Turn what the file system says (a full disk, no permission) into one line that names the path.

    With `stopped`, what was stopped and how to continue it, one line says so at Ctrl-C.
    """
    try:
        yield
    except OSError as error:
        raise UserError(f"{error.filename or path} can't be written: {error.strerror or error}.") from None
    except KeyboardInterrupt:
        if not stopped:
            raise
        raise click.Abort(f"{stopped} goes on with {path}") from None
