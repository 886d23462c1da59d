"""`supportnet export`: from a run folder to a version that `predict` takes."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from supportnet.cli.main import main
from supportnet.tasks.classify.model import IntentClassifier
from supportnet.tasks.classify.serve import ExportedModel
from supportnet.tasks.train import save
from supportnet.training.run_folder import begin

SIGNATURES = ["classify", "classify_examples", "embed", "redact", "serving_default"]


@pytest.fixture(scope="module")
def run_folder(tiny_classifier: IntentClassifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `supportnet train` leaves that the export needs."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    begin(folder, {"task": "classify", "network": asdict(tiny_classifier.config)})
    save(folder, tiny_classifier)
    return folder


def export(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> tuple[str, str]:
    with pytest.raises(SystemExit) as exit_:
        main(["export", *map(str, arguments)])
    captured = capsys.readouterr()
    assert exit_.value.code == code, captured
    return captured.out, captured.err


def test_export(
    capsys: pytest.CaptureFixture[str], run_folder: Path, tiny_classifier: IntentClassifier, tmp_path: Path
) -> None:
    out = tmp_path / "saved_models" / "tiny"
    assert export(capsys, run_folder, out)[0] == f"wrote {out}/1\n"
    np.testing.assert_allclose(ExportedModel(out).embed(["hello"]), tiny_classifier.embed(["hello"]), atol=1e-5)
    answer = json.loads(export(capsys, run_folder, out, "--version", 7, "--json")[0])
    assert answer == {"model": f"{out}/7", "version": 7, "signatures": SIGNATURES}
    error = export(capsys, run_folder, out, "--version", 7, code=2)[1]
    assert error == (
        f"supportnet: error: {out}/7 is there already: choose another version, or overwrite it (--overwrite).\n"
    )
    assert export(capsys, run_folder, out, "--version", 7, "--overwrite")[0] == f"wrote {out}/7\n"
    assert sorted(path.name for path in out.iterdir()) == ["1", "7"]


def test_what_cannot_be_exported(capsys: pytest.CaptureFixture[str], run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for arguments, message in (
        ([tmp_path / "missing", tmp_path / "out"], f"no run folder at {tmp_path}/missing"),
        ([run_folder, tmp_path / "out", "--version", 0], "--version"),
        ([run_folder, tmp_path / "file"], f"The export to {tmp_path}/file failed: "),
    ):
        out, error = export(capsys, *arguments, code=2)
        assert out == ""
        assert message in error
        assert error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
