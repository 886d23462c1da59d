"""An export that is loaded back has the methods of the trained model; a damaged one is named."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from supportnet.errors import UserError
from supportnet.savedmodel.load import version_folder
from supportnet.tasks.classify.model import IntentClassifier
from supportnet.tasks.classify.serve import ExportedModel

TEXTS = ["where is my parcel", "", "我要退款", "lone \ud800 surrogate", "refund " * 500]


#: Outputs of `classify`, one a message.
NUMBERS = ("in_scope_score", "route_score", "coverage", "margin", "known_words")


@pytest.fixture(scope="module")
def loaded(tiny_export: Path) -> ExportedModel:
    return ExportedModel(tiny_export)


def test_same_answers_as_the_trained_model(loaded: ExportedModel, tiny_classifier: IntentClassifier) -> None:
    assert loaded.intents == sorted(tiny_classifier.intents)
    order = [tiny_classifier.intents.index(intent) for intent in loaded.intents]
    expected = tiny_classifier.probabilities(TEXTS)[:, order]
    np.testing.assert_allclose(loaded.probabilities(TEXTS, batch_size=2), expected, atol=1e-5)
    np.testing.assert_allclose(loaded.embed(TEXTS, batch_size=2), tiny_classifier.embed(TEXTS), atol=1e-5)
    for ours, theirs in zip(loaded.classify(TEXTS, top_k=3), tiny_classifier.classify(TEXTS, top_k=3), strict=True):
        assert (ours.text, ours.intent, ours.intents) == (theirs.text, theirs.intent, theirs.intents)
        assert (ours.in_scope, ours.route) == (theirs.in_scope, theirs.route)
        scores = [[answer.score, *answer.scores, answer.in_scope_score] for answer in (ours, theirs)]
        np.testing.assert_allclose(*scores, atol=1e-5)
    assert loaded.confidence == tiny_classifier.confidence
    answers, expected_answers = loaded.answers(TEXTS, batch_size=2), tiny_classifier.answers(TEXTS)
    for name in ("in_scope", "route", *NUMBERS):
        np.testing.assert_allclose(getattr(answers, name), getattr(expected_answers, name), rtol=1e-5, atol=1e-5)
    assert set(answers.route.tolist()) == {True, False}


def test_no_messages(loaded: ExportedModel, tiny_classifier: IntentClassifier) -> None:
    assert loaded.classify([]) == []
    assert loaded.probabilities([]).shape == (0, len(loaded.intents))
    assert loaded.embed([]).shape == tiny_classifier.embed([]).shape


def test_run(loaded: ExportedModel) -> None:
    outputs = loaded.run("classify", ("refund", "parcel"))
    assert {name: (value.shape, value.dtype) for name, value in outputs.items()} == {
        "intents": ((2, 7), np.dtype(object)),
        "intent_scores": ((2, 7), np.dtype("float32")),
        **{name: ((2,), np.dtype("bool")) for name in ("in_scope", "route")},
        **{name: ((2,), np.dtype("float32")) for name in NUMBERS},
    }


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda model: model.run("reply", ["hello"]),
            r"no signature 'reply'\. It has: classify, classify_examples, embed, redact, serving_default",
        ),
        (lambda model: model.classify("hello"), "one string"),
        (lambda model: model.run("classify", "hello"), "one string"),
        (lambda model: model.classify(["hello", None]), "Message 1"),
        (lambda model: model.classify(["hello"], top_k=0), "top_k=0"),
        (lambda model: model.embed(["hello"], batch_size=0), "batch_size=0"),
    ],
)
def test_what_cannot_be_asked(loaded: ExportedModel, call: Callable[[ExportedModel], object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        call(loaded)


def test_version_folder(tmp_path: Path) -> None:
    for name in ("2", "10", "11", "notes"):
        (tmp_path / name).mkdir()
    for name in ("2", "10", "notes"):
        (tmp_path / name / "saved_model.pb").touch()
    assert version_folder(tmp_path) == tmp_path / "10"
    assert version_folder(str(tmp_path / "2")) == tmp_path / "2"


@pytest.mark.parametrize("name", ["missing", "empty", "file"])
def test_no_model_there(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=f"There is no exported model at .*{name}"):
        ExportedModel(tmp_path / name)


def keep_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


VARIABLES = "variables/variables.data-00000-of-00001"


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("saved_model.pb", keep_half),
        ("saved_model.pb", lambda path: path.write_bytes(b"")),
        ("saved_model.pb", lambda path: path.write_bytes(b"\x00garbage\xff" * 100)),
        (VARIABLES, keep_half),
        (VARIABLES, Path.unlink),
        ("variables/variables.index", keep_half),
        ("variables/variables.index", lambda path: path.write_bytes(b"\x00garbage\xff" * 100)),
        ("variables", shutil.rmtree),
        ("assets/vocabulary.txt", Path.unlink),
    ],
)
def test_damaged(tiny_export: Path, tmp_path: Path, name: str, damage: Callable[[Path], object]) -> None:
    folder = tmp_path / "tiny" / "1"
    shutil.copytree(tiny_export, folder)
    damage(folder / name)
    with pytest.raises(UserError, match=r"tiny/1 can't be loaded: damaged, or no export of supportnet \(.+\)\.$"):
        ExportedModel(folder)


@pytest.mark.parametrize("damage", [Path.unlink, keep_half])
def test_damaged_confidence(tiny_export: Path, tmp_path: Path, damage: Callable[[Path], object]) -> None:
    shutil.copytree(tiny_export, tmp_path / "1")
    damage(tmp_path / "1" / "assets.extra" / "confidence.json")
    with pytest.raises(UserError, match=r"1/assets\.extra/confidence\.json (is missing|can't be read)"):
        ExportedModel(tmp_path / "1")


def test_a_model_of_somebody_else(tmp_path: Path) -> None:
    module = tf.Module()
    module.double = tf.function(lambda x: 2 * x, input_signature=[tf.TensorSpec([None], tf.float32)])
    tf.saved_model.save(module, str(tmp_path), signatures={"classify": module.double})
    with pytest.raises(UserError, match="no export of supportnet"):
        ExportedModel(tmp_path)
