"""One small suggestion model, one that writes replies, and an export of each, which the tests of this folder share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from served import Served, serving
from small_replier import make_replier
from small_suggester import ANSWERS, make_suggester
from toy_model import write_toy

from supportnet.data.bank import Bank
from supportnet.serving.saved_models import export, index
from supportnet.tasks.reply.calibrate import Handoff
from supportnet.tasks.reply.model import Replier
from supportnet.tasks.suggest.model import Suggester


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


@pytest.fixture(scope="session")
def toy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the toy model, with versions 1 and 2; don't change it."""
    folder = tmp_path_factory.mktemp("toys") / "toy"
    for version in (1, 2):
        write_toy(folder, version)
    return folder


@pytest.fixture(scope="session")
def toy_config(toy_folder: Path) -> Path:
    """A models.config that serves both versions of the toy, labelled, and the newest one as `newest`."""
    path = toy_folder.parent / "models.config"
    policy = "model_version_policy { all {} }"
    labels = " ".join(f'version_labels {{ key: "{name}" value: {n} }}' for name, n in (("stable", 1), ("canary", 2)))
    models = [("toy", f"{policy} {labels}"), ("newest", "")]
    lines = [
        f'config {{ name: "{name}" base_path: "{toy_folder}" model_platform: "tensorflow" {more} }}'
        for name, more in models
    ]
    path.write_text("model_config_list {" + "\n".join(lines) + "}")
    return path


@pytest.fixture(scope="session")
def toy_server(toy_config: Path) -> Iterator[Served]:
    """The stand-in, which serves the toy; don't change its folder."""
    with serving("--config", toy_config) as served:
        yield served
