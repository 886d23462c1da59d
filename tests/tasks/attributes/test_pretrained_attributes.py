"""Attributes on a pretrained encoder: it reads each message once, and the head learns as it would behind it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from tiny_encoders import write_reader
from toy_messages import WORDS, messages

from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.savedmodel.load import SavedModel
from supportnet.serving.saved_models import export
from supportnet.tasks.attributes.config import AttributesConfig
from supportnet.tasks.attributes.data import split as split_of
from supportnet.tasks.attributes.data import targets_of
from supportnet.tasks.attributes.fit import AttributeModel, objective
from supportnet.tasks.fit import labels_objective
from supportnet.tasks.train import Trained, load, train
from supportnet.training.loop import Loop

TEXTS = ["Where is my parcel?", "password", ""]
CONFIG = AttributesConfig(epochs=2, learning_rate=0.05)
OPTIONS: dict[str, Any] = {"num_buckets": 500, "num_pairs": 500, "max_length": 32, "progress_bar": False}


def labelled(num_each: int, seed: int) -> list[Ticket]:
    """An order is urgent where it is to be cancelled; of some messages that isn't known."""
    tickets = messages(num_each, seed)
    levels = ["high" if ticket.intent == "cancel" else "low" for ticket in tickets]
    known = [{"priority": level} if row % 5 else {} for row, level in enumerate(levels)]
    return [replace(ticket, labels={"topic": ticket.intent, **own}) for ticket, own in zip(tickets, known, strict=True)]


DATA = TicketDataset("toy", {"train": labelled(15, 0), "validation": labelled(5, 1)})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Trained]:
    words = [*(word for own in WORDS.values() for word in own), "please", "my", "the", "hi"]
    encoder = write_reader(tmp_path_factory.mktemp("weights") / "reader", words, is_plain=True)
    folder = tmp_path_factory.mktemp("runs") / "attributes"
    options = {"epochs": CONFIG.epochs, "learning_rate": CONFIG.learning_rate, **OPTIONS}
    return folder, train(DATA, folder, task="attributes", backbone=encoder, **options)


def test_it_learns(run: tuple[Path, Trained]) -> None:
    assert run[1].metrics["accuracy"] > 0.9
    assert run[1].history[-1]["loss"] < run[1].history[0]["loss"]


def test_the_head_learns_what_it_would_behind_the_encoder(run: tuple[Path, Trained]) -> None:
    """From one start, by vectors that are known, and by the whole network."""
    model, split = run[1].model, split_of(DATA, CONFIG)
    known = objective(model, split, CONFIG)
    outputs = {name: own for name, own in model.network.output.items() if name.startswith("branch_logits_")}
    rows = [([t.text for t in own], targets_of(own, model.values)) for own in (split.tickets, split.validation)]
    training = AttributeModel.of(model.network, CONFIG, outputs)
    whole = labels_objective(training, model.preprocessor, rows[0], rows[1], CONFIG)
    start, histories = model.network.get_weights(), []
    for own in (known, whole):
        model.network.set_weights(start)
        keras.utils.set_random_seed(0)
        for layer in model.head.layers:
            if isinstance(layer, keras.layers.Dropout):
                layer.rate = 0.0
        histories.append(Loop(progress_bar=False).fit(own, CONFIG).epochs)
    model.network.set_weights(start)
    for one, other in zip(*histories, strict=True):
        assert one == pytest.approx(other, rel=1e-3)


def test_a_run_and_its_export_answer_alike(run: tuple[Path, Trained], tmp_path: Path) -> None:
    loaded, folder = load(run[0], "attributes"), export(run[1].model, tmp_path / "model")
    assert (folder / "assets.extra" / "licences" / "reader" / "LICENSE").is_file()
    found = SavedModel(folder.parent).run("attributes", TEXTS)
    for row, answer in enumerate(loaded.attributes(TEXTS)):
        values = [value.decode() for value in found["attribute_values"][row]]
        names = [name.decode() for name in found["attribute_names"][row]]
        assert dict(zip(names, values, strict=True)) == answer.values
        np.testing.assert_allclose(found["attribute_scores"][row], [answer.scores[name] for name in names], atol=1e-5)
