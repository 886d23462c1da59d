"""What tests of several rooms share: small models, exports of them, and finished runs on data learned in seconds."""

import csv
import gc
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from toy_messages import INTENTS, conversations, messages

from supportnet import architectures
from supportnet.data import load
from supportnet.data.ticket import Ticket, TicketDataset

if TYPE_CHECKING:
    from supportnet.tasks.classify.model import IntentClassifier
    from supportnet.tasks.train import Trained

TINY_TEXTS = [
    "Where is my parcel? It hasn't arrived.",
    "I want my money back, please refund order 123456.",
    "Annulez ma commande, s'il vous plaît",
    "我要退款",
]
#: More than five, so that a list of the best five is cut; one isn't ASCII; not in alphabetical order.
TINY_INTENTS = ["refund", "track_order", "cancel_order", "réclamation", "change_address", "payment_failed", "退款"]


def pytest_collection_finish() -> None:
    """Collect garbage more rarely: tracing makes so many objects that looking for it takes a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 10)


@pytest.fixture(scope="session", autouse=True)
def unoptimized_graphs(request: pytest.FixtureRequest) -> None:
    """Leave TensorFlow's optimizer of graphs out of the fast tier: for a graph that runs once, it takes a fifth longer.

    The slow tier, `supportnet quickstart` and the notebooks have it.
    """
    if request.config.option.markexpr == "not slow" and "tensorflow" in sys.modules:
        sys.modules["tensorflow"].config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


@pytest.fixture
def own_architectures() -> Iterator[None]:
    """Forget afterwards what a test registers."""
    known = set(architectures.ARCHITECTURES)
    yield
    for name in set(architectures.ARCHITECTURES) - known:
        del architectures._ARCHITECTURES[name]


@pytest.fixture(scope="session")
def tiny_classifier() -> "IntentClassifier":
    """A classifier of seven intents with random weights, the same in every run; don't change it.

    Its thresholds part the messages that the tests ask about.
    """
    import keras

    from supportnet.config import NetworkConfig
    from supportnet.tasks.classify.calibrate import Confidence
    from supportnet.tasks.classify.model import IntentClassifier
    from supportnet.text.special_tokens import SPECIAL_TOKENS
    from supportnet.text.vocabulary import Vocabulary

    keras.utils.set_random_seed(7)
    config = NetworkConfig(embedding_dim=16, hidden_dim=8, num_heads=2, num_buckets=500)
    confidence = Confidence(
        temperature=1.6,
        in_scope_threshold=0.01,
        route_threshold=0.016,
        asked_precision=0.9,
        promised_precision=0.75,
        lower_bound=0.76,
        routed_share=0.5,
        certified=True,
        out_of_scope_share=0.1,
        promise_rows=60,
    )
    model = IntentClassifier(config, Vocabulary.build(TINY_TEXTS, min_count=1), TINY_INTENTS, confidence)
    random = np.random.default_rng(0)
    # Every weight, so that two that are mixed up, or a bias that is left out, change the scores.
    for weight in model.network.weights:
        weight.assign(weight.numpy() + random.normal(scale=0.3, size=weight.shape).astype("float32"))
    # What is a share must be one: which n-grams are known of each intent, and a column of ones that counts them; what
    # branches count in the vote; and which tokens are words.
    ngrams, words = model.head.get_layer("ngrams").ngrams, model.head.get_layer("ngrams").words
    model.head.get_layer("vote").shares.assign([0.2, 0.3, 0.5])
    is_word = [token not in SPECIAL_TOKENS and token.isalnum() for token in model.vocabulary]
    words.assign(np.column_stack([words.numpy()[:, :-1], is_word]))
    known = random.random((config.num_buckets, len(TINY_INTENTS))) < 0.6
    table = np.concatenate(
        [ngrams.numpy()[:, : len(TINY_INTENTS) + 1], known, np.ones((config.num_buckets, 1))], axis=1
    )
    ngrams.assign(table)
    return model


@pytest.fixture(scope="session")
def tiny_export(tiny_classifier: "IntentClassifier", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of version 1 of `tiny_classifier`, exported: saved_models/tiny/1; don't change it."""
    from supportnet.serving.saved_models import export

    return export(tiny_classifier, tmp_path_factory.mktemp("exports") / "saved_models" / "tiny")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, headless; without one, its tests are skipped, or fail where SUPPORTNET_REQUIRE_BROWSER is set."""
    from playwright.sync_api import Error, sync_playwright

    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        except Error as error:
            if os.environ.get("SUPPORTNET_REQUIRE_BROWSER"):
                raise
            pytest.skip(f"no browser: {str(error).splitlines()[0]}")
        yield chromium
        chromium.close()


def toy_dataset() -> TicketDataset:
    return TicketDataset("toy", {"train": messages(12, seed=0), "validation": messages(4, seed=1)}, licence="CC0-1.0")


@pytest.fixture(scope="session")
def options() -> dict[str, Any]:
    """Options of a tiny network that learns in four epochs of six steps; don't change them."""
    # Without an encoder: tracing one takes longer than these trainings do.
    sizes = {"embedding_dim": 16, "hidden_dim": 8, "num_heads": 2, "num_layers": 0, "num_buckets": 500}
    network = {"architecture": "none", **sizes}
    training = {"epochs": 4, "batch_size": 8, "learning_rate": 0.02, "min_count": 1}
    return {**network, **training, "progress_bar": False}


@pytest.fixture
def dataset() -> TicketDataset:
    return toy_dataset()


@pytest.fixture(scope="session")
def finished(options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> "tuple[Path, Trained]":
    """The folder of a finished run, and what `train` returned; don't change it."""
    from supportnet.tasks.train import train

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
def suggester(pair_options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> "tuple[Path, Trained]":
    """The folder of a finished run of the task suggest, and what `train` returned; don't change it."""
    from supportnet.tasks.train import train

    folder = tmp_path_factory.mktemp("runs") / "suggester"
    return folder, train(toy_pairs(), folder, task="suggest", **pair_options)


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
def replier(reply_options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> "tuple[Path, Trained]":
    """The folder of a finished run of the task reply, and what `train` returned; don't change it."""
    from supportnet.tasks.train import train

    folder = tmp_path_factory.mktemp("runs") / "replier"
    return folder, train(toy_replies(), folder, task="reply", **reply_options)


@pytest.fixture(scope="session")
def joint_options(reply_options: dict[str, Any]) -> dict[str, Any]:
    """A tiny Transformer for all tasks: the tasks have 8, 2 and more steps a pass; don't change them."""
    sizes = {"architecture": "transformer", "num_layers": 1, "vector_dim": 16, "dropout_rate": 0.0}
    return {**reply_options, **sizes, "batch_size": 30, "epochs": 12}


@pytest.fixture(scope="session")
def several(joint_options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> "tuple[Path, Trained]":
    """The folder of a finished run of three tasks, and what `train` returned; don't change it."""
    from supportnet.tasks.train import train

    folder = tmp_path_factory.mktemp("runs") / "several"
    return folder, train(toy_replies(), folder, task=("classify", "suggest", "reply"), **joint_options)
