"""Every task keeps the contract, and what the package exports is there."""

from pathlib import Path

import pytest

from supportnet import tasks
from supportnet.backbones.backbone import TaskModel
from supportnet.errors import UserError
from supportnet.tasks.comparison import Compared
from supportnet.tasks.model import ServedPart
from supportnet.tasks.task import LEARNED_FROM, Fitted

#: In the folder of every task.
FILES = {"answers", "calibrate", "comparison", "config", "data", "evaluate", "fit", "model", "network", "serve"}


def test_every_exported_name_is_there() -> None:
    assert {"IntentClassifier", "AttributeClassifier", "evaluate_judged", "risk_coverage"} < set(tasks.__all__)
    assert all(getattr(tasks, name) is not None for name in tasks.__all__)
    with pytest.raises(AttributeError, match=r"supportnet\.tasks attribute Nonsense"):
        tasks.Nonsense  # noqa: B018


def test_every_exported_name_is_described() -> None:
    """In the docstring, but for what belongs to the contract."""
    own = {"DEFAULT", "NAMES", "REGISTRY", "Task", "all_tasks", "get_task", "in_order"}
    assert {name for name in tasks.__all__ if f"`{name}`" not in (tasks.__doc__ or "")} == own


@pytest.mark.parametrize("name", tasks.NAMES)
def test_folders_have_the_same_files(name: str) -> None:
    folder = Path(tasks.__file__).parent / name
    assert {path.stem for path in folder.glob("*.py")} >= FILES | {"__init__"}


@pytest.mark.parametrize("name", tasks.NAMES)
def test_contract(name: str) -> None:
    task = tasks.get_task(name)
    assert task.name == name == task.model_class.task
    assert issubclass(task.model_class, TaskModel)
    assert issubclass(task.fitted_config, Fitted)
    assert issubclass(task.served, ServedPart)
    assert isinstance(task.compared, Compared)
    assert task.learns_from in LEARNED_FROM
    assert next(iter(task.signatures())) == name
    assert all(hasattr(task.served, signature) for signature in task.signatures())
    hooks = (task.split, task.objective, task.calibrate, task.evaluate, task.record, task.baselines)
    assert all(callable(hook) for hook in hooks)


def test_an_unknown_task_is_named() -> None:
    with pytest.raises(UserError, match=r"one of classify, suggest, reply, attributes\. Received: task='sort'"):
        tasks.get_task("sort")
