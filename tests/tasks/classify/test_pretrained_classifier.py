"""A classifier on a pretrained encoder: its head, its tuning, its run and its export."""

import shutil
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from tiny_encoders import write_reader
from toy_messages import INTENTS, WORDS, messages

from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.errors import UserError
from supportnet.serving.saved_models import export
from supportnet.serving.verify.static_checks import SavedModelFiles, licences
from supportnet.tasks.classify.calibrate import discounted
from supportnet.tasks.classify.fit_pretrained import INVERSE_PENALTY
from supportnet.tasks.classify.serve import ExportedModel
from supportnet.tasks.fit import encode
from supportnet.tasks.train import Trained, load, train

OPTIONS: dict[str, Any] = {"max_length": 32, "progress_bar": False, "num_pairs": 500, "num_buckets": 500}
TEXTS = ["Where is my parcel?", "password", "", "write to eve@example.com", "Где заказ"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    words = [word for own in WORDS.values() for word in own]
    return write_reader(tmp_path_factory.mktemp("weights") / "reader", [*words, "please", "my", "the", "hi", "email"])


@pytest.fixture(scope="module")
def few(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Trained]:
    run = tmp_path_factory.mktemp("runs") / "few"
    return run, train(dataset(12), run, backbone=encoder, **OPTIONS)


@pytest.fixture(scope="module")
def tuned(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Trained]:
    run = tmp_path_factory.mktemp("runs") / "tuned"
    return run, train(dataset(30), run, backbone=encoder, **OPTIONS, **TUNING)


TUNING: dict[str, Any] = {"validation": "split", "validation_share": 0.3, "tuned_blocks": 1, "epochs": 3}


def dataset(num_each: int, **splits: list[Ticket]) -> TicketDataset:
    return TicketDataset("toy", {"train": messages(num_each, seed=0), **splits})


# The head on a frozen encoder.


def test_the_head_is_a_logistic_regression_on_the_vectors(few: tuple[Path, Trained]) -> None:
    model, tickets = few[1].model, messages(12, seed=0)
    vectors = encode(model, [ticket.text for ticket in tickets], progress_bar=False)
    labels = [ticket.intent for ticket in tickets]
    reference = LogisticRegression(C=INVERSE_PENALTY, class_weight="balanced", max_iter=2000).fit(vectors, labels)
    features = model.preprocessor(TEXTS)
    logits = keras.ops.convert_to_numpy(model.network(features)["branch_logits"])[:, 0]
    np.testing.assert_allclose(logits, reference.decision_function(encode(model, TEXTS, False)), atol=1e-3)


def test_two_intents(encoder: Path) -> None:
    """Of two classes, scikit-learn has the weights of one."""
    tickets = [ticket for ticket in messages(8, seed=0) if ticket.intent in INTENTS[:2]]
    model = train(TicketDataset("two", {"train": tickets}), backbone=encoder, **OPTIONS).model
    vectors = encode(model, TEXTS, progress_bar=False)
    learned = encode(model, [ticket.text for ticket in tickets], progress_bar=False)
    reference = LogisticRegression(C=INVERSE_PENALTY, class_weight="balanced", max_iter=2000)
    reference.fit(learned, [ticket.intent for ticket in tickets])
    logits = keras.ops.convert_to_numpy(model.network(model.preprocessor(TEXTS))["branch_logits"])[:, 0]
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(keras.ops.softmax(logits)), reference.predict_proba(vectors), atol=1e-4
    )


def test_similarity_is_the_cosine_to_the_mean(few: tuple[Path, Trained]) -> None:
    model, tickets = few[1].model, messages(12, seed=0)
    vectors = encode(model, [ticket.text for ticket in tickets], progress_bar=False)
    means = np.stack([vectors[[t.intent == name for t in tickets]].mean(0) for name in model.intents])
    read = encode(model, TEXTS, progress_bar=False)
    cosines = read @ means.T / np.outer(np.linalg.norm(read, axis=1), np.linalg.norm(means, axis=1))
    outputs = model.network(model.preprocessor(TEXTS))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(outputs["similarity"]), cosines.clip(0, 1), atol=1e-5)


