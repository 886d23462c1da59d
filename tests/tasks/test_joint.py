"""Several tasks on one encoder: each learns, is measured as if alone, and has a run; a killed run goes on."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from supportnet.data.ticket import Ticket, TicketDataset, conversations_of
from supportnet.errors import UserError
from supportnet.files import read_json
from supportnet.tasks import all_tasks
from supportnet.tasks.classify.data import promising
from supportnet.tasks.joint import _looped
from supportnet.tasks.options import JOINT_DEFAULTS
from supportnet.tasks.reply.evaluate import perplexity
from supportnet.tasks.suggest.config import SuggestConfig
from supportnet.tasks.suggest.data import Pairs, validation_pairs
from supportnet.tasks.suggest.fit import PairModel
from supportnet.tasks.train import Trained, load, train
from supportnet.training.loop import Objective, Progress, save_checkpoint
from supportnet.training.run_folder import run_of, tasks_of
from supportnet.training.splits import with_validation

TASKS = ("classify", "suggest", "reply")
Run = tuple[Path, Trained]

train_tasks = partial(train, task=TASKS)


def test_every_task_learns_on_the_same_layers(several: Run) -> None:
    """By chance, one in four, one in 48 and less would be right."""
    _, trained = several
    assert list(trained.models) == list(TASKS)
    assert trained.metrics["classify"]["accuracy"] > 0.8
    assert trained.metrics["suggest"]["accuracy"] > 0.25
    assert trained.metrics["reply"]["accuracy"] > 0.6
    assert len({id(model.backbone) for model in trained.models.values()}) == 1
    assert len({id(model.network.get_layer("backbone")) for model in trained.models.values()}) == 1


def test_the_figures_are_those_of_the_whole_validation_split(several: Run, replies_dataset: TicketDataset) -> None:
    """Of intents, those of the half that doesn't carry the promise."""
    metrics, models = several[1].metrics, several[1].models
    held_out = replies_dataset["validation"]
    chosen = [ticket for ticket, carries in zip(held_out, promising(held_out), strict=True) if not carries]
    assert len(chosen) == len(held_out) / 2
    found = [answer.intent for answer in models["classify"].classify([ticket.text for ticket in chosen])]
    accuracy = np.mean([intent == ticket.intent for intent, ticket in zip(found, chosen, strict=True)])
    assert metrics["classify"]["accuracy"] == pytest.approx(accuracy)
    assert metrics["reply"]["perplexity"] == pytest.approx(perplexity(models["reply"], held_out), rel=1e-4)
    # Training's figures are those of the scales that it learned; they are fitted anew after it.
    scales = models["suggest"].network.get_layer("scores").log_scale
    with np.load(several[0] / "checkpoint.npz") as arrays:
        best = [arrays[name] for name in arrays if name.startswith("best_") and arrays[name].shape == scales.shape]
    # The shares of the vote on intents are as many.
    learned = [values for values in best if values.min() > 1]
    assert len(learned) == 1
    fitted = np.array(scales)
    scales.assign(learned[0])
    pairs = PairModel.of(models["suggest"].network, SuggestConfig())
    pairs.compile(jit_compile=False)
    alone = pairs.evaluate(validation_pairs(models["suggest"], Pairs.of(held_out)), return_dict=True, verbose=0)
    scales.assign(fitted)
    assert metrics["suggest"]["accuracy"] == pytest.approx(alone["accuracy"])
    assert metrics["suggest"]["loss"] == pytest.approx(alone["loss"], rel=1e-4)


def test_the_best_epoch_is_that_of_the_mean(several: Run) -> None:
    _, trained = several
    means = [np.mean([row[f"val_{task}_accuracy"] for task in TASKS]) for row in trained.history]
    assert [row["val_accuracy"] for row in trained.history] == pytest.approx(means)
    for task, metrics in trained.metrics.items():
        assert metrics["best_epoch"] - 1 == int(np.argmax(means))
        assert metrics["accuracy"] == trained.history[metrics["best_epoch"] - 1][f"val_{task}_accuracy"]
    losses = [sum(row[f"{task}_loss"] for task in TASKS) for row in trained.history]
    assert losses[-1] < losses[0]


