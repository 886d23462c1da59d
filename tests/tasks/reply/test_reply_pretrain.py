"""Pre-training of a model that writes replies: what is asked, that it learns, that it goes on where it stopped."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_replier import make_replier

from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.errors import UserError
from supportnet.files import read_json
from supportnet.tasks.reply.config import ReplyConfig
from supportnet.tasks.reply.data import ReplyPairs, Split
from supportnet.tasks.reply.fit import fit, turns_of
from supportnet.tasks.train import Trained, load, train
from supportnet.text.byte_pairs import BytePairVocabulary
from supportnet.training.loop import Loop, Progress, save_checkpoint

pytestmark = pytest.mark.slow

RESULTS = ["config.json", "history.json", "metrics.json", "vocabulary.txt", "pieces.json", "handoff.json"]

train_replier = partial(train, task="reply")


def test_what_is_asked() -> None:
    """The newest turn, after those before it; what isn't a conversation is one turn, and nothing is asked of none."""
    texts = ["customer: where?\nagent: hi\ncustomer: hello", "agent: wait", "where?\nagent: Ann", "", "customer: \nx"]
    asked = [(ticket.text, ticket.reply) for ticket in turns_of(Ticket(text, reply="not read") for text in texts)]
    assert asked == [
        ("agent: hi\ncustomer: hello", "customer: where?"),
        ("", "agent: wait"),
        ("", "where?\nagent: Ann"),
        ("x", "customer: "),
    ]


def test_personal_data_are_not_asked() -> None:
    """Values that a customer sent are slots here as well."""
    model = make_replier("gpt", max_reply_length=64)
    model.pieces = BytePairVocabulary(["{number}"], [])
    pairs = ReplyPairs.of(turns_of([Ticket("customer: my order is 83920175, ann@example.com\nagent: hello")]), model)
    assert [model.pieces.decode(pieces) for pieces in pairs.pieces] == ["customer: my order is {number}, {email}"]


@pytest.fixture(scope="module")
def dataset() -> TicketDataset:
    """The newest turn says what is wanted of the thing that the one before names, and the reply repeats it."""
    things = ("book", "lamp", "shoe")
    pairs = [(thing, wanted) for thing in things for wanted in ("track", "cancel", "return")]
    tickets = [
        Ticket(f"customer: I want to {wanted} it.\nagent: Is it the {thing}?", reply=f"We {wanted} the {thing}.")
        for thing, wanted in pairs
    ]
    return TicketDataset("toy contexts", {"train": tickets * 24, "validation": tickets * 4})


@pytest.fixture(scope="module")
def gpt_options(reply_options: dict[str, Any]) -> dict[str, Any]:
    return {**reply_options, "architecture": "gpt", "pretraining_epochs": 2, "epochs": 4, "batch_tokens": 400}


@pytest.fixture(scope="module")
def finished(
    dataset: TicketDataset, gpt_options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Trained]:
    folder = tmp_path_factory.mktemp("runs") / "gpt"
    return folder, train_replier(dataset, folder, **gpt_options)


def test_it_learns_to_write(finished: tuple[Path, Trained], dataset: TicketDataset) -> None:
    folder, trained = finished
    # What a message says can be told but for one word of three.
    assert 1 < trained.metrics["pretraining_perplexity"] < 8
    assert trained.metrics["accuracy"] > 0.8
    assert read_json(folder / "metrics.json") == trained.metrics
    assert len(trained.history) == 4
    texts = [ticket.text for ticket in dataset["train"][:9]]
    loaded = load(folder, "reply")
    assert loaded.config.architecture == "gpt"
    assert loaded.reply(texts) == trained.model.reply(texts)
    assert len({reply.text for reply in loaded.reply(texts)}) > 3


def test_interrupted_and_resumed(
    finished: tuple[Path, Trained],
    dataset: TicketDataset,
    gpt_options: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Right after pre-training, and later: as if nothing had happened."""
    run = tmp_path / "run"

    def die(path: Path, model: object, best: object, progress: Progress) -> None:
        save_checkpoint(path, model, best, progress)
        if (path.parent, progress.epoch) in stops:
            raise KeyboardInterrupt

    folder, trained = finished
    monkeypatch.setattr("supportnet.training.loop.save_checkpoint", die)
    stops = [(run / "pretraining", 2), (run, 1)]
    for _ in stops:
        with pytest.raises(KeyboardInterrupt):
            train_replier(dataset, run, resume=True, **gpt_options)
    monkeypatch.undo()
    resumed = train_replier(dataset, run, resume=True, **gpt_options)
    pairs = zip(resumed.model.network.get_weights(), trained.model.network.get_weights(), strict=True)
    assert all(np.array_equal(one, other) for one, other in pairs)
    assert all((run / name).read_bytes() == (folder / name).read_bytes() for name in RESULTS)


def test_gpt_is_pretrained_unless_told_otherwise(
    finished: tuple[Path, Trained], dataset: TicketDataset, gpt_options: dict[str, Any]
) -> None:
    folder, _ = finished
    assert read_json(folder / "config.json")["training"]["pretraining_epochs"] == 2
    left_open = {name: value for name, value in gpt_options.items() if name != "pretraining_epochs"}
    assert train_replier(dataset, folder, resume=True, **left_open).history
    with pytest.raises(UserError, match=r"was made with pretraining_epochs=2: go on .* Received: .*=0"):
        train_replier(dataset, folder, resume=True, **{**gpt_options, "pretraining_epochs": 0})
    with pytest.raises(UserError, match=r"^pretraining_epochs must be at least 0"):
        train_replier(dataset, **{**gpt_options, "pretraining_epochs": -1})


def test_from_messages_that_say_nothing_nothing_is_learned() -> None:
    """With pre-training or without, the replies are learned by the same steps."""
    split, weights = Split([Ticket("", reply="{number}"), Ticket(" \n", reply="{email}")], [], {}, 1), []
    for epochs in (0, 2):
        model = make_replier("gpt")
        fit(model, split, ReplyConfig(epochs=1, pretraining_epochs=epochs), Loop(progress_bar=False))
        assert model.pretraining is None
        weights.append(model.network.get_weights())
    assert all(map(np.array_equal, *weights))


def test_it_is_said_once_how_many_messages_are_too_long(dataset: TicketDataset, gpt_options: dict[str, Any]) -> None:
    """Before anything takes long; here, training ends with it."""
    splits = {"train": [*dataset["train"][:9], Ticket("hello", reply="hello")], "validation": dataset["validation"][:2]}
    ends = {"max_length": 3, "embeddings": "missing.vec"}
    with pytest.warns(UserWarning, match="--max-length") as warned, pytest.raises(UserError, match=r"missing\.vec"):
        train_replier(replace(dataset, splits=splits), **{**gpt_options, **ends})
    assert [str(warning.message) for warning in warned] == [
        "Of 11 of 12 messages only the first 3 tokens are read (--max-length): a conversation loses its oldest turns."
    ]
