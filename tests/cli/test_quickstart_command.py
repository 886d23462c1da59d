"""`supportnet quickstart`, for real: a process of its own, the whole sample, one epoch of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import supportnet
from supportnet.data import load
from supportnet.tasks import NAMES
from supportnet.tasks.classify.serve import ExportedModel


@pytest.mark.slow
def test_quickstart(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "supportnet", "quickstart", "--epochs", "1", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(Path(supportnet.__file__).parents[1])}
    process = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
    assert process.returncode == 0, process.stderr
    answer = json.loads(process.stdout)
    scores = {"accuracy", "macro_f1", "num_examples", "coverage_at_precision", "precision_at_threshold"}
    scores |= {"recall_at_1", "recall_at_5", "bleu", "rouge_l", "handoff_rate", "attributes"}
    assert set(answer) == {"runs", "model", "predictions", "seconds", *scores}
    assert answer["accuracy"] > 0.5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs", "saved_models"]
    runs = sorted((tmp_path / answer["runs"]).iterdir())
    assert [run.name for run in runs] == sorted(NAMES)
    assert all((run / "metrics.json").exists() for run in runs)
    assert answer["model"] == "saved_models/quickstart/1"

    model = ExportedModel(tmp_path / answer["model"])
    assert model.intents == load("sample").intents
    assert [task for task in NAMES if model.part(task) is not None] == list(NAMES)
    texts = [prediction["text"] for prediction in answer["predictions"]]
    assert [found.intent for found in model.classify(texts)] == [found["intent"] for found in answer["predictions"]]
    suggested = model.run("suggest", texts)["suggestions"][:, 0]
    assert [text.decode() for text in suggested] == [found["suggestion"] for found in answer["predictions"]]
