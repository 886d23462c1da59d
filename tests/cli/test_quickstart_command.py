"""`supportnet quickstart` on a part of the sample; `.ci/run` runs the whole of it in a tier of its own."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from shell import Shell

from supportnet.data import TicketDataset, load
from supportnet.tasks import NAMES
from supportnet.tasks.classify.serve import ExportedModel


@pytest.mark.slow
def test_quickstart(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load_a_part(name: str) -> TicketDataset:
        whole = load(name)
        return replace(whole, splits={split: tickets[::8] for split, tickets in whole.splits.items()})

    monkeypatch.setattr("supportnet.data.load", load_a_part)
    answer: dict[str, Any] = shell.json("quickstart", "--epochs", 1, "--out", tmp_path)
    scores = {"accuracy", "macro_f1", "num_examples", "coverage_at_precision", "precision_at_threshold"}
    scores |= {"recall_at_1", "recall_at_5", "bleu", "rouge_l", "handoff_rate", "attributes"}
    assert set(answer) == {"runs", "model", "predictions", "seconds", *scores}
    assert answer["accuracy"] > 0.5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs", "saved_models"]
    runs = sorted(Path(answer["runs"]).iterdir())
    assert [run.name for run in runs] == sorted(NAMES)
    assert all((run / "metrics.json").exists() for run in runs)
    assert answer["model"] == str(tmp_path / "saved_models/quickstart/1")

    model = ExportedModel(answer["model"])
    assert model.intents == load("sample").intents
    assert [task for task in NAMES if model.part(task) is not None] == list(NAMES)
    texts = [prediction["text"] for prediction in answer["predictions"]]
    assert [found.intent for found in model.classify(texts)] == [found["intent"] for found in answer["predictions"]]
    suggested = model.run("suggest", texts)["suggestions"][:, 0]
    assert [text.decode() for text in suggested] == [found["suggestion"] for found in answer["predictions"]]
