"""Training a model that writes replies: it learns, repeats itself, goes on where it was stopped, keeps no secrets."""

import shutil
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from leaks import leaks
from small_replier import make_replier

from supportnet.config import NetworkConfig
from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.errors import UserError
from supportnet.files import read_json, write_json
from supportnet.tasks.reply.calibrate import Handoff, fit_handoff
from supportnet.tasks.reply.evaluate import exact_matches, perplexity
from supportnet.tasks.train import Trained, load, train
from supportnet.text.vocabulary import Vocabulary
from supportnet.training.initial_weights import Encoder
from supportnet.training.loop import Progress, save_checkpoint
from supportnet.training.run_folder import begin, save_network

#: What must be the same, byte by byte, whether a training was interrupted or not.
RESULTS = ["config.json", "history.json", "metrics.json", "vocabulary.txt", "pieces.json", "handoff.json", "seen.npy"]
FILES = [*RESULTS, "model_card.json", "weights.weights.h5"]
Run = tuple[Path, Trained]

train_replier = partial(train, task="reply")


def test_it_learns_to_write_what_agents_wrote(replier: Run, replies_dataset: TicketDataset) -> None:
    """Twelve replies: by chance, one in twelve would be right. Some are in capitals, at random."""
    _, trained = replier
    assert trained.metrics["accuracy"] > 0.85
    assert 1 < trained.metrics["perplexity"] < 1.9
    tickets = [ticket for ticket in replies_dataset["validation"] if ticket.text]
    written = [reply.text for reply in trained.model.reply([ticket.text for ticket in tickets])]
    assert exact_matches(written, [str(ticket.reply) for ticket in tickets]).mean() > 0.8


def test_the_perplexity_is_that_of_the_evaluation(replier: Run, replies_dataset: TicketDataset) -> None:
    """Whatever batches the pieces come in."""
    _, trained = replier
    measured = perplexity(trained.model, replies_dataset["validation"])
    assert trained.metrics["perplexity"] == pytest.approx(measured, rel=1e-4)


def test_the_threshold_keeps_what_it_promises_on_validation(replier: Run) -> None:
    handoff = replier[1].model.handoff
    assert handoff.threshold is not None
    assert handoff.quality is not None
    assert (handoff.target, handoff.num_replies) == (0.6, 48)
    assert handoff.quality >= 0.6
    # The message without words is handed off, if no other is.
    assert handoff.rate >= 1 / 48
    assert [reply.handoff for reply in replier[1].model.reply([""])] == [True]


def test_the_folder(replier: Run) -> None:
    folder, trained = replier
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES, "checkpoint.npz", "logs"])
    assert read_json(folder / "history.json") == trained.history
    assert read_json(folder / "metrics.json") == trained.metrics
    config = read_json(folder / "config.json")
    assert (config["task"], config["network"]["num_pieces"], config["training"]["batch_tokens"]) == ("reply", 300, 200)
    assert [config["data"][name] for name in ("name", "train_messages", "validation_messages")] == [
        *("toy replies", 60, 48)
    ]


def test_it_comes_back_from_its_folder(replier: Run) -> None:
    folder, trained = replier
    loaded = load(folder, "reply")
    assert (loaded.config, loaded.vocabulary) == (trained.model.config, trained.model.vocabulary)
    assert (loaded.pieces, loaded.handoff) == (trained.model.pieces, trained.model.handoff)
    texts = ["where track the lamp", "", "refund money the shoe"]
    assert loaded.reply(texts) == trained.model.reply(texts)


