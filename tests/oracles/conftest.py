"""`--write-golden` writes what the oracles say into tests/golden, which the fast tests check."""

from collections.abc import Callable
from typing import Any

import pytest
from golden_cases import write_golden


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-golden", action="store_true", help="write the oracles' answers into tests/golden")


@pytest.fixture
def keep(request: pytest.FixtureRequest) -> Callable[[str, dict[str, Any]], None]:
    """Write a golden file, if that is asked for."""
    return write_golden if request.config.getoption("--write-golden") else lambda name, content: None
