"""What all commands share: help, names, errors, warnings, exit codes."""

import io
import subprocess
import sys
import warnings
from pathlib import Path

import click
import pytest
from shell import Shell

import supportnet
from supportnet.cli.main import cli, main

NAMES = [
    *("quickstart", "data", "audit", "pretrain", "weights", "train", "tune", "evaluate", "calibrate", "drift"),
    *("compare", "export", "index", "verify", "predict", "serve"),
]
COMMANDS = [*([name] for name in NAMES), ["data", "list"], ["data", "describe"]]


def test_commands_are_all_here() -> None:
    assert list(cli.commands) == NAMES


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_shows_an_example(shell: Shell, command: list[str]) -> None:
    out, err = shell(*command, "--help")
    assert f"\n  supportnet {' '.join(command)}" in out
    assert err == ""
    assert shell(*command, "-h")[0] == out


def test_every_option_has_help() -> None:
    commands = [cli.commands[name] for name in cli.commands]
    options = [option for command in commands for option in command.params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_without_a_command(shell: Shell) -> None:
    out, err = shell(code=2)
    assert out == ""
    assert err.startswith("Usage: supportnet")


def test_version(shell: Shell) -> None:
    assert shell("--version")[0] == f"supportnet, version {supportnet.__version__}\n"


def test_names_that_are_none(shell: Shell) -> None:
    assert "No such command 'tarin'" in shell.error("tarin")
    assert "No such option '--dta'" in shell.error("train", "--dta", "x").replace(": --dta", " '--dta'")
    assert "Missing option '--out'" in shell.error("train", "--data", "sample")
    assert "Missing argument" in shell.error("evaluate", "--data", "sample")
    assert "No such command 'lost'" in shell.error("data", "lost")


def test_hyphens_and_underscores(shell: Shell, tmp_path: Path) -> None:
    with_hyphen = shell.error("data", "describe", "banking77", "--data-dir", tmp_path)
    assert shell.error("data", "describe", "banking77", "--data_dir", tmp_path) == with_hyphen
    # Values keep theirs.
    assert "data_set-1" in shell.error("train", "--data", "data_set-1", "--out", tmp_path)


def test_files_that_cannot_be_read(shell: Shell, tmp_path: Path) -> None:
    """What the file system says is a user's error as well."""
    assert "supportnet: error: " in shell.error("data", "describe", tmp_path)
    assert "File name too long" in shell.error("evaluate", "x" * 5000, "--data", "sample")


def test_warnings(capsys: pytest.CaptureFixture[str], shell: Shell) -> None:
    """A user's is one line; a library's to its developers is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        shell("--version")
        warnings.warn("two\nlines", stacklevel=1)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert capsys.readouterr().err == "supportnet: warning: two lines\n"


def test_terminal_that_cannot_show_every_script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "退款.csv"
    path.write_text("text,intent\nhello,greet\n")
    screen = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", screen)
    with pytest.raises(SystemExit) as exit_:
        main(["data", "describe", str(path)])
    assert exit_.value.code == 0
    screen.flush()
    assert b"\\u9000\\u6b3e.csv" in screen.buffer.getvalue()  # type: ignore[attr-defined]


def test_process() -> None:
    """A process of its own, from any folder; what isn't asked for isn't loaded."""
    code = (
        "import sys; from supportnet.cli import main\ntry: main(['-h'])\nfinally: print(*sys.modules, file=sys.stderr)"
    )
    root = Path(supportnet.__file__).parents[1]
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert process.stdout.startswith("Usage: supportnet")
    assert not {"tensorflow", "keras", "sklearn", "nltk"} & set(process.stderr.split())


def test_reader_that_leaves() -> None:
    """`supportnet data list | head -1` ends without a traceback."""
    command = f"{sys.executable} -m supportnet data describe sample | true"
    process = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, cwd=Path(supportnet.__file__).parents[1]
    )
    assert process.stderr == ""
