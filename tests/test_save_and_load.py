"""What `SupportModel.save` writes, `supportnet.load_model` reads; and networks as `.keras` files."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest

import supportnet
from supportnet.errors import UserError
from supportnet.files import read_json
from supportnet.training.run_folder import tasks_of

if TYPE_CHECKING:
    from supportnet.tasks.classify.model import IntentClassifier
    from supportnet.tasks.train import Trained

TEXTS = ["where track the lamp", "", "Annulez ma commande", "我要退款", "refund " * 200]


def files_of(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_model_that_was_never_trained_comes_back(tiny_classifier: "IntentClassifier", tmp_path: Path) -> None:
    model = supportnet.SupportModel(tiny_classifier)
    assert model.save(tmp_path / "model") == tmp_path / "model"
    loaded = supportnet.load_model(tmp_path / "model")
    assert loaded.task == "classify"
    assert loaded.metrics is loaded.history is loaded.coverage is None
    assert loaded.classify(TEXTS) == model.classify(TEXTS)
    np.testing.assert_array_equal(loaded.embed(TEXTS), model.embed(TEXTS))
    assert (loaded.config, loaded.vocabulary, loaded.confidence) == (model.config, model.vocabulary, model.confidence)


def test_it_is_the_run_without_its_training(finished: "tuple[Path, Trained]", tmp_path: Path) -> None:
    """A model that is loaded from a run and saved has the same files, but for those of the training."""
    folder, trained = finished
    model = supportnet.load_model(folder)
    model.save(tmp_path / "copy")
    own = files_of(folder) - {"history.json", "metrics.json", "traffic.json", "checkpoint.npz"}
    assert files_of(tmp_path / "copy") == {name for name in own if not name.startswith("logs")}
    for name in ("vocabulary.txt", "intents.json", "confidence.json", "model_card.json"):
        assert (tmp_path / "copy" / name).read_bytes() == (folder / name).read_bytes()
    np.testing.assert_array_equal(
        supportnet.load_model(tmp_path / "copy").probabilities(TEXTS), trained.model.probabilities(TEXTS)
    )


def test_models_of_several_tasks_are_saved_together(several: "tuple[Path, Trained]", tmp_path: Path) -> None:
    model = supportnet.SupportModel(list(several[1].models.values()), several[1])
    model.save(tmp_path / "all")
    assert tasks_of(tmp_path / "all") == ("classify", "suggest", "reply")
    loaded = supportnet.load_model(tmp_path / "all")
    assert loaded.task == "classify,suggest,reply"
    assert loaded.classify(TEXTS) == model.classify(TEXTS)
    np.testing.assert_array_equal(loaded.vectors(TEXTS, "message"), model.vectors(TEXTS, "message"))
    assert loaded.reply(TEXTS) == model.reply(TEXTS)
    # One task alone comes from its part.
    assert supportnet.load_model(tmp_path / "all" / "reply").reply(TEXTS) == model.reply(TEXTS)


def test_a_folder_with_something_in_it_is_left_alone(tiny_classifier: "IntentClassifier", tmp_path: Path) -> None:
    model = supportnet.SupportModel(tiny_classifier)
    (tmp_path / "notes.txt").write_text("mine")
    for path in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(UserError, match=f"^{path} is there already: choose another folder.$"):
            model.save(path)
    assert files_of(tmp_path) == {"notes.txt"}
    (tmp_path / "empty").mkdir()
    model.save(tmp_path / "empty")
    assert read_json(tmp_path / "empty" / "config.json")["task"] == "classify"


def test_a_saved_model_is_exported_as_it_was(tiny_classifier: "IntentClassifier", tmp_path: Path) -> None:
    model = supportnet.SupportModel(tiny_classifier)
    model.save(tmp_path / "model")
    loaded = supportnet.load_model(tmp_path / "model")
    one, other = (each.export(tmp_path / name) for each, name in ((model, "one"), (loaded, "other")))
    assert (one / "saved_model.pb").exists()
    assert files_of(one) == files_of(other)
    labels = "assets.extra/labels.txt"
    assert (one / labels).read_bytes() == (other / labels).read_bytes()


def test_a_network_as_a_keras_file(tiny_classifier: "IntentClassifier", tmp_path: Path) -> None:
    tiny_classifier.network.save(tmp_path / "network.keras")
    network = supportnet.load_model(tmp_path / "network.keras")
    assert isinstance(network, keras.Model)
    features = tiny_classifier.preprocessor(TEXTS)
    expected = tiny_classifier.network(features, training=False)
    for name, value in network(features, training=False).items():
        np.testing.assert_array_equal(value, expected[name])


@pytest.mark.parametrize("name", ["intent_network", "suggestion_network", "reply_network"])
def test_a_keras_file_of_an_earlier_version(name: str, tmp_path: Path) -> None:
    """Their layers stood in the network itself, without a backbone."""
    inputs = keras.Input((None,), dtype="int32", name="token_ids")
    keras.Model(inputs, keras.layers.Embedding(9, 4, name="embed")(inputs), name=name).save(tmp_path / "old.keras")
    with pytest.raises(UserError, match=r"old\.keras was written by a supportnet before 0\.2: build the network anew"):
        supportnet.load_model(tmp_path / "old.keras")


@pytest.mark.parametrize("content", [None, b"", b"garbage", b"PK\3\4 and no more"])
def test_what_is_no_keras_file(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "network.keras"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"network\.keras can't be read: it is missing, damaged, or no \.keras file"):
        supportnet.load_model(path)


def test_a_network_with_layers_that_nobody_knows(tmp_path: Path) -> None:
    class Unknown(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            return x

    inputs = keras.Input((3,))
    keras.Model(inputs, Unknown()(inputs)).save(tmp_path / "network.keras")
    with pytest.raises(UserError, match=r"network\.keras can't be read: .*Unknown"):
        supportnet.load_model(tmp_path / "network.keras")
