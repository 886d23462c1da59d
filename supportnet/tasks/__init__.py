"""Tasks: a folder for each, with the same file names in each, behind the contract of `supportnet.tasks.task`.

config      options of the training          model       preprocessor, network and names, used on strings
data        training and validation data     fitted      numbers that validation data decide
network     head on the backbone             calibrate   fits them
fit         objective and training           evaluate    metrics on labelled messages
serve       its part of an export            baseline    what a user would pick instead
answers     records of answers               comparison  how architectures are compared

Exported from these files, and imported when first used:

- models: `IntentClassifier`, `Suggester`, `Replier`, `AttributeClassifier`;
- records of answers: `Classification`, `Suggestion`, `Reply`, `Attributes`;
- options: `ClassifyConfig`, `SuggestConfig`, `ReplyConfig`, `AttributesConfig`;
- evaluation: `evaluate_model` of a classifier, `evaluate_suggester`, `evaluate_judged`, `evaluate_replier`;
- labels that look wrong: `find_doubtful_labels`;
- the confidence of a classifier: `Confidence`, `fit_confidence`, `outcomes`, `reliability_diagram`, `risk_coverage`.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from supportnet.errors import UserError
from supportnet.tasks.task import Task

if TYPE_CHECKING:
    from supportnet.tasks.attributes.answers import Attributes
    from supportnet.tasks.attributes.config import AttributesConfig
    from supportnet.tasks.attributes.model import AttributeClassifier
    from supportnet.tasks.classify.answers import Classification
    from supportnet.tasks.classify.audit import find_doubtful_labels
    from supportnet.tasks.classify.calibrate import Confidence, fit_confidence
    from supportnet.tasks.classify.config import ClassifyConfig
    from supportnet.tasks.classify.evaluate import evaluate_model, outcomes
    from supportnet.tasks.classify.model import IntentClassifier
    from supportnet.tasks.classify.plots import reliability_diagram, risk_coverage
    from supportnet.tasks.reply.answers import Reply
    from supportnet.tasks.reply.config import ReplyConfig
    from supportnet.tasks.reply.evaluate import evaluate_replier
    from supportnet.tasks.reply.model import Replier
    from supportnet.tasks.suggest.answers import Suggestion
    from supportnet.tasks.suggest.config import SuggestConfig
    from supportnet.tasks.suggest.evaluate import evaluate_judged, evaluate_suggester
    from supportnet.tasks.suggest.model import Suggester

__all__ = [
    "DEFAULT",
    "NAMES",
    "REGISTRY",
    "AttributeClassifier",
    "Attributes",
    "AttributesConfig",
    "Classification",
    "ClassifyConfig",
    "Confidence",
    "IntentClassifier",
    "Replier",
    "Reply",
    "ReplyConfig",
    "SuggestConfig",
    "Suggester",
    "Suggestion",
    "Task",
    "all_tasks",
    "evaluate_judged",
    "evaluate_model",
    "evaluate_replier",
    "evaluate_suggester",
    "find_doubtful_labels",
    "fit_confidence",
    "get_task",
    "in_order",
    "outcomes",
    "reliability_diagram",
    "risk_coverage",
]

#: name -> package; the first one is the default. The order is that of exports and tables.
REGISTRY: Mapping[str, str] = MappingProxyType(
    {
        "classify": "supportnet.tasks.classify",
        "suggest": "supportnet.tasks.suggest",
        "reply": "supportnet.tasks.reply",
        "attributes": "supportnet.tasks.attributes",
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


#: name -> the module below this package that it is imported from when it is first used.
_EXPORTS = {
    "AttributeClassifier": "attributes.model",
    "Attributes": "attributes.answers",
    "AttributesConfig": "attributes.config",
    "Classification": "classify.answers",
    "ClassifyConfig": "classify.config",
    "Confidence": "classify.calibrate",
    "IntentClassifier": "classify.model",
    "Replier": "reply.model",
    "Reply": "reply.answers",
    "ReplyConfig": "reply.config",
    "SuggestConfig": "suggest.config",
    "Suggester": "suggest.model",
    "Suggestion": "suggest.answers",
    "evaluate_judged": "suggest.evaluate",
    "evaluate_model": "classify.evaluate",
    "evaluate_replier": "reply.evaluate",
    "evaluate_suggester": "suggest.evaluate",
    "find_doubtful_labels": "classify.audit",
    "fit_confidence": "classify.calibrate",
    "outcomes": "classify.evaluate",
    "reliability_diagram": "classify.plots",
    "risk_coverage": "classify.plots",
}


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'supportnet.tasks' has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_EXPORTS[name]}"), name)
