"""Training a dual encoder: it learns, repeats itself, goes on where it was stopped, and says what doesn't fit."""

import json
import shutil
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from leaks import leaks

from supportnet.architectures import encoder_names
from supportnet.config import NetworkConfig
from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.embeddings import save_word_embeddings, train_word_embeddings
from supportnet.errors import UserError
from supportnet.files import read_json
from supportnet.tasks.suggest.calibrate import Relevance
from supportnet.tasks.suggest.config import SuggestConfig
from supportnet.tasks.suggest.model import Suggester
from supportnet.tasks.train import Trained, load, train
from supportnet.text.vocabulary import Vocabulary
from supportnet.training.initial_weights import Encoder, InitialWeights
from supportnet.training.loop import Progress, save_checkpoint
from supportnet.training.run_folder import begin, read_names, save_network, tasks_of
from supportnet.training.splits import reply_splits

#: What must be the same, byte by byte, whether a training was interrupted or not.
RESULTS = ["config.json", "history.json", "metrics.json", "vocabulary.txt", "labels.json", "relevance.json"]
FILES = [*RESULTS, "model_card.json", "weights.weights.h5"]
Run = tuple[Path, Trained]

train_suggester = partial(train, task="suggest")


def same_weights(one: Suggester, other: Suggester) -> bool:
    pairs = zip(one.network.get_weights(), other.network.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def replies_of(dataset: TicketDataset) -> list[str]:
    return [str(ticket.reply) for ticket in dataset["train"]]


@pytest.fixture
def copy(suggester: Run, tmp_path: Path) -> Path:
    """A copy of the finished run, to damage."""
    for name in FILES:
        shutil.copy(suggester[0] / name, tmp_path)
    return tmp_path


def test_it_learns(suggester: Run) -> None:
    """24 messages for 12 replies: by chance, one in twelve finds its own."""
    _, trained = suggester
    assert trained.metrics["accuracy"] > 0.7
    assert trained.history[-1]["loss"] < 0.5 * trained.history[0]["loss"]
    best = max(trained.history, key=lambda epoch: (epoch["val_accuracy"], -epoch["val_loss"]))
    assert trained.metrics == {
        "accuracy": best["val_accuracy"],
        "loss": best["val_loss"],
        "best_epoch": trained.history.index(best) + 1,
    }
    assert trained.model.relevance != Relevance()
    assert trained.model.labels == ["cancel", "login", "refund", "track"]
    # Either side tells the labels.
    for side, text in (("message", "where parcel the book"), ("reply", "We sent your book.")):
        assert trained.model.vectors([text], side)[0, 32:].argmax() == 3


def test_the_folder(suggester: Run) -> None:
    folder, trained = suggester
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES, "seen.npy", "checkpoint.npz", "logs"])
    assert read_json(folder / "history.json") == trained.history
    assert read_json(folder / "metrics.json") == trained.metrics
    config = read_json(folder / "config.json")
    assert (config["task"], config["network"]["vector_dim"], config["training"]["hard_negatives"]) == ("suggest", 16, 1)
    facts = ("name", "licence", "train_messages", "validation_messages")
    assert [config["data"][name] for name in facts] == ["toy pairs", "CC0-1.0", 60, 24]
    assert (tasks_of(folder), tasks_of(folder / "logs")) == (("suggest",), ())


def test_it_comes_back_from_its_folder(suggester: Run) -> None:
    folder, trained = suggester
    loaded = load(folder, "suggest")
    assert (loaded.config, loaded.vocabulary) == (trained.model.config, trained.model.vocabulary)
    assert (loaded.labels, loaded.relevance) == (trained.model.labels, trained.model.relevance)
    for side in ("message", "reply"):
        texts = ["where is the lamp?", "", "We paid."]
        np.testing.assert_array_equal(loaded.vectors(texts, side), trained.model.vectors(texts, side))


