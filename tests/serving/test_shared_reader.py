"""Models that read alike share what reads in an export: stored once, run once, and the same answers as apart."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_replier import randomize, word_pieces
from small_suggester import ANSWERS, TEXTS

from supportnet.backbones.backbone import Backbone
from supportnet.config import NetworkConfig
from supportnet.data.bank import Bank
from supportnet.savedmodel.load import SavedModel
from supportnet.savedmodel.reader import ServedReader, served_readers
from supportnet.serving.saved_models import export, index
from supportnet.serving.verify.static_checks import SavedModelFiles, size
from supportnet.tasks import NAMES
from supportnet.tasks.classify.model import IntentClassifier
from supportnet.tasks.reply.model import Replier
from supportnet.tasks.suggest.model import Suggester
from supportnet.tasks.suggest.serve import ExportedSuggester
from supportnet.text.vocabulary import Vocabulary, table_from_file

MESSAGES = [*TEXTS, "", "mail ann@example.com about order 123456", "👍🏽"]
Models = dict[str, Any]


def make_models(architecture: str, shared: bool, num_filters: int = 0) -> Models:
    """A model of each task; on the same layers, or on equal ones."""
    keras.utils.set_random_seed(3)
    sizes = {"embedding_dim": 16, "hidden_dim": 8, "num_heads": 2, "num_buckets": 500, "vector_dim": 16}
    config = NetworkConfig(architecture, max_reply_length=6, num_filters=num_filters, **sizes)
    vocabulary = Vocabulary.build([*TEXTS, *(answer.text for answer in ANSWERS)], min_count=1)
    backbone = Backbone(config, len(vocabulary)) if shared else None
    models: Models = {
        "classify": IntentClassifier(config, vocabulary, ["cancel", "refund", "track"], backbone=backbone),
        "suggest": Suggester(config, vocabulary, backbone=backbone),
        "reply": Replier(config, vocabulary, word_pieces(), backbone=backbone),
    }
    for model in models.values():
        randomize(model.network)
    for model in models.values() if not shared else ():
        model.backbone.set_weights(models["classify"].backbone.get_weights())
    return models


@pytest.fixture(scope="module")
def models() -> Models:
    """Equal, as they come from the folders of runs; don't change them."""
    return make_models("bilstm_attention", shared=False)


@pytest.fixture(scope="module")
def bank() -> Bank:
    return Bank("tiny bank", ANSWERS)


