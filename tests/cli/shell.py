"""The command line without a process of its own."""

import json
from typing import Any

import pytest

from supportnet.cli.main import main


class Shell:
    """Runs commands in this process and keeps what they print."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: object, code: int = 0) -> tuple[str, str]:
        with pytest.raises(SystemExit) as exit_:
            main([str(argument) for argument in arguments])
        captured = self.capsys.readouterr()
        assert exit_.value.code == code, captured
        return captured.out, captured.err

    def json(self, *arguments: object) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self(*arguments, "--json")[0])
        return value

    def error(self, *arguments: object) -> str:
        """Return the one line that a user's mistake prints."""
        out, err = self(*arguments, code=2)
        assert out == ""
        assert err.startswith("supportnet: error: ")
        assert err.count("\n") == 1
        return err
