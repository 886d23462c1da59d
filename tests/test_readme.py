"""What the README shows is run as it stands there, but for the number of epochs."""

import re
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def test_python_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One after the other in one namespace, as in a notebook."""
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {}
    assert BLOCKS
    for block in BLOCKS:
        exec(re.sub(r"epochs=\d+", "epochs=1", block), namespace)
    assert capsys.readouterr().out.count("Classification(") == 2
    assert (tmp_path / "saved_models" / "support" / "1" / "saved_model.pb").exists()
