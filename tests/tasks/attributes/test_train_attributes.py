"""A model of attributes learns the sample's priority; saved, loaded, exported and scored, it says the same."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toy_messages import messages

from supportnet.data import load as load_data
from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.errors import UserError
from supportnet.savedmodel.load import SavedModel
from supportnet.serving import export
from supportnet.tasks import get_task
from supportnet.tasks.attributes.evaluate import evaluate
from supportnet.tasks.attributes.model import AttributeClassifier
from supportnet.tasks.train import Trained, load, train

TASK = get_task("attributes")


def sample() -> TicketDataset:
    """Every sixth message of the sample."""
    whole = load_data("sample")
    return replace(whole, splits={name: split[::6] for name, split in whole.splits.items()})


@pytest.fixture(scope="module")
def dataset() -> TicketDataset:
    return sample()


@pytest.fixture(scope="module")
def finished_attributes(options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Trained]:
    """The folder of a finished run, and what `train` returned; don't change it."""
    folder = tmp_path_factory.mktemp("runs") / "attributes"
    small = {**options, "architecture": "none", "batch_size": 32, "epochs": 2}
    return folder, train(sample(), folder, task="attributes", **small)


@pytest.fixture
def model(finished_attributes: tuple[Path, Trained]) -> AttributeClassifier:
    found: AttributeClassifier = finished_attributes[1].model
    return found


def with_labels(tickets: list[Ticket]) -> list[Ticket]:
    """An order is urgent where it is to be cancelled; every second message has a channel too."""
    channels = [{}, {"channel": "mail"}]
    return [
        replace(t, labels={"priority": "high" if t.intent == "cancel" else "low", **channels[i % 2]})
        for i, t in enumerate(tickets)
    ]


def test_it_learns(dataset: TicketDataset, finished_attributes: tuple[Path, Trained]) -> None:
    _, trained = finished_attributes
    figures = evaluate(trained.model, dataset["test"])
    priority = figures["attributes"]["priority"]
    assert priority["accuracy"] > priority["majority"] + 0.1
    assert trained.metrics["accuracy"] > 0.55
    assert trained.history[-1]["loss"] < trained.history[0]["loss"]
    assert set(trained.history[0]) == {"accuracy", "loss", "val_accuracy", "val_loss"}


def test_figures(dataset: TicketDataset, model: AttributeClassifier) -> None:
    """Those of its only attribute are counted by hand; messages without labels are left out."""
    tickets = dataset["test"]
    figures = evaluate(model, [*tickets, Ticket("sing me a song")])
    assert set(figures) == {"task", "accuracy", "num_examples", "attributes"}
    assert figures == json.loads(json.dumps(evaluate(model, tickets), allow_nan=False))
    said = [answer.values["priority"] for answer in model.attributes([ticket.text for ticket in tickets])]
    true = [ticket.labels["priority"] for ticket in tickets]
    priority = figures["attributes"]["priority"]
    assert set(priority) == {"accuracy", "macro_f1", "ece", "num_examples", "majority"}
    assert priority["accuracy"] == pytest.approx(np.mean([own == other for own, other in zip(said, true, strict=True)]))
    assert priority["majority"] == max(true.count(value) for value in set(true)) / len(true)
    assert figures["num_examples"] == priority["num_examples"] == len(tickets)


def test_temperatures_are_fitted_on_validation(model: AttributeClassifier) -> None:
    assert set(model.temperatures.by_attribute) == {"priority"}
    assert model.temperatures.by_attribute["priority"] != 1.0


def test_a_new_temperature_changes_what_is_said(model: AttributeClassifier) -> None:
    before, kept = model.attributes(["I need it today"])[0], model.temperatures
    model.temperatures = type(kept)({"priority": 100.0})
    after = model.attributes(["I need it today"])[0]
    model.temperatures = kept
    assert after.values == before.values
    assert 1 / 3 < after.scores["priority"] < before.scores["priority"]
    assert model.attributes(["I need it today"])[0] == before


def test_answers(model: AttributeClassifier) -> None:
    texts = ["this is the third time I ask, I need it TODAY", "", "我要退款"]
    answers = model.attributes(iter(texts))
    assert [answer.text for answer in answers] == texts
    for answer in answers:
        assert answer.values["priority"] in {"low", "normal", "high"}
        assert 1 / 3 <= answer.scores["priority"] <= 1
    assert model.attributes([]) == []
    with pytest.raises(UserError, match="list"):
        model.attributes("one string")
    found = model.probabilities(texts)["priority"]
    assert found.shape == (3, 3)
    assert np.allclose(found.sum(axis=1), 1)


def test_embeddings(model: AttributeClassifier) -> None:
    found = model.embed(["where is my parcel", "hi"])
    assert (found.shape, found.dtype) == ((2, 32), np.float32)


