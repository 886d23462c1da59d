"""One export of all three tasks: each answers as it does alone, and a new bank leaves the others as they are."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel as SavedModelProto

from supportnet.data.bank import Answer, Bank
from supportnet.errors import UserError
from supportnet.savedmodel.load import SavedModel
from supportnet.serving.saved_models import export, index
from supportnet.tasks import NAMES
from supportnet.tasks.classify.model import IntentClassifier
from supportnet.tasks.classify.serve import ExportedModel
from supportnet.tasks.reply.model import Replier
from supportnet.tasks.suggest.model import Suggester
from supportnet.tasks.suggest.serve import ExportedSuggester

MESSAGES = ["Where is my parcel?", "", "mail ann@example.com about order 123456", "👍🏽", "x" * 5000]
TASKS = ("classify", "suggest", "reply")


@pytest.fixture(scope="module")
def exported(
    tiny_classifier: IntentClassifier,
    tiny_suggester: Suggester,
    tiny_replier: Replier,
    tiny_bank: Bank,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The folder of version 1 of all three; don't change it."""
    models = [tiny_replier, tiny_classifier, tiny_suggester]
    return export(models, tmp_path_factory.mktemp("all") / "support", bank=tiny_bank)


@pytest.fixture(scope="module")
def loaded(exported: Path) -> SavedModel:
    return SavedModel(exported)


def assert_equal(outputs: dict[str, Any], expected: dict[str, Any]) -> None:
    assert set(outputs) == set(expected)
    for name, values in outputs.items():
        if values.dtype.kind == "f":
            np.testing.assert_allclose(values, expected[name], atol=1e-5)
        else:
            np.testing.assert_array_equal(values, expected[name])


def test_signatures(loaded: SavedModel) -> None:
    embeddings, variants = ("embed", "embed_answer", "embed_message"), ("suggest_filtered", "reply_sample")
    assert loaded.signatures == sorted(
        ["serving_default", "classify_examples", "redact", *TASKS, *embeddings, *variants]
    )
    assert [task for task in NAMES if loaded.part(task) is not None] == list(TASKS)


def test_each_task_answers_as_alone(
    loaded: SavedModel, tiny_export: Path, tiny_suggestions: Path, tiny_replies: Path
) -> None:
    alone = dict(zip(TASKS, map(SavedModel, (tiny_export, tiny_suggestions, tiny_replies)), strict=True))
    for task, model in alone.items():
        assert_equal(loaded.run(task, MESSAGES), model.run(task, MESSAGES))
    for name, task in (("embed", "classify"), ("embed_message", "suggest"), ("embed_answer", "suggest")):
        assert_equal(loaded.run(name, MESSAGES), alone[task].run(name, MESSAGES))


def test_serving_default_says_it_all(loaded: SavedModel) -> None:
    apart = {name: value for task in TASKS for name, value in loaded.run(task, MESSAGES).items()}
    assert_equal(loaded.run("serving_default", MESSAGES), apart)


def test_the_classify_api(exported: Path, loaded: SavedModel) -> None:
    """Its method has the name that TensorFlow Serving wants, and only its own."""
    examples = [
        tf.train.Example(
            features=tf.train.Features(feature={"text": tf.train.Feature(bytes_list={"value": [text.encode()]})})
        ).SerializeToString()
        for text in MESSAGES
    ]
    answers, classified = (
        loaded._module.signatures["classify_examples"](inputs=tf.constant(examples)),
        loaded.run("classify", MESSAGES),
    )
    assert_equal(
        {name: value.numpy() for name, value in answers.items()},
        {"classes": classified["intents"], "scores": classified["intent_scores"]},
    )
    proto = SavedModelProto.FromString((exported / "saved_model.pb").read_bytes())
    signatures = proto.meta_graphs[0].signature_def
    methods = {name: signature.method_name for name, signature in signatures.items() if not name.startswith("__")}
    assert methods.pop("classify_examples") == "tensorflow/serving/classify"
    assert set(methods.values()) == {"tensorflow/serving/predict"}


