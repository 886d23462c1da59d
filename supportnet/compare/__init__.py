"""Compare architectures, and what a user would pick instead: fairly, repeatably, with a report.

plan -> runs, each in a process of its own and kept in a file by a hash of its inputs -> results.json -> report.html
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from supportnet.compare.charts import draw_attention, gradient_chart
    from supportnet.compare.comparison import compare
    from supportnet.compare.inspection import attention_maps, gradient_norms
    from supportnet.compare.messages import prepare
    from supportnet.compare.plan import Plan, load_plan
    from supportnet.compare.table import difference_lines, tables

__all__ = [
    "Plan",
    "attention_maps",
    "compare",
    "difference_lines",
    "draw_attention",
    "gradient_chart",
    "gradient_norms",
    "load_plan",
    "prepare",
    "tables",
]

#: module -> its names, which are imported when they are first used: TensorFlow takes seconds.
_MODULES = {
    "supportnet.compare.charts": ("draw_attention", "gradient_chart"),
    "supportnet.compare.comparison": ("compare",),
    "supportnet.compare.inspection": ("attention_maps", "gradient_norms"),
    "supportnet.compare.messages": ("prepare",),
    "supportnet.compare.plan": ("Plan", "load_plan"),
    "supportnet.compare.table": ("difference_lines", "tables"),
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'supportnet.compare' has no attribute {name!r}")