@pytest.mark.slow
def test_interrupted_and_resumed(
    pairs_dataset: TicketDataset,
    pair_options: dict[str, Any],
    suggester: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As if nothing had happened: which also says that the same seed gives the same."""

    def die(path: Path, model: object, best: object, progress: Progress) -> None:
        save_checkpoint(path, model, best, progress)
        if progress.epoch == 2:
            raise KeyboardInterrupt

    folder, trained = suggester
    monkeypatch.setattr("supportnet.training.loop.save_checkpoint", die)
    with pytest.raises(KeyboardInterrupt):
        train_suggester(pairs_dataset, tmp_path / "run", **pair_options)
    monkeypatch.undo()
    with pytest.raises(UserError, match=r"weights\.weights\.h5 is missing: the training hasn't finished"):
        load(tmp_path / "run", "suggest")
    resumed = train_suggester(pairs_dataset, tmp_path / "run", resume=True, **pair_options)
    assert resumed.history == trained.history
    assert same_weights(resumed.model, trained.model)
    assert all((tmp_path / "run" / name).read_bytes() == (folder / name).read_bytes() for name in RESULTS)


def test_another_seed_gives_another_model(
    pairs_dataset: TicketDataset, pair_options: dict[str, Any], suggester: Run
) -> None:
    """And without hard negatives, labels or a folder it learns as well."""
    options = {**pair_options, "hard_negatives": 0, "label_weight": 0.0, "epochs": 4}
    trained = train_suggester(pairs_dataset, **options, seed=1)
    assert trained.model.labels == []
    assert trained.metrics["accuracy"] > 0.3
    embed = [model.backbone.embed.get_weights()[0] for model in (trained.model, suggester[1].model)]
    assert not np.array_equal(*embed)


def test_a_finished_run_is_returned_as_it_is(
    pairs_dataset: TicketDataset, pair_options: dict[str, Any], suggester: Run
) -> None:
    folder, trained = suggester
    checkpoint = (folder / "checkpoint.npz").stat().st_mtime_ns
    again = train_suggester(pairs_dataset, folder, resume=True, **pair_options)
    assert again.history == trained.history
    assert same_weights(again.model, trained.model)
    assert (folder / "checkpoint.npz").stat().st_mtime_ns == checkpoint


def test_runs_that_are_another(pairs_dataset: TicketDataset, pair_options: dict[str, Any], suggester: Run) -> None:
    folder, _ = suggester
    with pytest.raises(UserError, match=r"already holds a finished run: go on with --resume"):
        train_suggester(pairs_dataset, folder, **pair_options)
    for name, known, value in (("hard_negatives", 1, 2), ("label_weight", 0.2, 0.3), ("vector_dim", 16, 8)):
        with pytest.raises(UserError, match=rf"was made with {name}={known}: go on .* Received: {name}={value}"):
            train_suggester(pairs_dataset, folder, resume=True, **{**pair_options, name: value})
    # The same messages, and one reply that is another.
    tickets = pairs_dataset["train"]
    other = replace(pairs_dataset, splits={**pairs_dataset.splits, "train": [*tickets[:-1], tickets[0]]})
    with pytest.raises(UserError, match=r"was made from other data \(toy pairs\)"):
        train_suggester(other, folder, resume=True, **pair_options)


@pytest.mark.parametrize("architecture", encoder_names())
def test_a_pretrained_encoder_gives_its_layers(architecture: str) -> None:
    config = NetworkConfig(architecture, embedding_dim=8, hidden_dim=4, num_heads=2, num_buckets=100)
    encoder = Encoder.fresh(config, Vocabulary(["parcel", "late"]))
    # What only a suggestion network has may be another.
    model = Suggester(replace(config, vector_dim=4), encoder.vocabulary)
    encoder.initialize(model)
    pretrained = encoder.network.backbone
    for given, layer in ((model.backbone.embed, pretrained.embed), (model.backbone.encoder, pretrained.encoder)):
        assert (given is None) == (layer is None)
        if layer is not None:
            assert layer.get_weights()
            pairs = zip(given.get_weights(), layer.get_weights(), strict=True)
            assert all(np.array_equal(a, b) for a, b in pairs)


def test_it_starts_from_a_pretrained_encoder(pairs_dataset: TicketDataset, tmp_path: Path) -> None:
    """At a learning rate so low that training leaves the weights where they started."""
    config = NetworkConfig("none", embedding_dim=16, num_heads=2, num_buckets=500)
    encoder = Encoder.fresh(config, Vocabulary.build(replies_of(pairs_dataset), min_count=1))
    begin(tmp_path, {"task": "pretrain", "network": asdict(config)})
    save_network(tmp_path, encoder.vocabulary, encoder.network)
    still = {"epochs": 1, "learning_rate": 1e-9, "weight_decay": 0.0, "batch_size": 60, "progress_bar": False}
    model = train_suggester(pairs_dataset, init=tmp_path, vector_dim=4, **still).model
    assert (model.vocabulary, model.config.vector_dim) == (encoder.vocabulary, 4)
    given, wanted = model.backbone.embed.get_weights(), encoder.network.backbone.embed.get_weights()
    for mine, pretrained in zip(given, wanted, strict=True):
        np.testing.assert_allclose(mine, pretrained, atol=1e-6)
    with pytest.raises(UserError, match=r"^embedding_dim must be that of the pre-trained encoder, 16"):
        train_suggester(pairs_dataset, init=tmp_path, **{**still, "embedding_dim": 8})


def test_it_starts_from_word_vectors(pairs_dataset: TicketDataset, tmp_path: Path) -> None:
    vectors = train_word_embeddings(replies_of(pairs_dataset), embedding_dim=8, progress_bar=False)
    save_word_embeddings(tmp_path / "vectors.bin", vectors)
    vocabulary = Vocabulary.build(replies_of(pairs_dataset), min_count=1)
    config = NetworkConfig(embedding_dim=8, hidden_dim=4, num_heads=2, num_layers=0, num_buckets=100)
    model = Suggester(config, vocabulary)
    coverage = InitialWeights.of(None, tmp_path / "vectors.bin", 0.9).apply(model, replies_of(pairs_dataset), 0, False)
    assert coverage is not None
    assert coverage.type_share == 1.0
    ids = [vocabulary[word] for word in vectors.index_to_key]
    for branch in np.split(np.array(model.backbone.embed.word_embeddings)[ids], 2, axis=1):
        ratio = branch / vectors.vectors
        np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-3)


@pytest.mark.parametrize("split", ["all", "train"])
def test_no_conversation_is_in_both_parts(pairs_dataset: TicketDataset, split: str) -> None:
    tickets = [*pairs_dataset["train"], *[Ticket(f"alone {i}", reply="Yes.") for i in range(20)]]
    tickets += [Ticket("no reply"), Ticket("blank", reply=" \n")]
    dataset = TicketDataset("toy", {split: tickets})
    train, validation = reply_splits(dataset, 0.2, seed=3)
    names = [{ticket.conversation for ticket in part} - {None} for part in (train, validation)]
    assert names[0] & names[1] == set()
    assert all(names)
    assert sorted(map(hash, (*train, *validation))) == sorted(map(hash, tickets[:-2]))
    # Of 30 conversations and 20 messages alone, a fifth.
    assert len({ticket.conversation or ticket.text for ticket in validation}) == 10
    assert (train, validation) == reply_splits(dataset, 0.2, seed=3)
    assert validation != reply_splits(dataset, 0.2, seed=4)[1]


def test_validation_of_the_data_is_kept_as_it_is(pairs_dataset: TicketDataset) -> None:
    train, validation = reply_splits(pairs_dataset, 0.1, seed=0)
    assert (train, validation) == (pairs_dataset["train"], pairs_dataset["validation"])
    for splits in ({"train": train}, {"train": train, "validation": [Ticket("no reply")]}):
        with pytest.warns(UserWarning, match="no validation messages with a reply: the last epoch's weights are kept"):
            assert reply_splits(replace(pairs_dataset, splits=splits), 0.0, seed=0)[1] == []


def test_personal_numbers_stay_out_and_without_validation_the_last_epoch_is_kept(
    pairs_dataset: TicketDataset, pair_options: dict[str, Any], tmp_path: Path
) -> None:
    number, card = "+44 20 7946 0958", "4929 7381 5526 0438"
    planted = [Ticket(f"call {number} please", "login", f"We called {number} about {card}.")] * 3
    dataset = TicketDataset("planted", {"train": [*pairs_dataset["train"][:20], *planted]})
    options = {**pair_options, "epochs": 2, "hard_negatives": 0, "validation_share": 0.0}
    with pytest.warns(UserWarning, match="no validation messages with a reply"):
        trained = train_suggester(dataset, tmp_path / "run", **options)
    assert trained.metrics == {"accuracy": None, "loss": None, "best_epoch": 2}
    assert trained.model.relevance == Relevance()
    words = set((tmp_path / "run" / "vocabulary.txt").read_text("utf-8").split("\n"))
    assert {"<phone>", "<card>", "called", "please"} <= words
    assert not {"7946", "0958", "4929", "0438"} & words
    assert leaks(tmp_path, [number, card]) == []


def test_data_that_cannot_be_learned_from(pair_options: dict[str, Any], tmp_path: Path) -> None:
    silent = TicketDataset("silent", {"train": [Ticket("hi"), Ticket("hello", reply=" ")]})
    with pytest.raises(UserError, match=r"^No message of silent has a reply.*--reply-column"):
        train_suggester(silent, tmp_path / "run", **pair_options)
    one = [Ticket("hi", "greet", "Hello!"), Ticket("hey", "greet", "HELLO!")]
    dataset = TicketDataset("one", {"train": one, "validation": one})
    with pytest.raises(UserError, match=r"^one must have at least two different replies to train on\. It has one\."):
        train_suggester(dataset, tmp_path / "run", **pair_options)
    two = [Ticket("hi", None, "Hello!"), Ticket("bye", None, "Goodbye.")]
    dataset = TicketDataset("two", {"train": two, "validation": one})
    with pytest.raises(UserError, match=r"^label_weight must be 0 where no message has a label"):
        train_suggester(dataset, tmp_path / "run", **pair_options)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("batch_size", 1, "must be at least 2"),
        ("hard_negatives", -1, "must be at least 0"),
        ("label_weight", -0.1, "must be at least 0"),
        ("label_weight", float("inf"), "must be at least 0"),
        ("validation_share", 1.0, "must be at least 0 and below 1"),
        ("epochs", 0, "must be at least 1"),
        ("learning_rate", 0.0, "must be above 0"),
        ("seed", 2**32, r"must be below 2\^32"),
    ],
)
def test_the_configuration_is_checked(name: str, value: float, rule: str) -> None:
    with pytest.raises(UserError, match=rf"^{name} {rule}\. Received: {name}="):
        SuggestConfig(**{name: value})


def test_a_run_of_another_task(copy: Path) -> None:
    config = read_json(copy / "config.json")
    (copy / "config.json").write_text(json.dumps({**config, "task": "classify"}))
    with pytest.raises(UserError, match=r"must hold a run of the task suggest\. Received: one of the task classify"):
        load(copy, "suggest")
    assert tasks_of(copy) == ("classify",)
    for content in ("[]", "{}", '{"task": 1}'):
        (copy / "config.json").write_text(content)
        with pytest.raises(UserError, match=r"config\.json is damaged: it names no task\."):
            tasks_of(copy)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    if name in ("history.json", "metrics.json", "model_card.json"):
        (copy / name).unlink()
        load(copy, "suggest")
        return
    (copy / name).unlink()
    with pytest.raises(UserError, match=rf"{name.replace('.', '[.]')} is missing"):
        load(copy, "suggest")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *[("labels.json", content) for content in ("", "{}", '"ab"', '["a", 1]', '["a", "a"]')],
        *[
            ("relevance.json", content)
            for content in ("{", "[]", "3", '{"inverse_temperature": "a"}', '{"inverse_temperature": 0}')
        ],
        *[("relevance.json", content) for content in ('{"prior": NaN}', '{"other": 1}', "null")],
    ],
)
def test_a_damaged_file_is_named(copy: Path, name: str, content: str) -> None:
    (copy / name).write_text(content)
    with pytest.raises(UserError, match=rf"{name.replace('.', '[.]')} (is damaged|can't be read)"):
        load(copy, "suggest")


def test_labels_that_the_weights_do_not_fit(copy: Path) -> None:
    (copy / "labels.json").write_text('["a"]')
    with pytest.raises(UserError, match=r"weights\.weights\.h5 can't be read: it is damaged, or doesn't belong to "):
        load(copy, "suggest")


def test_names_are_read(tmp_path: Path) -> None:
    path = tmp_path / "names.json"
    path.write_text('["b", "a"]')
    assert read_names(path, least=2) == ["b", "a"]
    with pytest.raises(UserError, match=r"names\.json is damaged: it must hold a list of distinct names\."):
        read_names(path, least=3)
