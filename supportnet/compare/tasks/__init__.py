"""What a comparison has to know of each task."""

from collections.abc import Mapping
from types import MappingProxyType

from supportnet.compare.tasks.classify import Classify
from supportnet.compare.tasks.reply import WriteReplies
from supportnet.compare.tasks.suggest import Suggest
from supportnet.compare.tasks.task import Task

__all__ = ["TASKS", "Task"]

#: name -> task.
TASKS: Mapping[str, Task] = MappingProxyType({"classify": Classify(), "suggest": Suggest(), "reply": WriteReplies()})