def test_an_example_without_the_text_is_an_error(loaded: SavedModel) -> None:
    nothing = tf.train.Example().SerializeToString()
    with pytest.raises(tf.errors.InvalidArgumentError, match="Feature: text"):
        loaded._module.signatures["classify_examples"](inputs=tf.constant([nothing]))


def test_redacted(loaded: SavedModel) -> None:
    redacted = loaded.run("redact", [*MESSAGES, "a\nb 12345"])["redacted"].tolist()
    assert redacted[:3] == [b"Where is my parcel?", b"", b"mail <email> about order <number>"]
    assert redacted[-1] == b"a\nb <number>"


def test_facts(exported: Path, tiny_classifier: IntentClassifier) -> None:
    extra = exported / "assets.extra"
    names = ["confidence.json", "handoff.json", "labels.txt", "model_card.json", "suggestions.json"]
    assert set(names) <= {path.name for path in extra.iterdir()}
    assert (extra / "labels.txt").read_text("utf-8").splitlines() == tiny_classifier.intents
    card = json.loads((extra / "model_card.json").read_text("utf-8"))
    assert {task: card[task]["task"] for task in card} == {task: task for task in TASKS}
    assert card["classify"]["parameters"] == tiny_classifier.network.count_params()


@pytest.mark.slow
def test_a_new_bank_leaves_the_rest_as_it_is(exported: Path, loaded: SavedModel, tmp_path: Path) -> None:
    """The version that it was made of may go."""
    shutil.copytree(exported, tmp_path / "support" / "1")
    bank = Bank("new bank", [Answer("n1", "All new: the shop has moved."), Answer("n2", "We close at nine.")])
    assert (
        index(ExportedSuggester(tmp_path / "support"), bank, tmp_path / "support", keep=1) == tmp_path / "support" / "2"
    )
    assert [path.name for path in (tmp_path / "support").iterdir()] == ["2"]
    after = SavedModel(tmp_path / "support")
    assert after.signatures == loaded.signatures
    for task in ("classify", "reply", "redact", "embed", "embed_message"):
        assert_equal(after.run(task, MESSAGES), loaded.run(task, MESSAGES))
    assert set(after.run("suggest", MESSAGES[:1])["suggestion_ids"][0].tolist()) == {b"n1", b"n2", b""}
    facts = json.loads((after.path / "assets.extra" / "suggestions.json").read_text("utf-8"))
    assert (facts["bank"], facts["answers"]) == ("new bank", 2)
    assert ExportedModel(after.path).confidence == ExportedModel(exported).confidence


@pytest.mark.parametrize("version", [None, 5])
def test_old_versions_are_removed(tiny_classifier: IntentClassifier, tmp_path: Path, version: int | None) -> None:
    """By number, not by the alphabet; the new one stays even if it isn't the highest."""
    for name in ("1", "2", "9", "10", "notes"):
        (tmp_path / name).mkdir()
    written = export(tiny_classifier, tmp_path, version, keep=2)
    assert written.name == ("5" if version else "11")
    kept = {written.name, "10", "notes"}
    assert {path.name for path in tmp_path.iterdir()} == kept


def test_what_cannot_be_exported(
    tiny_classifier: IntentClassifier, tiny_suggester: Suggester, tiny_bank: Bank, tmp_path: Path
) -> None:
    for arguments, message in (
        ({"models": []}, "one model of each task, or of some of them. Received: none"),
        ({"models": [tiny_classifier] * 2}, "Received: 2 of the task classify"),
        ({"models": tiny_suggester}, r"must get a bank of them \(--bank\)"),
        ({"models": tiny_classifier, "bank": tiny_bank}, r"^bank \(--bank\) is for a model that suggests"),
        ({"models": tiny_suggester, "bank": Bank("empty", [])}, "empty has no answers"),
        ({"models": tiny_classifier, "keep": 0}, "keep must be"),
        ({"models": tiny_suggester, "bank": tiny_bank, "min_score": 1.0}, "min_score must be"),
    ):
        with pytest.raises(UserError, match=message):
            export(path=tmp_path / "x", **arguments)
    assert list(tmp_path.glob("x/*")) == []