def test_run_folder(dataset: TicketDataset, finished_attributes: tuple[Path, Trained]) -> None:
    folder, trained = finished_attributes
    files = {name: json.loads((folder / f"{name}.json").read_text()) for name in ("values", "temperatures", "metrics")}
    assert files["values"] == {"priority": ["high", "low", "normal"]}
    assert files["temperatures"] == {"by_attribute": trained.model.temperatures.by_attribute}
    assert files["metrics"] == trained.metrics
    loaded = load(folder, "attributes")
    texts = [ticket.text for ticket in dataset["test"][:50]]
    assert loaded.attributes(texts) == trained.model.attributes(texts)
    assert json.loads((folder / "model_card.json").read_text())["values"] == 1


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"priority": []}', '{"priority": "high"}'])
def test_damaged_values_are_named(finished_attributes: tuple[Path, Trained], tmp_path: Path, damage: str) -> None:
    for path in finished_attributes[0].iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "values.json").write_text(damage)
    with pytest.raises(UserError, match=r"values\.json"):
        load(tmp_path, "attributes")


def test_export_says_the_same(dataset: TicketDataset, model: AttributeClassifier, tmp_path: Path) -> None:
    path = export(model, tmp_path / "priority")
    texts = [ticket.text for ticket in dataset["test"][:20]]
    outputs = SavedModel(path).run("attributes", texts)
    expected = model.attributes(texts)
    assert outputs["attribute_names"].tolist() == [[b"priority"]] * 20
    assert [row[0].decode() for row in outputs["attribute_values"]] == [one.values["priority"] for one in expected]
    assert np.allclose(outputs["attribute_scores"][:, 0], [one.scores["priority"] for one in expected], atol=1e-6)
    assert np.allclose(SavedModel(path).run("embed", texts)["embedding"], model.embed(texts), atol=1e-6)
    assert json.loads((path / "assets.extra" / "attributes.json").read_text()) == model.values


def test_with_intents_at_once(options: dict[str, Any], tmp_path: Path) -> None:
    """Beside classify, on messages of which some lack an attribute."""
    splits = {"train": with_labels(messages(12, seed=0)), "validation": with_labels(messages(4, seed=1))}
    splits["train"][1] = replace(splits["train"][1], labels={"priority": "low", "channel": "chat"})
    small = {**options, "architecture": "none", "epochs": 3}
    trained = train(TicketDataset("toy", splits), tmp_path / "run", task=["attributes", "classify"], **small)
    assert list(trained.models) == list(trained.metrics) == ["classify", "attributes"]
    assert trained.models["attributes"].backbone is trained.models["classify"].backbone
    assert trained.models["attributes"].values == {"channel": ["chat", "mail"], "priority": ["high", "low"]}
    assert trained.metrics["attributes"]["accuracy"] > 0.5
    texts = [ticket.text for ticket in splits["validation"]]
    loaded = load(tmp_path / "run", "attributes")
    assert loaded.attributes(texts) == trained.models["attributes"].attributes(texts)
    figures = evaluate(loaded, splits["validation"])["attributes"]
    assert [figures[name]["num_examples"] for name in ("channel", "priority")] == [8, 16]


def test_what_is_printed(finished_attributes: tuple[Path, Trained], dataset: TicketDataset) -> None:
    _, trained = finished_attributes
    fitted = {"by_attribute": {"priority": 1.25}}
    assert list(TASK.describe({"accuracy": 0.875, "best_epoch": 2}, fitted)) == [
        "validation accuracy 0.8750 (epoch 2)",
        "priority: temperature 1.25",
    ]
    assert list(TASK.describe({"accuracy": None, "best_epoch": 2}, fitted)) == ["not validated (epoch 2)"]
    figures = evaluate(trained.model, dataset["test"])
    *table, last = TASK.describe_evaluation(figures)
    assert "priority" in "".join(table)
    assert last == f"{figures['num_examples']} messages, mean accuracy {figures['accuracy']:.4f}"
    row = {"attribute_names": ["priority"], "attribute_values": ["high"], "attribute_scores": [0.9]}
    assert list(TASK.describe_answer(row)) == ["  priority: high (0.900)"]
    assert TASK.brief(row) == {"priority": "high"}
    sentence, names = TASK.headline(figures)
    assert sentence.startswith("accuracy of priority 0.")
    assert names == ("attributes",)


def test_baseline_is_scored_alike(dataset: TicketDataset, model: AttributeClassifier) -> None:
    compared = TASK.compared
    baseline = compared.fit_baseline(dataset, TASK.config())
    scored, other = compared.score(model, dataset), compared.score_baseline(baseline, dataset)
    assert scored.figures["accuracy"] == evaluate(model, dataset["test"])["accuracy"]
    assert other.figures["accuracy"] > 0.6
    tickets, right = compared.examples(dataset)
    assert len(scored.groups) == len(tickets) == len(compared.said({"details": scored.details}))
    assert right[0] == f"priority: {tickets[0].labels['priority']}"
    assert compared.answer_baseline(baseline)(["I need it today"])["priority"][0] in {"low", "normal", "high"}