def test_the_folder(several: Run, joint_options: dict[str, Any]) -> None:
    folder, trained = several
    own = {"config.json", "history.json", "metrics.json", "checkpoint.npz", "logs"}
    assert {path.name for path in folder.iterdir()} == {*own, *TASKS}
    assert [path.parent.name for path in folder.rglob("traffic.json")] == ["classify"]
    assert tasks_of(folder) == TASKS
    assert read_json(folder / "metrics.json") == trained.metrics
    config = read_json(folder / "config.json")
    assert config["network"]["head_dropout_rate"] == {"classify": 0.4, "suggest": 0.1, "reply": 0.4}
    assert config["training"]["epochs"] == joint_options["epochs"]
    for task in TASKS:
        assert tasks_of(folder / task) == (task,)
        history = read_json(folder / task / "history.json")
        assert {"accuracy", "loss", "val_accuracy", "val_loss"} <= set(history[0])
        assert read_json(folder / task / "metrics.json") == trained.metrics[task]


def test_each_task_is_a_run(several: Run) -> None:
    """Under the folder of its own, or of all."""
    folder, trained = several
    texts = ["where track the lamp", ""]
    assert run_of(folder, "reply") == folder / "reply"
    assert run_of(folder / "reply", "reply") == folder / "reply"
    for place in (folder, folder / "classify"):
        assert load(place, "classify").classify(texts) == trained.models["classify"].classify(texts)
    suggester = load(folder, "suggest")
    np.testing.assert_array_equal(
        suggester.vectors(texts, "message"), trained.models["suggest"].vectors(texts, "message")
    )
    assert suggester.relevance == trained.models["suggest"].relevance
    assert load(folder, "reply").reply(texts) == trained.models["reply"].reply(texts)


