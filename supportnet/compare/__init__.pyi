"""What `supportnet.compare` exports, each name with its module: `__init__.py` and type checkers read it here."""

from .charts import draw_attention as draw_attention
from .charts import gradient_chart as gradient_chart
from .comparison import compare as compare
from .inspection import attention_maps as attention_maps
from .inspection import gradient_norms as gradient_norms
from .messages import prepare as prepare
from .plan import Plan as Plan
from .plan import load_plan as load_plan
from .table import difference_lines as difference_lines
from .table import tables as tables
