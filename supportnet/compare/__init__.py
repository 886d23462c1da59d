"""Compare architectures, and what a user would pick instead: fairly, repeatably, with a report.

plan -> runs, each in a process of its own and kept in a file by a hash of its inputs -> results.json -> report.html
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from supportnet.compare.attention import attention_maps
    from supportnet.compare.comparison import compare
    from supportnet.compare.gradients import gradient_norms
    from supportnet.compare.messages import prepare
    from supportnet.compare.plan import Plan, load_plan
    from supportnet.compare.report.attention_charts import draw_attention
    from supportnet.compare.report.study_charts import gradient_chart
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

#: name -> its module. It is imported when it is first used: TensorFlow takes seconds.
_MODULES = {
    "Plan": "supportnet.compare.plan",
    "attention_maps": "supportnet.compare.attention",
    "compare": "supportnet.compare.comparison",
    "difference_lines": "supportnet.compare.table",
    "draw_attention": "supportnet.compare.report.attention_charts",
    "gradient_chart": "supportnet.compare.report.study_charts",
    "gradient_norms": "supportnet.compare.gradients",
    "load_plan": "supportnet.compare.plan",
    "prepare": "supportnet.compare.messages",
    "tables": "supportnet.compare.table",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'supportnet.compare' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