@pytest.fixture(scope="module")
def together(models: Models, bank: Bank, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(list(models.values()), tmp_path_factory.mktemp("together") / "support", bank=bank)


@pytest.fixture(scope="module")
def apart(models: Models, bank: Bank, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An export of each."""
    folder = tmp_path_factory.mktemp("apart")
    banks = {"suggest": bank}
    return {task: export(model, folder / task, bank=banks.get(task)) for task, model in models.items()}


def variables(folder: Path) -> dict[str, Any]:
    reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
    names = [name for name in reader.get_variable_to_shape_map() if not name.startswith("_")]
    return {name: reader.get_tensor(name) for name in names}


def floats(folder: Path) -> int:
    return sum(value.size for value in variables(folder).values() if value.dtype == np.float32)


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    for name, values in one.items():
        if values.dtype.kind == "f":
            np.testing.assert_allclose(values, other[name], atol=1e-5)
        else:
            np.testing.assert_array_equal(values, other[name])


def test_the_answers_are_those_of_the_models(together: Path, models: Models, bank: Bank) -> None:
    """All of them, from one reading of each message."""
    outputs = SavedModel(together).run("serving_default", MESSAGES)
    answers = models["classify"].answers(MESSAGES)
    np.testing.assert_allclose(outputs["intent_scores"], -np.sort(-answers.probabilities, axis=1), atol=1e-5)
    for name in ("in_scope_score", "route_score", "coverage", "margin", "known_words"):
        np.testing.assert_allclose(outputs[name], getattr(answers, name), rtol=1e-5, atol=1e-5)
    for row, found in enumerate(models["suggest"].suggest(MESSAGES, models["suggest"].index(bank), top_k=10)):
        ids = [answer.id.encode() for answer in found]
        assert outputs["suggestion_ids"][row].tolist() == ids + [b""] * (10 - len(ids))
        np.testing.assert_allclose(outputs["suggestion_scores"][row, : len(ids)], [a.score for a in found], atol=1e-5)
    written = models["reply"].write(MESSAGES)
    assert outputs["reply"].tolist() == written["reply"].tolist()
    np.testing.assert_allclose(outputs["reply_score"], written["reply_score"], atol=1e-5)


def test_what_reads_is_stored_once(together: Path) -> None:
    large = [value for value in variables(together).values() if value.size > 100 and value.dtype == np.float32]
    assert len({value.tobytes() for value in large}) == len(large)
    assert size(SavedModelFiles(together)).passed
    assert len(SavedModelFiles(together).assets) == 1


@pytest.mark.slow
def test_the_answers_are_those_of_separate_exports(together: Path, apart: dict[str, Path]) -> None:
    loaded = SavedModel(together)
    said: dict[str, Any] = {}
    for task, folder in apart.items():
        alone = SavedModel(folder)
        for signature in {task, "embed_message" if task == "suggest" else task}:
            assert_same(loaded.run(signature, MESSAGES), alone.run(signature, MESSAGES))
        said |= alone.run(task, MESSAGES)
    assert_same(said, loaded.run("serving_default", MESSAGES))


@pytest.mark.slow
def test_two_readers_less_than_apart(together: Path, apart: dict[str, Path], models: Models) -> None:
    shared = sum(weight.size for weight in models["classify"].backbone.get_weights())
    assert floats(together) == sum(map(floats, apart.values())) - 2 * shared


@pytest.mark.slow
def test_a_new_bank_leaves_it_shared(together: Path, bank: Bank, tmp_path: Path) -> None:
    few = Bank("few", ANSWERS[:2])
    folder = index(ExportedSuggester(together), few, tmp_path / "support")
    before, after = SavedModel(together), SavedModel(folder)
    parts = [after.part(task) for task in NAMES if after.part(task) is not None]
    assert len(parts) == 3
    assert len({id(part.reader) for part in parts}) == 1
    assert floats(folder) < floats(together)
    outputs = after.run("serving_default", MESSAGES)
    for task in ("classify", "reply"):
        assert_same(before.run(task, MESSAGES), outputs)
    assert set(outputs["suggestion_ids"].ravel()) == {b"a1", b"a2", b""}


@pytest.fixture
def table_of(tmp_path: Path) -> Callable[[Vocabulary], Any]:
    def made(vocabulary: Vocabulary) -> Any:
        vocabulary.save(tmp_path / "vocabulary.txt")
        return table_from_file(tmp_path / "vocabulary.txt")

    return made


def test_who_shares(table_of: Callable[[Vocabulary], Any]) -> None:
    """One number is enough to tell models apart."""
    models = make_models("transformer", shared=True)
    readers = served_readers(models, table_of)
    assert len(set(map(id, readers.values()))) == 1
    models = make_models("none", shared=False)
    table = models["reply"].backbone.embed.weights[0]
    table.assign(table.numpy() + np.eye(*table.shape, dtype="float32") * 1e-6)
    readers = served_readers(models, table_of)
    assert readers["classify"] is readers["suggest"]
    assert readers["classify"] is not readers["reply"]


@pytest.mark.parametrize("num_filters", [0, 4])
def test_reader_and_head_say_what_the_network_says(table_of: Callable[[Vocabulary], Any], num_filters: int) -> None:
    """Filters over what was read belong to the head."""
    model = make_models("transformer", shared=False, num_filters=num_filters)["classify"]
    reader = ServedReader(model, table_of(model.vocabulary))
    assert ("phrases" in {layer.name for layer in model.head.layers}) == bool(num_filters)
    found, expected = model.head(reader.read(tf.constant(MESSAGES))), model.network(model.preprocessor(MESSAGES))
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=1e-5)


def test_networks_on_the_same_backbone_answer_with_the_same_weights() -> None:
    models = make_models("bilstm_attention", shared=True)
    assert len({id(model.network.get_layer("backbone")) for model in models.values()}) == 1
    before = models["suggest"].vectors(TEXTS, "message")
    embed = models["classify"].backbone.embed
    embed.set_weights([weight * 0.5 for weight in embed.get_weights()])
    assert not np.allclose(before, models["suggest"].vectors(TEXTS, "message"))
