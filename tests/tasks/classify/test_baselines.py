"""What a user would pick instead, beside a model; and training messages that are found again."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toy_messages import conversations, messages

import supportnet
from supportnet.data import load
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket, TicketDataset
from supportnet.errors import UserError
from supportnet.files import write_json
from supportnet.metrics.intervals import paired_interval
from supportnet.tasks.classify import baselines
from supportnet.tasks.classify.baselines import baseline_figures
from supportnet.tasks.classify.config import ClassifyConfig
from supportnet.tasks.classify.data import split
from supportnet.tasks.train import Trained, training_split
from supportnet.training.loop import History
from supportnet.training.run_folder import FORMAT
from supportnet.training.splits import with_validation

LEARNED = [Ticket("my parcel", "track"), Ticket("my money", "refund"), Ticket("money back", "refund")]
JUDGED = [Ticket("parcel", "track"), Ticket("my money back", "refund"), Ticket("what parcel", "track")]


def test_figures_by_hand() -> None:
    """The SVM is right about all of them, the most frequent intent about one, the model about two."""
    right = np.array([True, True, False])
    figures = baseline_figures(LEARNED, JUDGED, right)
    assert figures == {
        "svm": {"accuracy": 1.0, "difference": paired_interval(right, np.ones(3, bool))},
        "majority": {"accuracy": 1 / 3, "difference": paired_interval(right, np.array([False, True, False]))},
    }
    assert json.loads(json.dumps(figures)) == figures


def test_out_of_scope_messages_are_no_intent() -> None:
    outside = [Ticket("sing my song", OUT_OF_SCOPE)] * 9
    right = np.ones(3, bool)
    assert baseline_figures([*LEARNED, *outside], JUDGED, right) == baseline_figures(LEARNED, JUDGED, right)


def test_messages_without_words() -> None:
    """TF-IDF has nothing to count: the training goes on without it."""
    learned = [Ticket("a", "track"), Ticket("?", "refund"), Ticket("", "refund")]
    assert set(baseline_figures(learned, learned, np.ones(3, bool))) == {"majority"}


def test_a_draw_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same one each time."""
    drawn: list[list[Ticket]] = []
    fit = baselines.in_scope_svm
    monkeypatch.setattr(baselines, "in_scope_svm", lambda tickets: drawn.append(tickets) or fit(tickets))
    monkeypatch.setattr(baselines, "MOST_MESSAGES", 40)
    learned = messages(30, seed=0)
    for _ in range(2):
        figures = baseline_figures(learned, messages(10, seed=1), np.ones(40, bool))
    assert figures["svm"]["accuracy"] > 0.8
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 40
    assert {ticket.intent for ticket in drawn[0]} == {ticket.intent for ticket in learned}


def test_a_training_has_them_beside_its_own(dataset: TicketDataset, finished: tuple[Path, Trained]) -> None:
    _, trained = finished
    said = [answer.intent for answer in trained.model.classify([t.text for t in dataset["validation"]])]
    right = np.array([intent == t.intent for intent, t in zip(said, dataset["validation"], strict=True)])
    assert trained.metrics["accuracy"] == pytest.approx(right.mean())
    assert trained.metrics["baselines"] == baseline_figures(dataset["train"], dataset["validation"], right)
    assert trained.metrics["baselines"]["majority"]["accuracy"] == 0.25


def test_out_of_scope_validation_messages_are_not_judged(
    dataset: TicketDataset, finished: tuple[Path, Trained]
) -> None:
    _, trained = finished
    outside = [Ticket("sing a song", OUT_OF_SCOPE)]
    more = replace(dataset, splits={**dataset.splits, "validation": [*dataset["validation"], *outside]})
    found = baselines.validation_baselines(trained.model, split(more, ClassifyConfig()), History([], 0))
    assert found == trained.metrics["baselines"]


def test_other_tasks_have_none(suggester: tuple[Path, Trained]) -> None:
    assert "baselines" not in suggester[1].metrics


