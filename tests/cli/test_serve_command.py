"""`supportnet serve`: what it refuses; what it serves is tested in tests/serving/."""

import socket
import sys
from pathlib import Path

import pytest
from shell import Shell


def test_a_folder_that_is_no_model(shell: Shell, tmp_path: Path) -> None:
    assert "is no model: it holds no version" in shell.error("serve", tmp_path, "--rest-port=0", "--grpc-port=0")
    assert "is no model" in shell.error("serve", tmp_path / "x", "--rest-port=0", "--grpc-port=0")


@pytest.mark.parametrize("flag", ["--rest-port", "--grpc-port"])
def test_a_port_in_use(shell: Shell, tiny_export: Path, flag: str) -> None:
    free = {"--rest-port": 0, "--grpc-port": 0}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ports = [f"{name}={number}" for name, number in {**free, flag: port}.items()]
        error = shell.error("serve", tiny_export.parent, *ports)
    assert f"{flag}: 127.0.0.1:{port} can't be listened on" in error


def test_one_of_folder_and_config(shell: Shell, tmp_path: Path) -> None:
    assert "Give either MODEL_DIR or --config FILE." in shell.error("serve")
    assert "Give either MODEL_DIR or --config FILE." in shell.error("serve", tmp_path, "--config", "models.config")
    assert "--name is for MODEL_DIR" in shell.error("serve", "--config", "models.config", "--name", "x")
    assert "--config x.config can't be read" in shell.error("serve", "--config", "x.config")


def test_the_extra_is_missing(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("supportnet.serving.server")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert "`serve` needs uvicorn: pip install 'supportnet[serve]'." in shell.error("serve", tmp_path)
