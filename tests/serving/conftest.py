"""One small suggestion model and one export of it, which the tests of this folder share."""

from pathlib import Path

import pytest
from small_suggester import ANSWERS, make_suggester

from supportnet.data.bank import Bank
from supportnet.models.suggester import Suggester
from supportnet.serving.suggestions import index


@pytest.fixture(scope="session")
def tiny_suggester() -> Suggester:
    """A model that knows labels; don't change it."""
    return make_suggester(["track", "refund", "cancel"])


@pytest.fixture(scope="session")
def tiny_bank() -> Bank:
    """Answers with tags, languages, uses, a title and a near-duplicate."""
    return Bank("tiny bank", ANSWERS, licence="CC0-1.0")


@pytest.fixture(scope="session")
def tiny_suggestions(tiny_suggester: Suggester, tiny_bank: Bank, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of version 1 of `tiny_suggester` with `tiny_bank` inside; don't change it."""
    return index(tiny_suggester, tiny_bank, tmp_path_factory.mktemp("suggestions") / "tiny")
