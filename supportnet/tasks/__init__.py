"""Tasks: a folder for each, with the same file names in each, behind the contract of `supportnet.tasks.task`.

config      options of the training          model       preprocessor, network and names, used on strings
data        training and validation data     calibrate   numbers that validation data decide, and what fits them
network     head on the backbone             evaluate    metrics on labelled messages
fit         objective and training           comparison  how architectures are compared, and what a user would pick
serve       its part of an export                        instead
answers     records of answers

What tasks share stands beside their folders, in `model` (its part of an export too), `fit` and `comparison`.

Exported from the folders, and imported when first used:

- models: `IntentClassifier`, `Suggester`, `Replier`, `AttributeClassifier`;
- records of answers: `Classification`, `Suggestion`, `Reply`, `Attributes`;
- options: `ClassifyConfig`, `SuggestConfig`, `ReplyConfig`, `AttributesConfig`;
- evaluation: `evaluate_model` of a classifier, `evaluate_suggester`, `evaluate_judged`, `evaluate_replier`;
- labels that look wrong: `find_doubtful_labels`;
- the confidence of a classifier: `Confidence`, `fit_confidence`, `outcomes`, `reliability_diagram`, `risk_coverage`.
"""

import ast
import inspect
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from supportnet.checks import check_choice
from supportnet.errors import UserError
from supportnet.tasks.task import Task as Task

# What is exported, stated once: type checkers read these imports, and so does `_exports`.
if TYPE_CHECKING:
    from supportnet.tasks.attributes.answers import Attributes as Attributes
    from supportnet.tasks.attributes.config import AttributesConfig as AttributesConfig
    from supportnet.tasks.attributes.model import AttributeClassifier as AttributeClassifier
    from supportnet.tasks.classify.answers import Classification as Classification
    from supportnet.tasks.classify.audit import find_doubtful_labels as find_doubtful_labels
    from supportnet.tasks.classify.calibrate import Confidence as Confidence
    from supportnet.tasks.classify.calibrate import fit_confidence as fit_confidence
    from supportnet.tasks.classify.config import ClassifyConfig as ClassifyConfig
    from supportnet.tasks.classify.evaluate import evaluate_model as evaluate_model
    from supportnet.tasks.classify.evaluate import outcomes as outcomes
    from supportnet.tasks.classify.model import IntentClassifier as IntentClassifier
    from supportnet.tasks.classify.plots import reliability_diagram as reliability_diagram
    from supportnet.tasks.classify.plots import risk_coverage as risk_coverage
    from supportnet.tasks.reply.answers import Reply as Reply
    from supportnet.tasks.reply.config import ReplyConfig as ReplyConfig
    from supportnet.tasks.reply.evaluate import evaluate_replier as evaluate_replier
    from supportnet.tasks.reply.model import Replier as Replier
    from supportnet.tasks.suggest.answers import Suggestion as Suggestion
    from supportnet.tasks.suggest.config import SuggestConfig as SuggestConfig
    from supportnet.tasks.suggest.evaluate import evaluate_judged as evaluate_judged
    from supportnet.tasks.suggest.evaluate import evaluate_suggester as evaluate_suggester
    from supportnet.tasks.suggest.model import Suggester as Suggester
else:

    def _exports() -> dict[str, str]:
        """Return name -> module of the imports above, each of which is made when its name is first used."""
        body = ast.parse(inspect.getsource(sys.modules[__name__])).body
        imports = next(node.body for node in body if isinstance(node, ast.If))
        return {alias.name: node.module for node in imports for alias in node.names}

    _EXPORTS = _exports()
    __all__ = ["DEFAULT", "NAMES", "REGISTRY", "Task", "all_tasks", "get_task", "in_order", *_EXPORTS]

    def __getattr__(name: str) -> Any:
        if name not in _EXPORTS:
            raise AttributeError(f"module 'supportnet.tasks' has no attribute {name!r}")
        return getattr(import_module(_EXPORTS[name]), name)


#: The first one is the default. The order is that of exports and tables.
NAMES = ("classify", "suggest", "reply", "attributes")
DEFAULT = NAMES[0]
#: name -> package.
REGISTRY: Mapping[str, str] = MappingProxyType({name: f"{__name__}.{name}" for name in NAMES})


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