@pytest.mark.filterwarnings("ignore:.*were there in training")
def test_in_python(dataset: TicketDataset, finished: tuple[Path, Trained], tmp_path: Path) -> None:
    """Tickets, a data set or a path; without any, there are no baselines."""
    model, test = supportnet.SupportModel(finished[1].model), messages(5, seed=3)
    path = tmp_path / "train.jsonl"
    rows = [{"text": t.text, "intent": t.intent} for t in dataset["train"]]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    figures = model.evaluate(test, baseline=dataset["train"])
    assert set(figures["baselines"]) == {"svm", "majority"}
    low, high = figures["accuracy_interval"]
    assert low < figures["accuracy"] <= high
    for baseline in (dataset, path, str(path)):
        assert model.evaluate(test, baseline=baseline)["baselines"] == figures["baselines"]
    assert model.evaluate(test)["baselines"] is None


@pytest.mark.parametrize(
    ("baseline", "message"),
    [
        (LEARNED[1:], "every message has the same one: 'refund'"),
        ([Ticket("hi")], "No message to fit them to has an intent"),
        ([], "There are no messages to train on"),
    ],
)
def test_what_no_baseline_can_be_fitted_to(
    finished: tuple[Path, Trained], baseline: list[Ticket], message: str
) -> None:
    model = supportnet.SupportModel(finished[1].model)
    with pytest.raises(UserError, match=rf"^The baselines \(--baseline\) can't be fitted\. .*{message}"):
        model.evaluate(messages(5, seed=3), baseline=baseline)


@pytest.fixture
def own(tmp_path: Path) -> TicketDataset:
    """A file without splits."""
    rows = [{"body": t.text, "intent": t.intent, "reply": t.reply} for t in conversations(4, seed=0)]
    (tmp_path / "own.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return load(tmp_path / "own.jsonl", text_column="body", reply_column="reply")


def run_of(folder: Path, dataset: TicketDataset, facts: dict[str, Any], **training: Any) -> Path:
    """Write what says how a run was made, as `train` does."""
    data = {**facts, "files": list(dataset.files)}
    config = {"task": "classify", "network": {}, "training": asdict(ClassifyConfig(**training)), "data": data}
    write_json(folder / "run" / "config.json", {"format": FORMAT, **config})
    return folder / "run"


def test_training_messages_are_found_again(own: TicketDataset, tmp_path: Path) -> None:
    """Those of a run alone, of a run of several tasks, and of one that learned from messages without labels."""
    config = ClassifyConfig(seed=3, validation_share=0.2)
    alone, together = split(own, config), split(with_validation(own, 0.2, 3), config)
    assert alone.tickets != together.tickets
    for made in (alone, together, split(own, config, ["more", "messages"])):
        run = run_of(tmp_path, own, made.facts, seed=3, validation_share=0.2)
        found = training_split(run, "classify")
        assert (found.tickets, found.validation) == (made.tickets, made.validation)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda folder: (folder / "own.jsonl").unlink(),
            r"own\.jsonl, which .*run was trained on, isn't there any more",
        ),
        (
            lambda folder: (folder / "own.jsonl").write_text('{"body": "hi", "intent": "track", "reply": ""}\n' * 4),
            r"own\.jsonl holds other messages than those that .*run was trained on",
        ),
        (lambda folder: rewritten(folder, "training"), r"config\.json is damaged \(KeyError\('training'\)\)"),
        (lambda folder: rewritten(folder, "data"), r"run doesn't say where its training messages lay"),
    ],
)
def test_training_messages_that_cannot_be_found(
    own: TicketDataset, tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    run = run_of(tmp_path, own, split(own, ClassifyConfig()).facts)
    damage(tmp_path)
    with pytest.raises(UserError, match=message):
        training_split(run, "classify")


def rewritten(folder: Path, part: str) -> None:
    """Leave a part out of what says how the run was made."""
    path = folder / "run" / "config.json"
    config = json.loads(path.read_text())
    del config[part]
    path.write_text(json.dumps(config))
