"""Compare architectures, and what a user would pick instead: fairly, repeatably, with a report.

plan -> runs, each in a process of its own and kept in a file by a hash of its inputs -> results.json -> report.html
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from supportnet.compare.attention import attention_maps
    from supportnet.compare.comparison import compare
    from supportnet.compare.gradients import gradient_norms
    from supportnet.compare.plan import Plan, load_plan

__all__ = ["Plan", "attention_maps", "compare", "gradient_norms", "load_plan"]

#: name -> its module. It is imported when it is first used: TensorFlow takes seconds.
_MODULES = {
    "Plan": "supportnet.compare.plan",
    "attention_maps": "supportnet.compare.attention",
    "compare": "supportnet.compare.comparison",
    "gradient_norms": "supportnet.compare.gradients",
    "load_plan": "supportnet.compare.plan",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'supportnet.compare' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
