"""An export answers as the trained model does where neither supportnet nor keras is: three proofs, each in a process.

None of them is TensorFlow Serving; the third goes through the loader that the server uses.
"""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reader import as_json

from supportnet.savedmodel.load import SavedModel
from supportnet.serving.verify.running_checks import CRuntime, Request
from supportnet.serving.verify.static_checks import SavedModelFiles
from supportnet.tasks.classify.model import IntentClassifier
from supportnet.tasks.suggest.serve import ExportedSuggester

READER = Path(__file__).parent / "reader.py"

#: In `bytes`, because not all of it is Unicode. The model reads invalid bytes as U+FFFD each.
BATCH = [
    b"Where is my parcel?",
    b"",
    "我要退款, s'il vous plaît 👍🏽".encode(),
    b"caf\xe9 \xff\xfe order 123456",
    b"a\x00b",
    b"refund ann@example.com " * 45_000,
]
REQUESTS: list[tuple[str, list[bytes]]] = [
    ("classify", BATCH),
    ("embed", BATCH),
    ("serving_default", BATCH[:1]),
    ("classify", [b""]),
    ("classify", []),
    ("embed", []),
]


def ask(how: str, folder: Path, requests: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Ask `reader.py`, or TensorFlow's C API, in a process whose path holds nothing of this repository."""
    if how == "c_api":
        with CRuntime(SavedModelFiles(folder)) as runtime:
            answers = runtime.ask([Request(signature, as_arrays(inputs)) for signature, inputs in requests])
        return [{name: as_json(values) for name, values in answer.outputs.items()} for answer in answers]
    encoded = [(signature, {name: encode(inputs[name]) for name in inputs}) for signature, inputs in requests]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = subprocess.run(
        [sys.executable, READER, how, folder],
        input=json.dumps(encoded),
        capture_output=True,
        text=True,
        cwd="/",
        env=environment | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        timeout=120,
    )
    assert process.returncode == 0, process.stderr
    return list(json.loads(process.stdout))


def as_arrays(inputs: dict[str, Any]) -> dict[str, np.ndarray]:
    return {
        name: values if isinstance(values, np.ndarray) else np.array(values, object) for name, values in inputs.items()
    }


def encode(values: list[bytes] | np.ndarray) -> tuple[str, list[Any]]:
    """Write an input as `reader.py` reads it: its dtype and its values."""
    if isinstance(values, np.ndarray):
        return values.dtype.name, values.tolist()
    return "object", [base64.b64encode(text).decode() for text in values]


def as_array(output: dict[str, Any]) -> np.ndarray:
    return np.array(output["values"]).reshape(output["shape"])


def assert_same_scores(answer: dict[str, Any], model: IntentClassifier, texts: list[str]) -> None:
    intents, scores = as_array(answer["intents"]), as_array(answer["intent_scores"])
    columns = np.array([[model.intents.index(name) for name in row] for row in intents], int).reshape(scores.shape)
    np.testing.assert_allclose(scores, np.take_along_axis(model.probabilities(texts), columns, 1), atol=1e-5)
    assert (np.diff(scores, axis=1) <= 0).all()
    expected = model.answers(texts)
    for name in ("in_scope", "route"):
        assert as_array(answer[name]).tolist() == getattr(expected, name).tolist()
    for name in ("in_scope_score", "route_score", "coverage"):
        np.testing.assert_allclose(as_array(answer[name]), getattr(expected, name), atol=1e-5)


@pytest.mark.parametrize("how", ["tf2", "tf1", "c_api"])
def test_same_answers(how: str, tiny_classifier: IntentClassifier, tiny_export: Path) -> None:
    answers = ask(how, tiny_export, [(signature, {"text": texts}) for signature, texts in REQUESTS])
    for (signature, texts), answer in zip(REQUESTS, answers, strict=True):
        as_text = [text.decode("utf-8", "replace") for text in texts]
        if signature == "embed":
            expected = tiny_classifier.embed(as_text)
            np.testing.assert_allclose(as_array(answer["embedding"]), expected, atol=1e-5)
        else:
            assert answer["intents"]["shape"] == [len(texts), len(tiny_classifier.intents)]
            assert_same_scores(answer, tiny_classifier, as_text)


@pytest.mark.parametrize("how", ["tf2", "tf1", "c_api"])
def test_same_suggestions(how: str, tiny_suggestions: Path) -> None:
    """As the export has them here, where test_suggestions.py compares them with the trained model's."""
    tags = [b"money", b"", "\U0001f44d".encode(), b"en", b"\xff", b"phone"]
    requests = [
        ("suggest", {"text": BATCH}),
        ("suggest_filtered", {"text": BATCH, "tag": tags}),
        ("embed", {"text": BATCH}),
        ("embed_answer", {"text": BATCH}),
        ("suggest", {"text": []}),
        ("suggest_filtered", {"text": [], "tag": []}),
        ("serving_default", {"text": BATCH[:1]}),
    ]
    model = ExportedSuggester(tiny_suggestions)
    for (signature, inputs), answer in zip(requests, ask(how, tiny_suggestions, requests), strict=True):
        texts = {name: [text.decode("utf-8", "replace") for text in values] for name, values in inputs.items()}
        expected = model.run(signature, texts.pop("text"), **texts)
        assert set(answer) == set(expected)
        for name, values in expected.items():
            if values.dtype == object:
                assert as_array(answer[name]).tolist() == [[text.decode() for text in row] for row in values.tolist()]
            else:
                assert answer[name]["shape"] == list(values.shape)
                np.testing.assert_allclose(as_array(answer[name]), values, atol=1e-5)


@pytest.mark.parametrize("how", ["tf2", "tf1", "c_api"])
def test_same_replies(how: str, tiny_replies: Path) -> None:
    """As the export has them here, where test_replies.py compares them with the trained model's."""
    options = {
        "temperature": np.array([1.0, 0.7, 0.0, 1.5, 1.0, 2.0], "float32"),
        "top_p": np.array([1.0, 0.9, 1.0, 0.5, 0.0, 1.0], "float32"),
        "seed": np.array([7, -1, 0, 2**31 - 1, 3, 1], "int32"),
    }
    requests: list[tuple[str, dict[str, Any]]] = [
        ("reply", {"text": BATCH}),
        ("reply_sample", {"text": BATCH, **options}),
        ("embed", {"text": BATCH}),
        ("reply", {"text": []}),
        ("reply_sample", {"text": [], **{name: values[:0] for name, values in options.items()}}),
        ("serving_default", {"text": BATCH[:1]}),
    ]
    model = SavedModel(tiny_replies)
    for (signature, inputs), answer in zip(requests, ask(how, tiny_replies, requests), strict=True):
        more = {name: values.tolist() for name, values in inputs.items() if name != "text"}
        expected = model.run(signature, [text.decode("utf-8", "replace") for text in inputs["text"]], **more)
        assert set(answer) == set(expected)
        for name, values in expected.items():
            assert answer[name]["shape"] == list(values.shape)
            if values.dtype == object:
                assert as_array(answer[name]).tolist() == [text.decode() for text in values.tolist()]
            else:
                np.testing.assert_allclose(as_array(answer[name]), values, atol=1e-5)
