"""Few messages: their folds, what the folds' answers decide, and a training that is validated by them."""

import shutil
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toy_messages import INTENTS, messages

from supportnet.data.ticket import OUT_OF_SCOPE, Ticket, TicketDataset
from supportnet.errors import UserError
from supportnet.tasks.classify import FEW_ROWS_OPTIONS, TASK
from supportnet.tasks.classify.config import ClassifyConfig
from supportnet.tasks.classify.cross_validation import (
    OutOfFold,
    best_check,
    checked_epochs,
    fit_shares,
    load_arrays,
    out_of_fold,
    save_arrays,
)
from supportnet.tasks.classify.data import FEW_ROWS, message_folds, promising, split, training_splits, validation_method
from supportnet.tasks.train import Trained, train


def few(count: int = 12, **splits: list[Ticket]) -> TicketDataset:
    return TicketDataset("few", {"train": messages(count, seed=0), **splits})


def logits_of(targets: np.ndarray, right: np.ndarray, num_intents: int = 4, size: float = 3.0) -> np.ndarray:
    """Logits whose best intent is the target, or the next one."""
    best = np.where(right, targets, (targets + 1) % num_intents)
    return np.asarray(size * np.eye(num_intents)[best], "float32")


# Which messages validate.


@pytest.mark.parametrize(
    ("options", "count", "expected"),
    [
        ({}, 12, "cv"),
        ({}, FEW_ROWS // 4, "cv"),
        ({}, FEW_ROWS // 4 + 1, "split"),
        ({"validation_share": 0.0}, 12, "none"),
        ({"validation": "none"}, 12, "none"),
        ({"validation": "split"}, 12, "split"),
        ({"validation": "cv"}, FEW_ROWS, "cv"),
    ],
)
def test_how_a_model_is_validated(options: dict[str, Any], count: int, expected: str) -> None:
    dataset = TicketDataset("few", {"all": [Ticket(str(i), INTENTS[i % 4]) for i in range(4 * count)]})
    assert validation_method(dataset, ClassifyConfig(**options)) == expected


def test_data_with_a_validation_split_keep_it() -> None:
    dataset = few(validation=messages(4, seed=1))
    assert split(dataset, ClassifyConfig()).folds is None
    with pytest.raises(UserError, match="validation must be left to the data's own validation split"):
        split(dataset, ClassifyConfig(validation="cv"))


def test_unlabelled_messages_are_not_counted() -> None:
    dataset = few(train=[*messages(12, seed=0), *[Ticket("what is that")] * FEW_ROWS])
    assert validation_method(dataset, ClassifyConfig()) == "cv"


def test_every_message_is_held_out_once_and_every_intent_is_learned_each_time() -> None:
    tickets = messages(12, seed=0)
    folds = message_folds(tickets, seed=0)
    assert sorted(set(folds.tolist())) == [0, 1, 2, 3, 4]
    assert max(Counter(folds.tolist()).values()) - min(Counter(folds.tolist()).values()) <= len(tickets) // 8
    for fold in range(5):
        assert {t.intent for t, own in zip(tickets, folds, strict=True) if own != fold} == set(INTENTS)
    assert message_folds(tickets, seed=0).tolist() == folds.tolist()
    assert message_folds(tickets, seed=1).tolist() != folds.tolist()


def test_equal_messages_are_in_one_fold_whatever_their_labels() -> None:
    tickets = [*messages(6, seed=0), Ticket("Where  is it?", "track"), Ticket("where is it?", "refund")] * 2
    folds = message_folds(tickets, seed=0)
    by_text: dict[str, set[int]] = {}
    for ticket, fold in zip(tickets, folds.tolist(), strict=True):
        by_text.setdefault(" ".join(ticket.text.casefold().split()), set()).add(fold)
    assert all(len(own) == 1 for own in by_text.values())


def test_an_intent_with_one_message_is_never_held_out_and_is_named() -> None:
    tickets = [*messages(6, seed=0), Ticket("hello there", "greeting"), Ticket("bye", "bye"), Ticket("BYE", "bye")]
    with pytest.warns(
        UserWarning, match="Intents with a single message stay in training, outside validation: bye, greeting"
    ):
        folds = message_folds(tickets, seed=0)
    assert folds[-3:].tolist() == [-1, -1, -1]
    assert (folds[:-3] >= 0).all()


def test_messages_that_are_all_equal_validate_nothing() -> None:
    dataset = TicketDataset("equal", {"all": [Ticket("the same", intent) for intent in ("a", "b")] * 5})
    with pytest.warns(UserWarning, match="There are no validation messages in scope"):
        found = split(dataset, ClassifyConfig())
    assert (found.folds, list(found.validation)) == (None, [])


def test_half_of_the_validation_messages_chooses_and_the_other_half_promises() -> None:
    outside = [Ticket(f"sing {i}", OUT_OF_SCOPE) for i in range(6)]
    found = split(few(validation=[*messages(4, seed=1), *outside]), ClassifyConfig())
    carries = promising(found.validation)
    by_intent = Counter(str(t.intent) for t, own in zip(found.validation, carries, strict=True) if own)
    assert by_intent == {**dict.fromkeys(INTENTS, 2), OUT_OF_SCOPE: 3}
    kept = {t.text for t, own in zip(found.validation, carries, strict=True) if not own and t.intent != OUT_OF_SCOPE}
    assert set(found.held_out.texts) == kept


def test_few_messages_have_a_recipe_of_their_own() -> None:
    assert TASK.data_defaults(few(), {}) == FEW_ROWS_OPTIONS
    named = TASK.data_defaults(few(), {"architecture": "bilstm_attention"})
    assert set(named) == {"epochs", "word_dropout"}
    many = TicketDataset("many", {"train": [Ticket("a", "b")] * (FEW_ROWS + 1)})
    assert TASK.data_defaults(many, {}) == {}


def test_a_cross_validation_leaves_all_messages_for_training() -> None:
    tickets, validation = training_splits(few(), ClassifyConfig())
    assert (len(tickets), validation) == (48, [])


# What the answers decide.


@pytest.mark.parametrize(
    ("epochs", "expected"), [(1, [1]), (8, list(range(1, 9))), (60, [8, 15, 22, 30, 38, 45, 52, 60])]
)
def test_epochs_are_evenly_spaced_and_end_with_the_last(epochs: int, expected: list[int]) -> None:
    assert checked_epochs(epochs) == expected


def test_the_best_epoch_is_right_most_often() -> None:
    targets = np.arange(100) % 4
    checks = [np.arange(100) >= wrong for wrong in (50, 10, 30)]
    branches = np.stack([logits_of(targets, right)[:, None] for right in checks])
    assert best_check(branches, targets) == 1
    # Of equals, the one with the lower loss.
    surer = np.stack([branches[1], branches[1] * 0.5])
    assert best_check(surer, targets) == 0


def test_shares_follow_the_better_branch() -> None:
    targets = np.arange(400) % 4
    random = np.random.default_rng(0)
    good, bad = logits_of(targets, random.random(400) < 0.9), logits_of(targets, random.random(400) < 0.3)
    network_is_bad = fit_shares(np.stack([bad, good], axis=1), targets)
    assert network_is_bad.tolist() == [0, 1]
    kept = fit_shares(np.stack([bad, good], axis=1), targets, keep_network=True)
    assert kept.tolist() == pytest.approx([0.1, 0.9])
    network_is_good = fit_shares(np.stack([good, bad], axis=1), targets)
    assert network_is_good[0] == pytest.approx(0.9)
    # Two branches of the network share alike.
    three = fit_shares(np.stack([good, good, bad], axis=1), targets)
    assert three.tolist() == pytest.approx([0.45, 0.45, 0.1])


def answers_by_hand(folds: np.ndarray, targets: np.ndarray, good: np.ndarray) -> OutOfFold:
    def answers(fold: int) -> dict[str, Any]:
        rows = folds == fold
        branches = np.stack([logits_of(targets[rows], good[rows] & (i > 0))[:, None] for i in range(2)])
        margins = logits_of(targets[rows], good[rows], size=2.0) - 1
        count = rows.sum()
        return {"branches": branches, "margins": margins, "coverage": margins, "known_words": np.full(count, fold)}

    return out_of_fold(folds, targets, epochs=2, keep_network=False, answers=answers)


def test_answers_are_in_the_order_of_the_folds() -> None:
    folds, targets = np.array([2, 0, -1, 1, 0, 2, 1, 0] * 10), np.arange(80) % 4
    good = np.random.default_rng(0).random(80) < 0.8
    found = answers_by_hand(folds, targets, good)
    assert found.rows.tolist() == [
        *np.flatnonzero(folds == 0),
        *np.flatnonzero(folds == 1),
        *np.flatnonzero(folds == 2),
    ]
    assert found.outputs["known_words"].tolist() == found.folds.tolist() == folds[found.rows].tolist()
    right = found.outputs["logits"].argmax(axis=1) == targets[found.rows]
    assert right.tolist() == good[found.rows].tolist()
    assert found.accuracy == pytest.approx(right.mean())
    assert found.epoch == 2


def test_a_damaged_file_of_answers_is_named(tmp_path: Path) -> None:
    path = tmp_path / "fold_0.npz"
    arrays = {name: np.ones((2, 3), "float32") for name in ("branches", "margins", "coverage", "known_words")}
    save_arrays(path, arrays)
    assert {name: value.tolist() for name, value in load_arrays(path, arrays).items()} == {
        name: value.tolist() for name, value in arrays.items()
    }
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UserError, match=r"fold_0\.npz can't be read: it is damaged"):
        load_arrays(path, arrays)


# A training.


@pytest.fixture(scope="module")
def run(options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Trained]:
    folder = tmp_path_factory.mktemp("runs") / "few"
    return folder, train(few(), folder, **options)


def test_all_messages_are_learned_and_validated(run: tuple[Path, Trained]) -> None:
    folder, trained = run
    metrics, confidence = trained.metrics, trained.model.confidence
    assert (metrics["method"], metrics["rows"]) == ("cross-validation", 48)
    assert 0.5 < metrics["accuracy"] <= 1
    assert sum(metrics["shares"]) == pytest.approx(1)
    assert len(trained.history) == metrics["best_epoch"]
    assert trained.model.origin["data"]["train_messages"] == 48
    assert (confidence.promise["kind"], confidence.promise["rows"]) == ("estimated", 48)
    assert confidence.num_in_scope == 48
    assert list(folder.glob("fold_*")) == []
    found = OutOfFold.load(folder / "cross_validation.npz")
    assert (found.epoch, found.accuracy) == (metrics["best_epoch"], metrics["accuracy"])
    assert found.shares.tolist() == metrics["shares"]
    np.testing.assert_allclose(trained.model.head.get_layer("vote").shares, metrics["shares"], rtol=1e-6)


def test_the_baselines_are_cross_validated_too(run: tuple[Path, Trained]) -> None:
    found = run[1].metrics["baselines"]
    assert found["majority"]["accuracy"] == pytest.approx(0.25, abs=0.1)
    assert found["svm"]["accuracy"] > 0.5
    low, high = found["svm"]["difference"]
    assert low < high


def test_lines_say_how_it_was_validated(run: tuple[Path, Trained]) -> None:
    trained = run[1]
    report = TASK.report(trained.model, trained.metrics)
    lines = list(TASK.describe(report["validation"], report["confidence"]))
    assert "(cross-validated on 48 messages, epoch" in lines[0]
    assert any("48 rows" in line or "estimated by cross-validation" in line for line in lines)


def test_a_killed_cross_validation_goes_on_with_the_next_fold(
    run: tuple[Path, Trained], options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after two folds, and resumed: the same weights as in one go."""
    from supportnet.tasks.classify import fit

    folder, written = tmp_path / "killed", []

    def save_two(path: Path, answers: Any) -> None:
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(path.name)
        save_arrays(path, answers)

    with monkeypatch.context() as patched:
        patched.setattr(fit, "save_arrays", save_two)
        with pytest.raises(KeyboardInterrupt):
            train(few(), folder, **options)
    assert sorted(path.name for path in folder.glob("fold_*")) == ["fold_0.npz", "fold_1.npz"]
    trained = train(few(), folder, resume=True, **options)
    for weight, other in zip(trained.model.network.get_weights(), run[1].model.network.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)
    assert trained.model.confidence == run[1].model.confidence
    shutil.rmtree(folder)


def test_a_finished_run_is_not_cross_validated_again(
    run: tuple[Path, Trained], options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supportnet.tasks.classify.fit.out_of_fold", None)
    trained = train(few(), run[0], resume=True, **options)
    assert trained.metrics == run[1].metrics
    assert trained.model.confidence == run[1].model.confidence


def test_no_validation_keeps_a_small_share_for_the_network(options: dict[str, Any]) -> None:
    with pytest.warns(UserWarning, match="There are no validation messages in scope"):
        trained = train(few(), validation="none", **options)
    assert trained.model.head.get_layer("vote").shares.numpy().tolist() == pytest.approx([0.2, 0.8])
    assert trained.metrics["method"] == "none"
    assert "baselines" not in trained.metrics


def test_out_of_scope_messages_among_few_are_an_intent_and_enter_the_promise(options: dict[str, Any]) -> None:
    outside = [Ticket(f"{word} me a {thing}", OUT_OF_SCOPE) for word in ("sing", "tell") for thing in "abcdef"]
    dataset = TicketDataset("few", {"train": [*messages(12, seed=0), *outside]})
    with warnings.catch_warnings(action="ignore"):
        trained = train(dataset, **options)
    assert OUT_OF_SCOPE in trained.model.intents
    confidence = trained.model.confidence
    assert (confidence.num_in_scope, confidence.num_out_of_scope) == (48, 12)
    assert confidence.out_of_scope_share == pytest.approx(0.2)
