"""Makes the packages in `tools/` importable, which are not installed."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "tools"))
