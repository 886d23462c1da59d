"""How many random cases a test draws: a few in a tier, any number in a campaign (see benchmarks/README.md)."""

import os
from typing import Any

from hypothesis import settings


def scaled(number: int) -> int:
    """Return a number of cases: as it is, or as many times as SUPPORTNET_CAMPAIGN says."""
    return number * int(os.environ.get("SUPPORTNET_CAMPAIGN", "1"))


def fuzz(examples: int, **options: Any) -> settings:
    """Return Hypothesis' settings for so many examples, `scaled`; none is too slow."""
    return settings(max_examples=scaled(examples), deadline=None, **options)
