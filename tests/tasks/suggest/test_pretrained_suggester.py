"""A suggester on a pretrained encoder: its maps, its run, its export, and a bank that is replaced."""

import json
import shutil
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from tiny_encoders import write_reader
from toy_messages import WORDS, conversations

from supportnet.cli.main import main
from supportnet.data.bank import Answer, Bank, bank_of_replies
from supportnet.data.ticket import TicketDataset, same_text
from supportnet.errors import UserError
from supportnet.files import read_json
from supportnet.serving.saved_models import export, index
from supportnet.serving.verify.static_checks import SavedModelFiles, licences
from supportnet.tasks.fit import encode
from supportnet.tasks.suggest.config import SuggestConfig
from supportnet.tasks.suggest.data import split as pairs_of
from supportnet.tasks.suggest.evaluate import evaluate_suggester
from supportnet.tasks.suggest.fit_pretrained import read_once
from supportnet.tasks.suggest.model import Suggester
from supportnet.tasks.suggest.network import SIDES, from_sentences, of_side
from supportnet.tasks.suggest.serve import ExportedSuggester
from supportnet.tasks.train import Trained, _continued, load, train
from supportnet.training.initial_weights import InitialWeights

TEXTS = ["where parcel the lamp", "password", "", "write to eve@example.com", "Где заказ"]
SIZES: dict[str, Any] = {"max_length": 32, "num_buckets": 500, "progress_bar": False}
OPTIONS: dict[str, Any] = {**SIZES, "epochs": 6, "learning_rate": 0.02, "batch_size": 32, "label_weight": 0.2}
DATA = TicketDataset("toy", {"train": conversations(10, seed=0), "validation": conversations(3, seed=1)})
Run = tuple[Path, Trained]

train_suggester = partial(train, DATA, task="suggest")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    words = " ".join([text for ticket in DATA["train"] for text in (ticket.text, str(ticket.reply).lower())])
    known = {*words.replace(".", "").split(), *(word for own in WORDS.values() for word in own)}
    return write_reader(tmp_path_factory.mktemp("weights") / "reader", known, is_plain=True)


