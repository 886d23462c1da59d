"""`supportnet quickstart`, for real: a process of its own, the whole sample, one epoch of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import supportnet
from supportnet.data import load
from supportnet.models.exported_model import ExportedModel


def test_quickstart(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "supportnet", "quickstart", "--epochs", "1", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(Path(supportnet.__file__).parents[1])}
    process = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
    assert process.returncode == 0, process.stderr
    answer = json.loads(process.stdout)
    keys = {"run", "model", "accuracy", "macro_f1", "num_examples", "predictions", "seconds"}
    assert set(answer) == keys | {"coverage_at_precision", "precision_at_threshold"}
    assert answer["accuracy"] > 0.5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs", "saved_models"]
    assert (tmp_path / answer["run"] / "metrics.json").exists()
    assert answer["model"] == "saved_models/quickstart/1"

    model = ExportedModel(tmp_path / answer["model"])
    assert model.intents == load("sample").intents
    texts = [prediction["text"] for prediction in answer["predictions"]]
    assert [found.intent for found in model.classify(texts)] == [found["intent"] for found in answer["predictions"]]
