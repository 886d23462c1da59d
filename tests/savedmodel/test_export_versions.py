"""Versions of an export, and exports that fail."""

import resource
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from supportnet.errors import UserError
from supportnet.serving.saved_models import export
from supportnet.tasks.classify.calibrate import Confidence
from supportnet.tasks.classify.model import IntentClassifier
from supportnet.tasks.classify.serve import ExportedModel


def names(folder: Path) -> list[str]:
    """Everything in a folder, hidden or not."""
    return sorted(path.name for path in folder.iterdir())


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def one_version(tiny_export: Path, tmp_path: Path) -> Path:
    """A model's folder with a version 1."""
    shutil.copytree(tiny_export, tmp_path / "tiny" / "1")
    return tmp_path / "tiny"


def test_the_next_version(tiny_classifier: IntentClassifier, one_version: Path) -> None:
    # Not in the order of the alphabet, and none of the last three is a version.
    for name in ("9", "10", "11-old", ".12", "v13"):
        (one_version / name).mkdir()
    before = names(one_version)
    assert export(tiny_classifier, str(one_version)) == one_version / "11"
    assert names(one_version) == sorted([*before, "11"])
    assert ExportedModel(one_version).path == one_version / "11"


def test_first_version(tiny_export: Path) -> None:
    assert tiny_export.name == "1"
    assert names(tiny_export.parent) == ["1"]


def test_a_model_that_nothing_was_fitted_for(tiny_classifier: IntentClassifier, tmp_path: Path) -> None:
    """Its probabilities are the network's own, every message with a known word is in scope, none is routed."""
    plain = IntentClassifier(tiny_classifier.config, tiny_classifier.vocabulary, tiny_classifier.intents)
    plain.network.set_weights(tiny_classifier.network.get_weights())
    loaded = ExportedModel(export(plain, tmp_path / "tiny"))
    assert loaded.confidence == plain.confidence == Confidence()
    texts = ["refund", "where is my parcel", "hello"]
    answers, fitted = loaded.answers(texts), tiny_classifier.answers(texts)
    assert (answers.in_scope.tolist(), answers.route.tolist()) == ([True, True, False], [False] * 3)
    np.testing.assert_allclose(answers.in_scope_score, fitted.in_scope_score, atol=1e-5)
    assert (fitted.probabilities.max(axis=1) < answers.probabilities.max(axis=1)).all()


def test_a_version_is_refused_or_replaced_whole(tiny_classifier: IntentClassifier, one_version: Path) -> None:
    (one_version / "1" / "of the old version").touch()
    before = contents(one_version)
    with pytest.raises(UserError, match=r"tiny/1 is there already.*--overwrite"):
        export(tiny_classifier, one_version, version=1)
    assert contents(one_version) == before
    export(tiny_classifier, one_version, version=1, overwrite=True)
    assert names(one_version) == ["1"]
    assert "1/of the old version" not in contents(one_version)
    ExportedModel(one_version)


@pytest.mark.parametrize("version", [0, -1, 1.5, True, "1"])
def test_a_version_is_a_positive_whole_number(tiny_classifier: IntentClassifier, tmp_path: Path, version: int) -> None:
    with pytest.raises(UserError, match="version must be"):
        export(tiny_classifier, tmp_path / "tiny", version=version)
    assert names(tmp_path) == []


def test_a_file_in_place_of_the_folder(tiny_classifier: IntentClassifier, tmp_path: Path) -> None:
    (tmp_path / "tiny").write_text("a file")
    with pytest.raises(UserError, match=r"The export to \S+/tiny failed: \w+"):
        export(tiny_classifier, tmp_path / "tiny")
    assert contents(tmp_path) == {"tiny": b"a file"}


def test_a_file_in_place_of_the_version(tiny_classifier: IntentClassifier, tmp_path: Path) -> None:
    (tmp_path / "1").write_text("a file")
    with pytest.raises(UserError, match=r"1 is there already"):
        export(tiny_classifier, tmp_path, version=1)
    with pytest.raises(UserError, match=r"The export to \S+ failed: Not a directory"):
        export(tiny_classifier, tmp_path, version=1, overwrite=True)
    assert contents(tmp_path) == {"1": b"a file"}


@contextmanager
def full_disk(after: int) -> Iterator[None]:
    """Let no file grow beyond some bytes: once the signal is ignored, a write fails as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (after, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("after", [30_000, 100_000], ids=["no room for the variables", "no room for the graph"])
def test_full_disk(tiny_classifier: IntentClassifier, one_version: Path, after: int) -> None:
    """Nothing half-written is left, and the old version stays."""
    before = contents(one_version)
    message = rf"^The export to {one_version} failed: [^{{}}]*File too large\.$"
    with full_disk(after), pytest.raises(UserError, match=message):
        export(tiny_classifier, one_version, version=1, overwrite=True)
    assert names(one_version) == ["1"]
    assert contents(one_version) == before
