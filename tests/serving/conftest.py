"""One small suggestion model, one that writes replies, and an export of each, which the tests of this folder share."""

from pathlib import Path

import pytest
from small_replier import make_replier
from small_suggester import ANSWERS, make_suggester

from supportnet.data.bank import Bank
from supportnet.models.handoff import Handoff
from supportnet.models.replier import Replier
from supportnet.models.suggester import Suggester
from supportnet.serving.export import export
from supportnet.serving.index import index


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


@pytest.fixture(scope="session")
def tiny_replier() -> Replier:
    """A model with a recurrent encoder and decoder; don't change it."""
    return make_replier("bilstm_attention", Handoff(-1.5, target=0.8, quality=0.85, rate=0.4, num_replies=60))


@pytest.fixture(scope="session")
def tiny_replies(tiny_replier: Replier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of version 1 of `tiny_replier`, greedy; don't change it."""
    return export(tiny_replier, tmp_path_factory.mktemp("replies") / "tiny")
