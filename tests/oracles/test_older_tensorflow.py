"""Exports of today's TensorFlow, loaded by older ones in processes that can import neither supportnet nor Keras."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_replier import make_replier
from small_suggester import ANSWERS, make_suggester

from supportnet.data.bank import Bank
from supportnet.savedmodel.signatures import read_warmup
from supportnet.serving import export, index
from supportnet.tasks import IntentClassifier

SERVING = Path(__file__).parents[1] / "serving"
READER = SERVING / "reader.py"


@pytest.fixture(scope="module")
def exports(tiny_classifier: IntentClassifier, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One export of each task, with random weights."""
    folder = tmp_path_factory.mktemp("exports")
    bank = Bank("tiny bank", ANSWERS, licence="CC0-1.0")
    return {
        "classify": export(tiny_classifier, folder / "classify"),
        "suggest": index(make_suggester(["track", "refund", "cancel"]), bank, folder / "suggest"),
        "reply": export(make_replier("transformer"), folder / "reply"),
    }


@pytest.fixture(scope="module", params=["2.18", "2.20"])
def older_python(request: pytest.FixtureRequest) -> Path:
    """A Python with an older TensorFlow, kept in pytest's cache."""
    if request.param == "2.18" and sys.version_info >= (3, 13):
        pytest.skip("TensorFlow 2.18 has no wheel for Python 3.13")
    folder = request.config.cache.mkdir(f"tensorflow-{request.param}")
    python = Path(folder) / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", f"tensorflow-cpu=={request.param}.*"], check=True)
    return python


def ask(python: Path | str, folder: Path, requests: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Ask an export in a fresh process, as `tests/serving/reader.py` describes it."""
    encoded = [(name, {key: _encoded(values) for key, values in inputs.items()}) for name, inputs in requests]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [python, READER, "tf2", folder],
        input=json.dumps([encoded]),
        capture_output=True,
        text=True,
        cwd="/",
        env=environment | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout)[0])


def _encoded(values: np.ndarray) -> tuple[str, list[Any]]:
    if values.dtype == object:
        return "object", [base64.b64encode(text).decode() for text in values.tolist()]
    return values.dtype.name, values.tolist()


@pytest.mark.parametrize("task", ["classify", "suggest", "reply"])
def test_same_answers_to_the_warmup(task: str, exports: dict[str, Path], older_python: Path) -> None:
    import tensorflow as tf

    requests = list(read_warmup(exports[task]))
    assert {name for name, _ in requests} == set(tf.saved_model.load(str(exports[task])).signatures)
    today, older = (ask(python, exports[task], requests) for python in (sys.executable, older_python))
    largest = 0.0
    for (name, _), ours, theirs in zip(requests, today, older, strict=True):
        assert set(ours) == set(theirs)
        for output, expected in ours.items():
            assert theirs[output]["shape"] == expected["shape"]
            values, wanted = np.array(theirs[output]["values"]), np.array(expected["values"])
            if wanted.dtype.kind == "f":
                np.testing.assert_allclose(values, wanted, rtol=1e-4, atol=1e-5, err_msg=f"{name}, {output}")
                largest = max(largest, float(abs(values - wanted).max(initial=0)))
            else:
                assert values.tolist() == wanted.tolist(), f"{name}, {output}"
    print(f"{task}: {len(requests)} requests, largest difference {largest:.2g}")
