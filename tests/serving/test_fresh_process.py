"""An export answers as the trained model does where neither supportnet nor keras is: three proofs, each in a process.

None of them is TensorFlow Serving; the third goes through the loader that the server uses.
"""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
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
#: Pairs of a signature and its inputs.
Requests = Sequence[tuple[str, dict[str, Any]]]
REQUESTS: Requests = [
    (signature, {"text": texts})
    for signature, texts in (
        ("classify", BATCH),
        ("embed", BATCH),
        ("serving_default", BATCH[:1]),
        ("classify", [b""]),
        ("classify", []),
        ("embed", []),
    )
]
TAGS = [b"money", b"", "\U0001f44d".encode(), b"en", b"\xff", b"phone"]
FOR_SUGGESTIONS: Requests = [
    ("suggest", {"text": BATCH}),
    ("suggest_filtered", {"text": BATCH, "tag": TAGS}),
    ("embed", {"text": BATCH}),
    ("embed_answer", {"text": BATCH}),
    ("suggest", {"text": []}),
    ("suggest_filtered", {"text": [], "tag": []}),
    ("serving_default", {"text": BATCH[:1]}),
]
OPTIONS = {
    "temperature": np.array([1.0, 0.7, 0.0, 1.5, 1.0, 2.0], "float32"),
    "top_p": np.array([1.0, 0.9, 1.0, 0.5, 0.0, 1.0], "float32"),
    "seed": np.array([7, -1, 0, 2**31 - 1, 3, 1], "int32"),
}
FOR_REPLIES: Requests = [
    ("reply", {"text": BATCH}),
    ("reply_sample", {"text": BATCH, **OPTIONS}),
    ("embed", {"text": BATCH}),
    ("reply", {"text": []}),
    ("reply_sample", {"text": [], **{name: values[:0] for name, values in OPTIONS.items()}}),
    ("serving_default", {"text": BATCH[:1]}),
]


@pytest.fixture(scope="module", params=["tf2", "tf1", "c_api"])
def answers(
    request: pytest.FixtureRequest, tiny_export: Path, tiny_suggestions: Path, tiny_replies: Path
) -> list[list[dict[str, Any]]]:
    """What three exports say, each to the requests of one test."""
    exports = {tiny_export: REQUESTS, tiny_suggestions: FOR_SUGGESTIONS, tiny_replies: FOR_REPLIES}
    return ask(request.param, exports)


def ask(how: str, exports: Mapping[Path, Requests]) -> list[list[dict[str, Any]]]:
    """Ask `reader.py`, or TensorFlow's C API, in a process whose path holds nothing of this repository."""
    if how == "c_api":
        return [ask_c_api(folder, requests) for folder, requests in exports.items()]
    encoded = [
        [(signature, {name: encode(values) for name, values in inputs.items()}) for signature, inputs in requests]
        for requests in exports.values()
    ]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = subprocess.run(
        [sys.executable, READER, how, *exports],
        input=json.dumps(encoded),
        capture_output=True,
        text=True,
        cwd="/",
        env=environment | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        timeout=240,
    )
    assert process.returncode == 0, process.stderr
    return list(json.loads(process.stdout))


def ask_c_api(folder: Path, requests: Requests) -> list[dict[str, Any]]:
    with CRuntime(SavedModelFiles(folder)) as runtime:
        answers = runtime.ask([Request(signature, as_arrays(inputs)) for signature, inputs in requests])
    return [{name: as_json(values) for name, values in answer.outputs.items()} for answer in answers]


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
    for name in ("in_scope_score", "route_score", "coverage", "margin", "known_words"):
        np.testing.assert_allclose(as_array(answer[name]), getattr(expected, name), rtol=1e-5, atol=1e-5)


Answers = list[list[dict[str, Any]]]


def test_same_answers(answers: Answers, tiny_classifier: IntentClassifier) -> None:
    for (signature, inputs), answer in zip(REQUESTS, answers[0], strict=True):
        as_text = [text.decode("utf-8", "replace") for text in inputs["text"]]
        if signature == "embed":
            expected = tiny_classifier.embed(as_text)
            np.testing.assert_allclose(as_array(answer["embedding"]), expected, atol=1e-5)
        else:
            assert answer["intents"]["shape"] == [len(as_text), len(tiny_classifier.intents)]
            assert_same_scores(answer, tiny_classifier, as_text)


def test_same_suggestions(answers: Answers, tiny_suggestions: Path) -> None:
    """As the export has them here, where test_suggestions.py compares them with the trained model's."""
    model = ExportedSuggester(tiny_suggestions)
    for (signature, inputs), answer in zip(FOR_SUGGESTIONS, answers[1], strict=True):
        texts = {name: [text.decode("utf-8", "replace") for text in values] for name, values in inputs.items()}
        assert_same(answer, model.run(signature, texts.pop("text"), **texts))


def test_same_replies(answers: Answers, tiny_replies: Path) -> None:
    """As the export has them here, where test_replies.py compares them with the trained model's."""
    model = SavedModel(tiny_replies)
    for (signature, inputs), answer in zip(FOR_REPLIES, answers[2], strict=True):
        more = {name: values.tolist() for name, values in inputs.items() if name != "text"}
        texts = [text.decode("utf-8", "replace") for text in inputs["text"]]
        assert_same(answer, model.run(signature, texts, **more))


def assert_same(answer: dict[str, Any], expected: Mapping[str, np.ndarray]) -> None:
    assert set(answer) == set(expected)
    for name, values in expected.items():
        assert answer[name]["shape"] == list(values.shape)
        if values.dtype == object:
            assert answer[name]["values"] == [text.decode() for text in values.ravel().tolist()]
        else:
            np.testing.assert_allclose(as_array(answer[name]), values, atol=1e-5)
