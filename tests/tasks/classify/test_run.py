"""A run folder is read back whole, or the file at fault is named."""

import json
import shutil
from pathlib import Path

import pytest

from supportnet.errors import UserError
from supportnet.tasks.train import Trained, load
from supportnet.training.run_folder import is_run

FILES = ["config.json", "vocabulary.txt", "intents.json", "confidence.json", "weights.weights.h5"]


@pytest.fixture
def run(finished: tuple[Path, Trained], tmp_path: Path) -> Path:
    """A copy of the finished run's model, to damage."""
    for name in FILES:
        shutil.copy(finished[0] / name, tmp_path)
    return tmp_path


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no run folder at .*nowhere"):
        load(tmp_path / "nowhere", "classify")


@pytest.mark.parametrize("name", FILES)
def test_missing_file(run: Path, name: str) -> None:
    (run / name).unlink()
    assert is_run(run)
    with pytest.raises(UserError, match=rf"{name} is missing"):
        load(run, "classify")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.97])
def test_truncated_file(run: Path, name: str, share: float) -> None:
    content = (run / name).read_bytes()
    (run / name).write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UserError, match=rf"{name}"):
        load(run, "classify")


@pytest.mark.parametrize("name", FILES)
def test_file_of_other_content(run: Path, name: str) -> None:
    (run / name).write_bytes(b"\xff\xfe garbage \n")
    with pytest.raises(UserError, match=rf"{name}"):
        load(run, "classify")


def test_interrupted_run(run: Path) -> None:
    (run / "weights.weights.h5").unlink()
    with pytest.raises(UserError, match="the training hasn't finished, go on with --resume"):
        load(run, "classify")


@pytest.mark.parametrize("intents", ["refund", [], [1, 2, 3, 4], ["a", "a", "b", "c"]])
def test_intents_that_are_none(run: Path, intents: object) -> None:
    (run / "intents.json").write_text(json.dumps(intents))
    with pytest.raises(UserError, match=r"intents\.json is damaged: it must hold a list of distinct names"):
        load(run, "classify")


def test_parts_that_do_not_belong_together(run: Path) -> None:
    """A file that lost whole lines is well-formed still."""
    vocabulary = (run / "vocabulary.txt").read_text().splitlines(keepends=True)
    (run / "vocabulary.txt").write_text("".join(vocabulary[:-2]))
    with pytest.raises(UserError, match=r"doesn't belong to config\.json, vocabulary\.txt and intents\.json"):
        load(run, "classify")


@pytest.mark.parametrize("change", [{"architecture": "crystal_ball"}, {"num_heads": 3}, {"colour": "red"}])
def test_configuration_that_makes_no_network(run: Path, change: dict[str, object]) -> None:
    config = json.loads((run / "config.json").read_text())
    config["network"].update(change)
    (run / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=rf"config\.json is damaged or .*{next(iter(change))}"):
        load(run, "classify")
