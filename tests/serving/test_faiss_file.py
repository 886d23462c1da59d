"""The rows of a bank in a FAISS file: the same answers in the same order."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from small_suggester import TEXTS

from supportnet.errors import UserError
from supportnet.serving.saved_models import write_faiss
from supportnet.tasks.suggest.serve import ExportedSuggester


def test_the_same_order(tiny_suggestions: Path, tmp_path: Path) -> None:
    faiss = pytest.importorskip("faiss")
    model = ExportedSuggester(tiny_suggestions)
    write_faiss(model, tmp_path / "tiny.faiss")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny.faiss", "tiny.faiss.ids.json"]
    ids = json.loads((tmp_path / "tiny.faiss.ids.json").read_text())
    assert ids == [answer_id.decode() for answer_id in model.bank.ids.numpy()]
    queries, suggested = model.run("embed_message", TEXTS)["embedding"], model.run("suggest", TEXTS)
    logits, rows = faiss.read_index(str(tmp_path / "tiny.faiss")).search(queries, 10)
    assert np.array(ids)[rows].tolist() == [[i.decode() for i in row] for row in suggested["suggestion_ids"].tolist()]
    np.testing.assert_allclose(logits, -np.sort(-queries @ model.bank.columns.numpy(), axis=1)[:, :10], atol=1e-5)


def test_without_faiss(tiny_suggestions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(UserError, match=r"--faiss.*pip install 'supportnet\[faiss\]'"):
        write_faiss(ExportedSuggester(tiny_suggestions), tmp_path / "tiny.faiss")
    assert list(tmp_path.iterdir()) == []
