"""What the README shows is run as it stands there, but for the number of epochs.

The block that trains a model to write replies (`py`, not `python`) is left out: it takes a minute, and its calls are
those of `training/test_train_replier.py`.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_python_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One after the other in one namespace, as in a notebook."""
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {}
    assert BLOCKS
    for block in BLOCKS:
        exec(re.sub(r"epochs=\d+", "epochs=1", block), namespace)
    assert capsys.readouterr().out.count("Classification(") == 2
    assert (tmp_path / "saved_models" / "support" / "1" / "saved_model.pb").exists()


def test_ci_runs_the_two_commands() -> None:
    commands = re.findall(r"^python3 -m venv .*$", README.read_text("utf-8"), flags=re.MULTILINE)
    script = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    assert len(commands) == 2
    assert set(commands) <= set(script)


def test_figures_are_the_committed_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """`python benchmarks/intents.py --table` prints the table that stands there."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from intent_results import table

    results = json.loads((ROOT / "benchmarks" / "results" / "intents.json").read_text("utf-8"))
    assert f"\n{table(results)}\n\n" in README.read_text("utf-8")


def test_figures_of_few_labels_are_the_committed_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """`python benchmarks/embeddings.py --table` prints the table that stands there, under the name of the data."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from embeddings import table

    summary = json.loads((ROOT / "benchmarks" / "results" / "embeddings.json").read_text("utf-8"))["summary"]
    _, _, *lines = table(summary).splitlines()
    assert "\n".join(lines).strip() in README.read_text("utf-8")


def test_figures_of_suggestions_are_the_committed_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """`python benchmarks/suggestions.py --table` prints the tables that stand there."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from suggestions import tables

    runs = json.loads((ROOT / "benchmarks" / "results" / "suggestions.json").read_text("utf-8"))["runs"]
    assert tables(runs) in README.read_text("utf-8")


def test_figures_of_replies_are_the_committed_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """`python benchmarks/replies.py --table` prints the tables that stand there."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from replies import tables

    runs = json.loads((ROOT / "benchmarks" / "results" / "replies.json").read_text("utf-8"))["runs"]
    assert tables(runs) in README.read_text("utf-8")


def test_figures_of_the_comparison_are_the_committed_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """`python benchmarks/comparison.py --readme` puts the tables there."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from comparison import PLACE, with_tables

    results = json.loads((ROOT / "benchmarks" / "results" / "comparison.json").read_text("utf-8"))
    readme = README.read_text("utf-8")
    assert PLACE.search(readme)
    assert with_tables(readme, results) == readme


def test_figures_of_serving_are_the_committed_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """`python benchmarks/serving.py --table` prints the tables that stand there."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from serving_tables import tables

    results = json.loads((ROOT / "benchmarks" / "results" / "serving.json").read_text("utf-8"))
    assert tables(results) in README.read_text("utf-8")
