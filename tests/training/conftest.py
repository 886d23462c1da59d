"""A data set that a tiny network learns in seconds, and one finished run on it."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from toy_messages import INTENTS, conversations, messages

from supportnet.data import load
from supportnet.data.ticket import Ticket, TicketDataset

if TYPE_CHECKING:
    from supportnet.training.joint import TrainedTasks
    from supportnet.training.reply import TrainedReplier
    from supportnet.training.suggest import TrainedSuggester
    from supportnet.training.train import Trained


def toy_dataset() -> TicketDataset:
    return TicketDataset("toy", {"train": messages(12, seed=0), "validation": messages(4, seed=1)}, licence="CC0-1.0")


@pytest.fixture(scope="session")
def options() -> dict[str, Any]:
    """Options of a tiny network that learns in four epochs of six steps; don't change them."""
    network = {"embedding_dim": 16, "hidden_dim": 8, "num_heads": 2, "num_layers": 0, "num_buckets": 500}
    training = {"epochs": 4, "batch_size": 8, "learning_rate": 0.02, "min_count": 1}
    return {**network, **training, "progress_bar": False}


@pytest.fixture
def dataset() -> TicketDataset:
    return toy_dataset()


@pytest.fixture(scope="session")
def finished(options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> "tuple[Path, Trained]":
    """The folder of a finished run, and what `train` returned; don't change it."""
    from supportnet.training.train import train

    folder = tmp_path_factory.mktemp("runs") / "finished"
    return folder, train(toy_dataset(), folder, **options)


@pytest.fixture(scope="session")
def contrary(tmp_path_factory: pytest.TempPathFactory) -> TicketDataset:
    """Validation messages with the next intent's label: the better the model, the worse it does on them."""
    path = tmp_path_factory.mktemp("data") / "contrary.csv"
    turned = [Ticket(t.text, INTENTS[INTENTS.index(t.intent or "") - 1]) for t in messages(4, seed=1)]
    rows = [("train", t) for t in messages(12, seed=0)] + [("validation", t) for t in turned]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("split", "text", "intent"), *((s, t.text, t.intent) for s, t in rows)])
    return load(path)


def toy_pairs() -> TicketDataset:
    splits = {"train": conversations(5, seed=0), "validation": conversations(2, seed=1)}
    return TicketDataset("toy pairs", splits, licence="CC0-1.0")


@pytest.fixture
def pairs_dataset() -> TicketDataset:
    return toy_pairs()


@pytest.fixture(scope="session")
def pair_options(options: dict[str, Any]) -> dict[str, Any]:
    """Options of a tiny dual encoder, with hard negatives and labels; don't change them."""
    network = {"architecture": "none", "vector_dim": 16}
    training = {"epochs": 10, "batch_size": 15, "learning_rate": 0.05, "hard_negatives": 1, "label_weight": 0.2}
    return {**options, **network, **training}


@pytest.fixture(scope="session")
def suggester(
    pair_options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> "tuple[Path, TrainedSuggester]":
    """The folder of a finished run of the task suggest, and what `train_suggester` returned; don't change it."""
    from supportnet.training.suggest import train_suggester

    folder = tmp_path_factory.mktemp("runs") / "suggester"
    return folder, train_suggester(toy_pairs(), folder, **pair_options)


@pytest.fixture(scope="session")
def reply_options(options: dict[str, Any]) -> dict[str, Any]:
    """Options of a tiny network that writes replies; don't change them."""
    left_out = ("batch_size",)
    kept = {name: value for name, value in options.items() if name not in left_out}
    network = {"architecture": "transformer", "hidden_dim": 16, "num_layers": 1, "num_pieces": 300}
    rates = {"dropout_rate": 0.0, "word_dropout": 0.0, "label_smoothing": 0.05}
    training = {"epochs": 24, "batch_tokens": 200, "learning_rate": 0.02, "quality": 0.6}
    return {**kept, **network, **rates, **training, "max_reply_length": 16}


def toy_replies() -> TicketDataset:
    """More validation messages than a threshold needs."""
    splits = {"train": conversations(5, seed=0), "validation": conversations(4, seed=1)}
    return TicketDataset("toy replies", splits, licence="CC0-1.0")


@pytest.fixture
def replies_dataset() -> TicketDataset:
    return toy_replies()


@pytest.fixture(scope="session")
def replier(reply_options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> "tuple[Path, TrainedReplier]":
    """The folder of a finished run of the task reply, and what `train_replier` returned; don't change it."""
    from supportnet.training.reply import train_replier

    folder = tmp_path_factory.mktemp("runs") / "replier"
    return folder, train_replier(toy_replies(), folder, **reply_options)


@pytest.fixture(scope="session")
def joint_options(reply_options: dict[str, Any]) -> dict[str, Any]:
    """A tiny Transformer for all tasks: the tasks have 8, 2 and more steps a pass; don't change them."""
    sizes = {"architecture": "transformer", "num_layers": 1, "vector_dim": 16, "dropout_rate": 0.0}
    return {**reply_options, **sizes, "batch_size": 30, "epochs": 12}


@pytest.fixture(scope="session")
def several(joint_options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> "tuple[Path, TrainedTasks]":
    """The folder of a finished run of three tasks, and what `train_tasks` returned; don't change it."""
    from supportnet.training.joint import train_tasks

    folder = tmp_path_factory.mktemp("runs") / "several"
    return folder, train_tasks(toy_replies(), folder, **joint_options)
