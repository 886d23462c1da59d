"""What a server relies on: signatures, operations, assets, size, and an answer to every input."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from supportnet.serving.verify.static_checks import OPERATIONS
from supportnet.tasks.classify.calibrate import Confidence
from supportnet.tasks.classify.model import IntentClassifier
from supportnet.text.vocabulary import Vocabulary

#: Outputs of `classify`, one a message.
NUMBERS = ("in_scope_score", "route_score", "coverage", "margin", "known_words")
BATCHES: dict[str, list[str | bytes]] = {
    "none": [],
    "one empty": [""],
    "empty and not": ["", "hello"],
    "white space": [" \u00a0\n", "\u3000", "hello"],
    "lengths": ["Where is my parcel?", "refund", "I want my money back, please! " * 30, "x"],
    "words never seen": ["zzyzx qwxyzzy", "ÉÉÉ İİ ß", "कृपया मदद करें"],
    "not Unicode": [b"\xff\xfe\x00", b"caf\xe9", b"\xed\xa0\x80", b"refund"],
    "1 MB": ["hello parcel " * 80_000, b"\xff" * 1_000_000, "a" * 1_000_000, "x"],
    "personal": ["ann@example.com", "4111 1111 1111 1111", "https://example.com/a?b=c"],
}


@pytest.fixture(scope="module")
def loaded(tiny_export: Path) -> Any:
    return tf.saved_model.load(str(tiny_export))


def run(loaded: Any, signature: str, texts: list[str | bytes]) -> dict[str, np.ndarray]:
    outputs = loaded.signatures[signature](text=tf.constant(texts, tf.string))
    return {name: value.numpy() for name, value in outputs.items()}


def test_signatures(tiny_export: Path, tiny_classifier: IntentClassifier, loaded: Any) -> None:
    classify = {
        "intents": tf.TensorSpec([None, len(tiny_classifier.intents)], tf.string, "intents"),
        "intent_scores": tf.TensorSpec([None, len(tiny_classifier.intents)], tf.float32, "intent_scores"),
        **{name: tf.TensorSpec([None], tf.bool, name) for name in ("in_scope", "route")},
        **{name: tf.TensorSpec([None], tf.float32, name) for name in NUMBERS},
    }
    depth = tiny_classifier.network.output["embedding"].shape[-1]
    embed = {"embedding": tf.TensorSpec([None, depth], tf.float32, "embedding")}
    examples = {
        "classes": tf.TensorSpec([None, len(tiny_classifier.intents)], tf.string, "classes"),
        "scores": tf.TensorSpec([None, len(tiny_classifier.intents)], tf.float32, "scores"),
    }
    redact = {"redacted": tf.TensorSpec([None], tf.string, "redacted")}
    answers = {"serving_default": classify, "classify": classify, "embed": embed, "redact": redact}
    expected = {
        **{name: ("text", outputs) for name, outputs in answers.items()},
        "classify_examples": ("inputs", examples),
    }
    assert set(loaded.signatures) == set(expected)
    for name, signature in loaded.signatures.items():
        taken, outputs = expected[name]
        assert signature.structured_input_signature == ((), {taken: tf.TensorSpec([None], tf.string, taken)})
        assert signature.structured_outputs == outputs


def test_files(tiny_export: Path, tiny_classifier: IntentClassifier) -> None:
    files = {path.relative_to(tiny_export).as_posix() for path in tiny_export.rglob("*") if path.is_file()}
    assert files == {
        "saved_model.pb",
        "fingerprint.pb",
        "assets/vocabulary.txt",
        *(f"assets.extra/{name}" for name in ("confidence.json", "labels.txt", "model_card.json")),
        "assets.extra/tf_serving_warmup_requests",
        "variables/variables.index",
        "variables/variables.data-00000-of-00001",
    }
    assert Vocabulary.load(tiny_export / "assets" / "vocabulary.txt") == tiny_classifier.vocabulary
    assert Confidence.load(tiny_export / "assets.extra" / "confidence.json") == tiny_classifier.confidence


def test_no_variable_is_stored_twice(tiny_export: Path, tiny_classifier: IntentClassifier) -> None:
    weights = tiny_classifier.network.weights
    stored = dict(tf.train.list_variables(str(tiny_export / "variables" / "variables")))
    stored.pop("_CHECKPOINTABLE_OBJECT_GRAPH")
    parameters = sum(int(np.prod(weight.shape)) for weight in weights)
    # What is fitted after the training is a variable, so that an export can be calibrated anew.
    assert stored.pop("classify/numbers/.ATTRIBUTES/VARIABLE_VALUE") == [3]
    # A direction of the LSTM has its two kernels in one variable.
    assert len(stored) == len(weights) - 2
    assert sum(int(np.prod(shape)) for shape in stored.values()) == parameters
    size = (tiny_export / "variables" / "variables.data-00000-of-00001").stat().st_size
    assert size <= 1.15 * 4 * parameters


def test_the_table_of_code_points_is_stored_once_a_task(tiny_export: Path) -> None:
    saved_model = saved_model_pb2.SavedModel.FromString((tiny_export / "saved_model.pb").read_bytes())
    functions = saved_model.meta_graphs[0].graph_def.library.function
    nodes = [node for function in functions for node in function.node_def]
    # For what classifies, and for what redacts.
    assert len([node for node in nodes if node.op == "Const" and node.ByteSize() > 100_000]) == 2


@pytest.mark.slow
@pytest.mark.parametrize("model", ["tiny_suggestions", "tiny_replies"])
def test_only_operations_that_a_server_has(model: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(model)
    process = subprocess.run([sys.executable, "-P", OPERATIONS, folder], capture_output=True, text=True, cwd="/")
    assert process.returncode == 0, process.stderr
    found = json.loads(process.stdout)
    assert (found["problems"], found["compiled"]) == ({}, [])
    assert {"UnicodeDecode", "LookupTableFindV2", "MatMul"} <= set(found["operations"])


@pytest.mark.parametrize("texts", BATCHES.values(), ids=BATCHES)
def test_answers_of_the_trained_model(loaded: Any, tiny_classifier: IntentClassifier, texts: list[str | bytes]) -> None:
    outputs = run(loaded, "classify", texts)
    scores, as_text = outputs["intent_scores"], [as_string(text) for text in texts]
    assert outputs["intents"].shape == scores.shape == (len(texts), len(tiny_classifier.intents))
    assert np.isfinite(scores).all()
    assert (np.diff(scores, axis=1) <= 0).all()
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
    for answer, names, row in zip(tiny_classifier.classify(as_text, top_k=99), outputs["intents"], scores, strict=True):
        expected = dict(zip(answer.intents, answer.scores, strict=True))
        np.testing.assert_allclose([expected[name.decode()] for name in names], row, atol=1e-5)
    answers = tiny_classifier.answers(as_text)
    for name in ("in_scope", "route", *NUMBERS):
        np.testing.assert_allclose(outputs[name], getattr(answers, name), rtol=1e-5, atol=1e-5)
    embedding = run(loaded, "embed", texts)["embedding"]
    np.testing.assert_allclose(embedding, tiny_classifier.embed(as_text), atol=1e-5)


@pytest.mark.parametrize("texts", BATCHES.values(), ids=BATCHES)
def test_the_rest_of_the_batch_changes_nothing(loaded: Any, texts: list[str | bytes]) -> None:
    """A server puts requests of several users into one batch."""
    together = run(loaded, "embed", texts)["embedding"]
    for row, text in enumerate(texts):
        np.testing.assert_allclose(together[row], run(loaded, "embed", [text])["embedding"][0], atol=1e-5)


def test_serving_default_is_classify(loaded: Any) -> None:
    default, classify = (run(loaded, name, BATCHES["lengths"]) for name in ("serving_default", "classify"))
    assert set(default) == set(classify)
    for name, values in default.items():
        np.testing.assert_array_equal(values, classify[name])


def test_decisions_differ(loaded: Any) -> None:
    """Otherwise the comparisons above would say nothing of them."""
    outputs = run(loaded, "classify", ["refund", "where is my parcel", "hello"])
    for name in ("in_scope", "route"):
        assert len(set(outputs[name].tolist())) == 2


def test_the_answer_depends_on_the_text(loaded: Any) -> None:
    """Otherwise the comparisons above would say nothing."""
    embedding = run(loaded, "embed", ["Where is my parcel?", "refund", "zzyzx", ""])["embedding"]
    distances = np.abs(embedding[:, None] - embedding[None]).max(axis=-1)
    assert (distances[~np.eye(4, dtype=bool)] > 0.01).all()


def as_string(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("utf-8", "replace")