def test_the_score_falls_with_the_similarity(few: tuple[Path, Trained]) -> None:
    model = few[1].model
    answers = model.answers(TEXTS)
    outputs = {name: keras.ops.convert_to_numpy(v) for name, v in model.network(model.preprocessor(TEXTS)).items()}
    best = answers.predicted
    shares = keras.ops.convert_to_numpy(keras.ops.softmax(outputs["logits"]))
    rows = np.arange(len(TEXTS))
    expected = shares[rows, best] * np.exp(
        -4 * (1 - outputs["similarity"][rows, best]) - 2 * (1 - outputs["coverage"][rows, best])
    )
    np.testing.assert_allclose(answers.in_scope_score, expected, rtol=1e-4)
    assert discounted(0.9, 1.0, 1.0, similarity=0.5) < discounted(0.9, 1.0, 1.0, similarity=0.6)


def test_few_messages_are_cross_validated(few: tuple[Path, Trained]) -> None:
    found = few[1].metrics
    assert (found["method"], found["rows"]) == ("cross-validation", 48)
    assert (found["tuned_blocks"], found["best_epoch"]) == (0, 0)
    # The encoder was asked for: it is in the vote, and so is the linear classifier.
    assert 0 < found["shares"][0] < 1
    assert found["accuracy"] > 0.8
    assert few[1].model.confidence.promise["kind"] == "estimated"


def test_personal_data_is_read_as_its_kind(few: tuple[Path, Trained]) -> None:
    model = few[1].model
    ids = model.preprocessor(["write to eve@example.com", "write to email"])["piece_ids"].numpy()
    assert ids[0].tolist() == ids[1].tolist()


def test_the_encoder_stays_as_it_came(few: tuple[Path, Trained], encoder: Path) -> None:
    from supportnet.pretrained import load_encoder, read_folder

    came = load_encoder(read_folder(encoder))
    for own, its in zip(few[1].model.backbone.encoder.weights, came.weights, strict=True):
        np.testing.assert_array_equal(own, its)


# Tuning.


def test_upper_blocks_are_tuned(tuned: tuple[Path, Trained], few: tuple[Path, Trained]) -> None:
    history, found = tuned[1].history, tuned[1].metrics
    assert [row["tuned_blocks"] for row in history] == [0, 1, 1, 1]
    # A number of blocks that is asked for is tuned, better or not.
    assert found["best_epoch"] >= 1
    assert found["tuned_blocks"] == 1
    encoder, came = tuned[1].model.backbone.encoder, few[1].model.backbone.encoder
    np.testing.assert_array_equal(encoder.blocks[0].weights[0], came.blocks[0].weights[0])
    assert np.abs(np.subtract(encoder.blocks[1].weights[0], came.blocks[1].weights[0])).max() > 0