@pytest.fixture(scope="module")
def run(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The folder of a finished run, and what `train` returned."""
    folder = tmp_path_factory.mktemp("runs") / "suggester"
    return folder, train_suggester(folder, backbone=encoder, **OPTIONS)


@pytest.fixture(scope="module")
def exported(run: Run, tmp_path_factory: pytest.TempPathFactory) -> ExportedSuggester:
    folder = tmp_path_factory.mktemp("exports") / "answers"
    return ExportedSuggester(export(load(run[0], "suggest"), folder, bank=bank()))


def bank() -> Bank:
    return bank_of_replies("toy", DATA["train"])


def untrained(encoder: Path) -> Suggester:
    """What a training starts from."""
    start = InitialWeights.of(None, backbone=encoder)
    learned = replace(pretrained_config(encoder), max_length=32, num_buckets=500)
    vocabulary = start.vocabulary(learned, [ticket.text for ticket in DATA["train"]], 2)
    model = Suggester(learned, vocabulary)
    start.apply(model, [], 0)
    return model


def pretrained_config(encoder: Path) -> Any:
    from supportnet.config import NetworkConfig

    return NetworkConfig(**InitialWeights.of(None, backbone=encoder).network_options)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def same_weights(one: keras.Model, other: keras.Model) -> bool:
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


# The network.


def test_an_untrained_network_ranks_by_the_cosine_of_the_encoder(encoder: Path) -> None:
    model = untrained(encoder)
    expected = unit(encode(model, TEXTS, progress_bar=False))
    for side in SIDES:
        np.testing.assert_allclose(model.vectors(TEXTS, side), expected, atol=1e-5)
    inputs = {name: value for side in SIDES for name, value in of_side(side, model.preprocessor(TEXTS)).items()}
    scores = keras.ops.convert_to_numpy(model.network(inputs)["scores"])
    assert scores.shape == (1, len(TEXTS), len(TEXTS))
    np.testing.assert_allclose(scores[0], expected @ expected.T / 0.07, atol=1e-3)


def test_the_maps_are_all_that_is_trained(run: Run) -> None:
    model = run[1].model
    paths = {weight.path.split("/")[0] for weight in model.network.trainable_weights}
    assert paths == {"message_sentence_projection", "reply_sentence_projection", "labels", "scores"}


def test_the_part_behind_the_encoder_is_that_of_the_network(run: Run) -> None:
    model = run[1].model
    texts = {"message": TEXTS, "reply": ["We sent your book.", "Goodbye."]}
    sentences = {side: encode(model, own, progress_bar=False) for side, own in texts.items()}
    found = from_sentences(model.network)({f"{side}_sentence": own for side, own in sentences.items()})
    inputs = {name: own for side in SIDES for name, own in of_side(side, model.preprocessor(texts[side])).items()}
    outputs = model.network(inputs)
    assert set(found) == set(outputs) == {*SIDES, "scores", "message_labels", "reply_labels"}
    for name, value in outputs.items():
        np.testing.assert_allclose(found[name], value, atol=1e-4)


# Training.


def test_the_maps_learn_and_the_encoder_stays(run: Run, encoder: Path) -> None:
    history, metrics = run[1].history, run[1].metrics
    assert len(history) == 7
    assert "loss" not in history[0]
    best = max(range(7), key=lambda row: (history[row]["val_accuracy"], -history[row]["val_loss"]))
    assert metrics == {
        "accuracy": history[best]["val_accuracy"],
        "loss": history[best]["val_loss"],
        "best_epoch": best,
    }
    assert best > 0
    assert metrics["accuracy"] > history[0]["val_accuracy"] + 0.1
    assert same_weights(run[1].model.backbone, untrained(encoder).backbone)
    assert run[1].model.relevance.inverse_temperature != 1.0


def test_epoch_0_is_the_cosine_of_the_encoder(run: Run, encoder: Path) -> None:
    """Of 36 validation messages, all are in one batch: each reply stands among the 12."""
    model, tickets = untrained(encoder), DATA["validation"]
    replies = {same_text(str(ticket.reply)): str(ticket.reply) for ticket in reversed(tickets)}
    messages = encode(model, [ticket.text for ticket in tickets], progress_bar=False)
    scores = unit(messages) @ unit(encode(model, list(replies.values()), progress_bar=False)).T
    right = [list(replies).index(same_text(str(ticket.reply))) for ticket in tickets]
    assert run[1].history[0]["val_accuracy"] == pytest.approx(np.mean(scores.argmax(axis=1) == right))


def test_the_encoder_as_it_came_is_kept_where_no_epoch_is_better(encoder: Path) -> None:
    """In training, each message gets the reply to another."""
    replies = [answer.text for answer in bank().answers]
    wrong = {same_text(reply): other for reply, other in zip(replies, replies[1:] + replies[:1], strict=True)}
    tickets = [replace(ticket, reply=wrong[same_text(str(ticket.reply))]) for ticket in DATA["train"]]
    data = TicketDataset("wrong", {"train": tickets, "validation": DATA["validation"]})
    trained = train(data, task="suggest", backbone=encoder, **{**OPTIONS, "label_weight": 0.0, "learning_rate": 0.2})
    assert trained.metrics["best_epoch"] == 0
    assert trained.metrics["accuracy"] == trained.history[0]["val_accuracy"]
    model = untrained(encoder)
    for side in SIDES:
        np.testing.assert_allclose(trained.model.vectors(TEXTS, side), model.vectors(TEXTS, side), atol=1e-6)


def test_each_text_is_read_once(encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(model: Any, texts: list[str], *more: Any) -> Any:
        read.extend(texts)
        return encode(model, texts, *more)

    def unread(*_: Any) -> Any:
        raise AssertionError("read a text again")

    monkeypatch.setattr("supportnet.tasks.suggest.fit_pretrained.encode", counted)
    monkeypatch.setattr(Suggester, "_run", unread)
    train_suggester(backbone=encoder, hard_negatives=1, **OPTIONS)
    tickets = [*DATA["train"], *DATA["validation"]]
    assert len(read) == len(set(read))
    assert {ticket.text for ticket in tickets} <= set(read)
    assert {same_text(str(ticket.reply)) for ticket in tickets} <= {same_text(text) for text in read}


def test_what_was_read_is_not_read_again(run: Run) -> None:
    """By hard negatives and by the calibration, after which it is forgotten."""
    model = run[1].model
    assert model.sentences == {}
    sentences = read_once(model, pairs_of(DATA, SuggestConfig()), progress_bar=False)
    texts = list(sentences)
    expected = {side: model.vectors(texts, side) for side in SIDES}
    model.sentences = {text: vector[::-1] for text, vector in sentences.items()}
    turned = {side: model.vectors(texts, side) for side in SIDES}
    model.sentences = sentences
    known = {side: model.vectors(texts, side) for side in SIDES}
    model.sentences = {}
    for side in SIDES:
        np.testing.assert_allclose(known[side], expected[side], atol=1e-5)
        assert np.abs(turned[side] - expected[side]).max() > 0.1


def test_without_validation_the_last_epoch_is_kept(encoder: Path) -> None:
    data = TicketDataset("toy", {"train": DATA["train"]})
    options = {**OPTIONS, "validation_share": 0.0, "epochs": 2, "hard_negatives": 1}
    with pytest.warns(UserWarning, match="validation"):
        trained = train(data, task="suggest", backbone=encoder, **options)
    assert trained.metrics == {"accuracy": None, "loss": None, "best_epoch": 2}
    assert trained.history[0] == {}
    assert not same_weights(trained.model.heads["message"], untrained(encoder).heads["message"])


@pytest.mark.slow
def test_a_killed_run_goes_on(run: Run, encoder: Path, tmp_path: Path) -> None:
    class Killed(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 3:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_suggester(tmp_path / "run", backbone=encoder, callbacks=[Killed()], **OPTIONS)
    resumed = train_suggester(tmp_path / "run", backbone=encoder, resume=True, **OPTIONS)
    assert resumed.history == run[1].history
    assert resumed.metrics == run[1].metrics
    assert same_weights(resumed.model.network, run[1].model.network)
    again = train_suggester(tmp_path / "run", backbone=encoder, resume=True, **OPTIONS)
    assert same_weights(again.model.network, run[1].model.network)


# Runs and exports.


def test_it_comes_back_from_its_folder(run: Run) -> None:
    loaded, model = load(run[0], "suggest"), run[1].model
    assert (loaded.config, loaded.relevance, loaded.labels) == (model.config, model.relevance, model.labels)
    for side in SIDES:
        np.testing.assert_array_equal(loaded.vectors(TEXTS, side), model.vectors(TEXTS, side))


def test_it_is_evaluated(run: Run) -> None:
    figures = evaluate_suggester(load(run[0], "suggest"), DATA["validation"], bank())
    assert (figures["num_examples"], figures["bank_size"]) == (36, 12)
    assert figures["label_accuracy"] > 0.4


def test_a_run_and_its_export_answer_alike(run: Run, exported: ExportedSuggester) -> None:
    model = run[1].model
    found = exported.run("suggest", TEXTS)
    for row, suggestions in enumerate(model.suggest(TEXTS, model.index(bank()), top_k=10)):
        ids = [answer_id.decode() for answer_id in found["suggestion_ids"][row]]
        assert ids == [one.id for one in suggestions] + [""] * (10 - len(suggestions))
        scores = [one.score for one in suggestions]
        np.testing.assert_allclose(found["suggestion_scores"][row, : len(scores)], scores, atol=1e-5)


def test_the_licence_goes_along(run: Run, exported: ExportedSuggester, tmp_path: Path) -> None:
    """Into a run, into an export of it, and into that one with another bank."""
    own = run[0] / "licences" / "reader"
    new = index(exported, Bank("new", [Answer("n1", "We moved."), Answer("n2", "We sent it.")]), tmp_path / "new")
    folders = [own, *(Path(path) / "assets.extra" / "licences" / "reader" for path in (exported.path, new))]
    for folder in folders:
        assert (folder / "LICENSE").read_text("utf-8") == "Anyone may do anything.\n"
    for folder in folders[1:]:
        assert "Changed: yes (the word table is rounded to int8)" in (folder / "SOURCE.txt").read_text("utf-8")
    assert [check.passed for check in licences(SavedModelFiles(new))] == [True]
    assert ExportedSuggester(new).run("suggest", ["where parcel the lamp"])["suggestion_ids"][0, 0] in (b"n1", b"n2")


@pytest.mark.slow
def test_a_run_is_trained_anew_with_the_encoder_that_is_named(run: Run, encoder: Path) -> None:
    with pytest.raises(UserError, match="was trained with backbone"):
        train(DATA, previous=run[0], progress_bar=False)
    assert read_json(run[0] / "config.json")["network"]["vector_dim"] == 8
    tasks, options = _continued(run[0], {"backbone": encoder}, {"epochs": 3})
    assert (tasks, options["epochs"], options["learning_rate"]) == (["suggest"], 3, 0.02)
    assert not {"pretrained", "vector_dim"} & set(options)


@pytest.mark.slow
def test_the_commands(encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*arguments: object) -> dict[str, Any]:
        with pytest.raises(SystemExit) as end:
            main([*map(str, arguments), "--json"])
        out, error = capsys.readouterr()
        assert end.value.code == 0, error
        return dict(json.loads(out))

    rows = [(t.text, t.reply, t.intent) for t in DATA["train"] if t.text]
    chats, answers = tmp_path / "chats.csv", tmp_path / "answers.csv"
    chats.write_text("text,reply,intent\n" + "".join(f"{m},{r},{i}\n" for m, r, i in rows), "utf-8")
    answers.write_text("id,text\n" + "".join(f"{a.id},{a.text}\n" for a in bank().answers), "utf-8")
    suggest = ("--task", "suggest", "--backbone", encoder, "--max-length", 32)
    trained = said("train", *suggest, "--data", chats, "--epochs", 1, "--out", tmp_path / "run")
    assert trained["validation"]["best_epoch"] in (0, 1)
    anew = ("--from", tmp_path / "run", "--backbone", encoder, "--epochs", 2)
    assert said("train", *anew, "--data", chats, "--out", tmp_path / "anew")["epochs"] == 3
    said("evaluate", tmp_path / "anew", "--data", chats, "--bank", answers)
    written = said("index", tmp_path / "anew", "--bank", answers, "--out", tmp_path / "model")
    assert written["answers"] == 12


# What can't be done.


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vector_dim": 4}, r"vector_dim must be that of the pretrained encoder, 8\. Received: vector_dim=4"),
        ({"tuned_blocks": 1}, "tuned_blocks is for the task classify"),
        ({"max_length": 33}, "max_length must be at most 32"),
        ({"embeddings": "word2vec"}, "backbone must not be given with init or embeddings"),
        ({"task": ("classify", "suggest")}, "backbone must be left to the training of one task. Received: backbone="),
    ],
)
def test_what_does_not_go_together(options: dict[str, Any], message: str, encoder: Path) -> None:
    with pytest.raises(UserError, match=message):
        train(DATA, backbone=encoder, **{"task": "suggest", **SIZES, **options})


def test_weights_without_a_licence(encoder: Path, tmp_path: Path) -> None:
    bare = shutil.copytree(encoder, tmp_path / "bare")
    (bare / "LICENSE").unlink()
    with pytest.warns(UserWarning, match="bare holds no licence of its weights"), warnings.catch_warnings():
        InitialWeights.of(None, backbone=bare)
