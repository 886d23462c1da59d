"""The notebooks: what is committed is whole and small, and each runs from top to bottom in an empty folder."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)

#: Notebook -> files that it leaves, the last ones that it writes.
LEAVES = {
    "1_quickstart_on_your_own_csv": ["quickstart/tickets.csv", "quickstart/saved_models/tickets/1/saved_model.pb"],
    "2_the_article_section_by_section": ["article/three_words.vec"],
    "3_recurrent_or_transformer": ["comparison/report.html", "comparison/gradients.png"],
    "4_embeddings_and_pretraining": ["few_labels/encoder/weights.weights.h5", "few_labels/few_labels.png"],
    "5_attention_and_errors": ["errors/most_confident.csv"],
    "6_from_savedmodel_to_tensorflow_serving": [f"serving/saved_models/support/{v}/saved_model.pb" for v in (1, 2)],
}
#: What they import of the package: nothing that isn't exported by one of these.
MODULES = {"supportnet", "supportnet.compare", "supportnet.layers", "supportnet.serving", "supportnet.tasks"}
#: Of a notebook with its outputs.
MOST_BYTES = 220_000
MACHINE_PATHS = re.compile(r"(?<![\w./])(?:/(?:home|root|tmp|usr|opt|var|mnt|Users)/|[A-Z]:\\)")


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def texts(notebook: Any) -> Iterator[str]:
    """What a reader sees of a notebook, but for its pictures."""
    for cell in notebook.cells:
        yield cell.source
        for output in cell.get("outputs", []):
            yield output.get("text", "")
            yield from (str(value) for kind, value in output.get("data", {}).items() if kind.startswith("text/"))


def check_outputs(notebook: Any) -> None:
    """All cells have run, one after the other, with something to see and without noise."""
    cells = code_cells(notebook)
    outputs = [output for cell in cells for output in cell.outputs]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"] == []
    assert sum(bool(cell.outputs) for cell in cells) > len(cells) / 2


def test_all_are_there_and_named_in_the_readme() -> None:
    assert [path.stem for path in NOTEBOOKS] == list(LEAVES)
    readme = (ROOT / "README.md").read_text("utf-8")
    assert [path.name for path in NOTEBOOKS if f"(notebooks/{path.name})" not in readme] == []


def test_they_import_from_few_modules() -> None:
    code = "\n".join(cell.source for path in NOTEBOOKS for cell in code_cells(nbformat.read(path, as_version=4)))
    assert set(re.findall(r"^\s*(?:from|import) (supportnet[\w.]*)", code, flags=re.MULTILINE)) == MODULES


@each_notebook
def test_what_is_committed(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    check_outputs(notebook)
    assert path.stat().st_size <= MOST_BYTES
    assert [found.group() for text in texts(notebook) for found in MACHINE_PATHS.finditer(text)] == []


@pytest.mark.slow
@each_notebook
def test_it_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The kernel of this environment, whatever other ones the user has.
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    notebook = nbformat.read(path, as_version=4)
    for cell in code_cells(notebook):
        cell.update(outputs=[], execution_count=None)
    place = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=1200, kernel_name="python3", resources=place).execute()
    check_outputs(notebook)
    assert [name for name in LEAVES[path.stem] if not (tmp_path / name).exists()] == []