def test_what_is_trained(encoder: Path) -> None:
    class Seen(keras.callbacks.Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            self.paths = [variable.path for variable in self.model.trainable_variables]

    seen = Seen()
    model = train(dataset(30), backbone=encoder, callbacks=[seen], **OPTIONS, **TUNING).model
    assert {path.split("/")[0] for path in seen.paths} == {"encoder", "sentence_intents"}
    assert {path.split("/")[1] for path in seen.paths if path.startswith("encoder")} == {"block_1"}
    # As it came: it would be trained on if the model were.
    assert not model.backbone.trainable_variables


@pytest.mark.slow
def test_a_killed_tuning_goes_on(tuned: tuple[Path, Trained], encoder: Path, tmp_path: Path) -> None:
    class Killed(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 2:
                raise KeyboardInterrupt

    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(dataset(30), run, backbone=encoder, callbacks=[Killed()], **OPTIONS, **TUNING)
    resumed = train(dataset(30), run, backbone=encoder, resume=True, **OPTIONS, **TUNING)
    assert resumed.history == tuned[1].history
    for own, its in zip(resumed.model.network.weights, tuned[1].model.network.weights, strict=True):
        np.testing.assert_array_equal(own, its)


# Runs and exports.


@pytest.mark.parametrize("kind", ["few", "tuned"])
def test_a_run_and_its_export_answer_alike(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    run, trained = request.getfixturevalue(kind)
    expected = trained.model.answers(TEXTS)
    loaded = load(run, "classify")
    exported = ExportedModel(export(loaded, tmp_path / "model").parent)
    for answers in (loaded.answers(TEXTS), exported.answers(TEXTS)):
        np.testing.assert_allclose(answers.probabilities, expected.probabilities, atol=1e-5)
        np.testing.assert_array_equal(answers.in_scope, expected.in_scope)
        np.testing.assert_allclose(answers.in_scope_score, expected.in_scope_score, atol=1e-5)
    outputs = exported.run("classify", TEXTS)
    assert outputs["similarity"].shape == (len(TEXTS),)
    assert sorted(file.name for file in (exported.path / "assets").iterdir()) == ["vocabulary.txt", "word_pieces.txt"]


def test_the_network_is_a_keras_model(few: tuple[Path, Trained], tmp_path: Path) -> None:
    model = few[1].model
    model.network.save(tmp_path / "network.keras")
    features = model.preprocessor(TEXTS)
    own, its = model.network(features), keras.saving.load_model(tmp_path / "network.keras")(features)
    for name in own:
        np.testing.assert_array_equal(own[name], its[name])


def test_the_licence_goes_along(tuned: tuple[Path, Trained], tmp_path: Path) -> None:
    own = tuned[0] / "licences" / "reader"
    assert (own / "LICENSE").read_text("utf-8") == "Anyone may do anything.\n"
    folder = export(load(tuned[0], "classify"), tmp_path / "model")
    exported = folder / "assets.extra" / "licences" / "reader"
    assert (exported / "LICENSE").read_text("utf-8") == "Anyone may do anything.\n"
    source = (exported / "SOURCE.txt").read_text("utf-8")
    assert "Weights: reader\nSHA-256 of the weights: " in source
    assert source.endswith("Changed: yes (the upper 1 blocks are tuned; the word table is rounded to int8)\n")
    assert [check.passed for check in licences(SavedModelFiles(folder))] == [True]
    (exported / "LICENSE").unlink()
    (check,) = licences(SavedModelFiles(folder))
    assert (check.passed, check.says) == (False, "missing or empty in licences/reader: LICENSE")


def test_another_export_needs_no_licence(tiny_export: Path) -> None:
    assert list(licences(SavedModelFiles(tiny_export))) == []


# What can't be done.


def test_weights_without_a_licence(encoder: Path, tmp_path: Path) -> None:
    bare = shutil.copytree(encoder, tmp_path / "bare")
    (bare / "LICENSE").unlink()
    with pytest.warns(UserWarning, match="bare holds no licence of its weights. Put its text there as LICENSE"):
        train(dataset(3), backbone=bare, **OPTIONS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"architecture": "transformer"}, "architecture must be pretrained where a pretrained encoder is given"),
        ({"max_length": 33}, "max_length must be at most 32, the positions of the pretrained encoder"),
        ({"unlabelled": TicketDataset("more", {"train": [Ticket("hello")]})}, "learns from labelled messages alone"),
        ({"tuned_blocks": 1}, "tuned_blocks must come with held-out messages"),
        ({"tuned_blocks": 3, "validation": "split"}, "tuned_blocks must be at most 2, the blocks of the encoder"),
        ({"embeddings": "word2vec"}, "backbone must not be given with init or embeddings"),
    ],
)
def test_what_does_not_go_together(options: dict[str, Any], message: str, encoder: Path) -> None:
    tickets = [Ticket(t.text, t.intent, "Done.") for t in messages(12, seed=0)]
    with warnings.catch_warnings(action="ignore"), pytest.raises(UserError, match=message):
        train(TicketDataset("toy", {"train": tickets}), backbone=encoder, **{**OPTIONS, **options})


def test_replies_are_not_written(encoder: Path) -> None:
    tickets = [Ticket(t.text, t.intent, "Done.") for t in messages(12, seed=0)]
    with pytest.raises(UserError, match=r"pretrained has none\. Received: architecture='pretrained'"):
        train(TicketDataset("toy", {"train": tickets}), task="reply", backbone=encoder, max_length=32)


def test_the_architecture_needs_weights() -> None:
    with pytest.raises(UserError, match="Received: architecture='pretrained', none"):
        train(dataset(3), architecture="pretrained", progress_bar=False)