@pytest.mark.slow
def test_interrupted_and_resumed(
    replies_dataset: TicketDataset,
    joint_options: dict[str, Any],
    several: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As if nothing had happened, in the middle of a pass of the longer tasks."""

    def die(path: Path, model: object, best: object, progress: Progress) -> None:
        save_checkpoint(path, model, best, progress)
        if progress.epoch == 5:
            raise KeyboardInterrupt

    folder, trained = several
    monkeypatch.setattr("supportnet.training.loop.save_checkpoint", die)
    with pytest.raises(KeyboardInterrupt):
        train_tasks(replies_dataset, tmp_path / "run", **joint_options)
    monkeypatch.undo()
    with pytest.raises(UserError, match=r"classify is missing: the training hasn't finished, go on with --resume"):
        load(tmp_path / "run", "classify")
    resumed = train_tasks(replies_dataset, tmp_path / "run", resume=True, **joint_options)
    assert resumed.history == trained.history
    for task in TASKS:
        weights = (found.models[task].network.get_weights() for found in (resumed, trained))
        assert all(np.array_equal(one, other) for one, other in zip(*weights, strict=True))
    names = [path.relative_to(folder) for path in folder.rglob("*.json")]
    assert all((tmp_path / "run" / name).read_bytes() == (folder / name).read_bytes() for name in names)


def test_runs_that_are_another(replies_dataset: TicketDataset, joint_options: dict[str, Any], several: Run) -> None:
    folder, _ = several
    with pytest.raises(UserError, match=r"already holds a finished run: go on with --resume"):
        train_tasks(replies_dataset, folder, **joint_options)
    with pytest.raises(UserError, match=r"was made with batch_size=30: go on .* Received: batch_size=31"):
        train_tasks(replies_dataset, folder, resume=True, **{**joint_options, "batch_size": 31})
    with pytest.raises(UserError, match=r"holds a run of the task classify,suggest,reply: choose another --out"):
        train_tasks(replies_dataset, folder, resume=True, task=["suggest", "reply"], **joint_options)


def test_a_shorter_tasks_data_go_round_on_from_where_they_stood() -> None:
    def batches(passes: range) -> tf.data.Dataset:
        steps = [(number, step) for number in passes for step in range(3)]
        return tf.data.Dataset.from_tensor_slices(np.array(steps).reshape(-1, 2))

    objective = Objective(None, batches, 3, None)
    whole = [tuple(row.tolist()) for row in _looped(objective, 5, range(4)).as_numpy_iterator()]
    assert whole[:7] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0)]
    assert len(whole) >= 20
    for epoch in range(1, 4):
        resumed = [tuple(row.tolist()) for row in _looped(objective, 5, range(epoch, 4)).as_numpy_iterator()]
        assert resumed == whole[5 * epoch :]


def test_one_split_for_all_tasks() -> None:
    """Whole conversations, and no intent that training lacks."""
    tickets = [Ticket(f"message {i}", f"intent {i % 3}", f"reply {i}", f"c{i // 2}") for i in range(60)]
    rare = Ticket("rare", "rare", "reply", "c-rare")
    for seed in range(6):
        dataset = with_validation(TicketDataset("toy", {"all": [*tickets, rare]}), 0.5, seed)
        train, held_out = dataset["train"], dataset["validation"]
        assert sorted(t.text for t in [*train, *held_out]) == sorted(t.text for t in [*tickets, rare])
        assert not set(conversations_of(train)) & set(conversations_of(held_out))
        assert rare in train
        assert 20 <= len(held_out) <= 32
    assert with_validation(dataset, 0.5, 0) is dataset
    whole = TicketDataset("toy", {"all": tickets})
    assert with_validation(whole, 0.0, 0) is whole


def test_what_cannot_be_trained(replies_dataset: TicketDataset, joint_options: dict[str, Any], tmp_path: Path) -> None:
    labels = TicketDataset("labels only", {"train": [Ticket("hi", "greet"), Ticket("bye", "leave")] * 9})
    unlabelled = [replace(ticket, intent=None) for ticket in replies_dataset["train"]]
    replies = TicketDataset("replies only", {"train": unlabelled})
    for dataset, options, message in (
        (replies_dataset, {"task": []}, r"^tasks must be of classify, suggest, reply.*, each once\. Received"),
        (replies_dataset, {"task": ["reply", "dance"]}, "^tasks must be of classify, .* Received: tasks=.*dance"),
        (replies_dataset, {"task": ["reply", "reply"]}, "^tasks must be of classify, .*, each once"),
        (replies_dataset, {"architecture": "gpt"}, "^architecture must have an encoder for this"),
        (replies_dataset, {"hard_negatives": 1}, r"^hard_negatives must be left to the training of one task\."),
        (replies_dataset, {"hidden_size": 1}, r"^There is no option named 'hidden_size'\."),
        (replies_dataset, {"task": ["suggest", "reply"], "precision": 0.9}, "^precision is for the task classify"),
        (labels, {}, r"^No message of labels only has a reply\."),
        (replies, {}, r"^No message to train on has an intent\."),
    ):
        with pytest.raises(UserError, match=message):
            train_tasks(dataset, tmp_path / "run", **{**joint_options, **options})
    assert not (tmp_path / "run").exists()


def test_what_tasks_have_in_common_has_the_same_default() -> None:
    """But for what a training of several has defaults of its own for, and what is refused there."""
    values: dict[str, set[Any]] = {}
    for task in all_tasks():
        for name, value in vars(task.config()).items():
            values.setdefault(name, set()).add(value)
    assert {name for name, found in values.items() if len(found) > 1} <= set(JOINT_DEFAULTS)
    assert not {name for task in all_tasks() for name in task.alone_options} & set(JOINT_DEFAULTS)