@pytest.mark.slow
def test_interrupted_and_resumed(
    replies_dataset: TicketDataset,
    reply_options: dict[str, Any],
    replier: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As if nothing had happened: which also says that the same seed gives the same."""

    def die(path: Path, model: object, best: object, progress: Progress) -> None:
        save_checkpoint(path, model, best, progress)
        if progress.epoch == 2:
            raise KeyboardInterrupt

    folder, trained = replier
    monkeypatch.setattr("supportnet.training.loop.save_checkpoint", die)
    with pytest.raises(KeyboardInterrupt):
        train_replier(replies_dataset, tmp_path / "run", **reply_options)
    monkeypatch.undo()
    with pytest.raises(UserError, match=r"weights\.weights\.h5 is missing: the training hasn't finished"):
        load(tmp_path / "run", "reply")
    resumed = train_replier(replies_dataset, tmp_path / "run", resume=True, **reply_options)
    assert resumed.history == trained.history
    pairs = zip(resumed.model.network.get_weights(), trained.model.network.get_weights(), strict=True)
    assert all(np.array_equal(one, other) for one, other in pairs)
    assert all((tmp_path / "run" / name).read_bytes() == (folder / name).read_bytes() for name in RESULTS)


def test_runs_that_are_another(replies_dataset: TicketDataset, reply_options: dict[str, Any], replier: Run) -> None:
    folder, _ = replier
    with pytest.raises(UserError, match=r"already holds a finished run: go on with --resume"):
        train_replier(replies_dataset, folder, **reply_options)
    with pytest.raises(UserError, match=r"was made with batch_tokens=200: go on .* Received: batch_tokens=100"):
        train_replier(replies_dataset, folder, resume=True, **{**reply_options, "batch_tokens": 100})


@pytest.mark.parametrize("name", [name for name in FILES if name not in ("history.json", "metrics.json")])
def test_a_damaged_file_is_named(replier: Run, tmp_path: Path, name: str) -> None:
    for file in FILES:
        shutil.copy(replier[0] / file, tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[: (tmp_path / name).stat().st_size // 2])
    with pytest.raises(UserError, match=name.replace(".", r"\.")):
        load(tmp_path, "reply")


def test_another_tasks_run(replier: Run, tmp_path: Path) -> None:
    for file in FILES:
        shutil.copy(replier[0] / file, tmp_path)
    write_json(tmp_path / "config.json", {**read_json(tmp_path / "config.json"), "task": "suggest"})
    with pytest.raises(UserError, match=r"must hold a run of the task reply\. Received: one of the task suggest"):
        load(tmp_path, "reply")


def test_it_starts_from_a_pretrained_encoder(replies_dataset: TicketDataset, tmp_path: Path) -> None:
    """At a learning rate so low that training leaves the weights where they started."""
    config = NetworkConfig("none", embedding_dim=16, num_heads=2, num_buckets=500)
    encoder = Encoder.fresh(config, Vocabulary.build(["where is my lamp"], min_count=1))
    begin(tmp_path, {"task": "pretrain", "network": asdict(config)})
    save_network(tmp_path, encoder.vocabulary, encoder.network)
    # What only a reply network has may be another.
    own = {"num_pieces": 300, "max_reply_length": 4}
    still = {"epochs": 1, "learning_rate": 1e-9, "weight_decay": 0.0, "batch_tokens": 2000, "progress_bar": False}
    with pytest.warns(UserWarning, match="--quality"):
        model = train_replier(replies_dataset, init=tmp_path, **own, **still).model
    assert (model.vocabulary, model.config.max_reply_length) == (encoder.vocabulary, 4)
    given, wanted = model.backbone.embed.get_weights(), encoder.network.backbone.embed.get_weights()
    for mine, pretrained in zip(given, wanted, strict=True):
        np.testing.assert_allclose(mine, pretrained, atol=1e-6)
    with pytest.raises(UserError, match=r"^embedding_dim must be that of the pre-trained encoder, 16"):
        train_replier(replies_dataset, init=tmp_path, **{**own, **still, "embedding_dim": 8})


def test_pieces_must_have_room_for_the_bytes(replies_dataset: TicketDataset, reply_options: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"^num_pieces must be at least 259 .* Received: num_pieces=258"):
        train_replier(replies_dataset, **{**reply_options, "num_pieces": 258})


def test_lone_surrogates_are_taken() -> None:
    """JSON can hold them; here where the threshold is chosen."""
    model = make_replier("none", max_reply_length=2)
    tickets = [Ticket("lone \ud800 half", reply="as \udc00 here"), Ticket("hi", reply="Hello")]
    with pytest.warns(UserWarning, match="--quality"):
        assert fit_handoff(model, tickets, target=0.9).num_replies == 2


def test_what_a_customer_sent_stays_out_and_comes_back(
    replies_dataset: TicketDataset, reply_options: dict[str, Any], tmp_path: Path
) -> None:
    """An order's number is in no file, and the model names the number that the customer gives."""
    secret = "83920175"
    asked = [Ticket(f"my order {secret}{i}", "number", f"I see order {secret}{i}.", f"n-{i}") for i in range(10)]
    train = [*replies_dataset["train"], *asked * 2]
    dataset = replace(replies_dataset, splits={**replies_dataset.splits, "train": train})
    trained = train_replier(dataset, tmp_path / "run", **reply_options)
    assert leaks(tmp_path, [secret]) == []
    assert trained.model.pieces.slots == ["{number}"]
    assert trained.model.reply(["my order AB-777001"])[0].text == "I see order AB-777001."


def test_without_validation_every_reply_is_handed_off(
    replies_dataset: TicketDataset, reply_options: dict[str, Any]
) -> None:
    dataset = replace(replies_dataset, splits={"train": replies_dataset["train"]})
    with pytest.warns(UserWarning, match="no validation messages with a reply"):
        trained = train_replier(dataset, **{**reply_options, "epochs": 1, "validation_share": 0.0})
    assert trained.metrics == {"accuracy": None, "loss": None, "perplexity": None, "best_epoch": 1}
    assert trained.model.handoff == Handoff()
    assert trained.model.reply(["where is my lamp"])[0].handoff


@pytest.mark.slow
def test_a_convolutional_encoder_learns(replies_dataset: TicketDataset, reply_options: dict[str, Any]) -> None:
    trained = train_replier(replies_dataset, **{**reply_options, "architecture": "conv"})
    assert trained.metrics["accuracy"] > 0.85
    assert trained.history[-1]["loss"] < 0.5 * trained.history[0]["loss"]


def test_there_must_be_replies(reply_options: dict[str, Any]) -> None:
    dataset = TicketDataset("labels only", {"train": [Ticket("hi", "greet"), Ticket("bye", "leave")]})
    with pytest.raises(UserError, match=r"^No message of labels only has a reply\."):
        train_replier(dataset, **reply_options)
