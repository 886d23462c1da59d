"""Training learns, repeats itself, says what it did, and takes data as it comes."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from supportnet.data.ticket import OUT_OF_SCOPE, Ticket, TicketDataset
from supportnet.errors import UserError
from supportnet.tasks.classify.config import ClassifyConfig
from supportnet.tasks.classify.data import training_splits
from supportnet.tasks.classify.evaluate import evaluate_model
from supportnet.tasks.train import Trained, load, train

#: What customers shouldn't have written.
PERSONAL = ["erika.mustermann@example.org", "4111 1111 1111 1111", "4111111111111111", "DE89370400440532013000"]


def test_it_learns(dataset: TicketDataset, finished: tuple[Path, Trained]) -> None:
    _, trained = finished
    assert evaluate_model(trained.model, dataset["train"])["accuracy"] > 0.9
    assert trained.metrics["accuracy"] > 0.8
    # A third of the loss is the n-grams', which are fitted before the first epoch.
    assert trained.history[-1]["loss"] < 0.75 * trained.history[0]["loss"]
    assert set(trained.history[0]) == {"accuracy", "loss", "val_accuracy", "val_loss"}


def test_metrics_are_those_of_the_best_epoch(dataset: TicketDataset, finished: tuple[Path, Trained]) -> None:
    """And the weights that were kept are too."""
    _, trained = finished
    best = max(trained.history, key=lambda epoch: (epoch["val_accuracy"], -epoch["val_loss"]))
    assert trained.history[int(trained.metrics["best_epoch"]) - 1] == best
    assert trained.metrics["accuracy"] == best["val_accuracy"]
    assert evaluate_model(trained.model, dataset["validation"])["accuracy"] == pytest.approx(best["val_accuracy"])


def test_same_seed_same_model(dataset: TicketDataset, options: dict[str, Any], finished: tuple[Path, Trained]) -> None:
    """Bit by bit, and whether the run is kept or not."""
    _, trained = finished
    again = train(dataset, **options)
    assert again.history == trained.history
    assert again.metrics == trained.metrics
    pairs = zip(again.model.network.get_weights(), trained.model.network.get_weights(), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)


def test_other_seed_other_model(
    dataset: TicketDataset, options: dict[str, Any], finished: tuple[Path, Trained], capsys: pytest.CaptureFixture[str]
) -> None:
    _, trained = finished
    other = train(dataset, seed=1, **{**options, "progress_bar": True})
    assert all(a != b for a, b in zip(other.history, trained.history, strict=True))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "training: 100%" in captured.err
    assert "24/24" in captured.err
    assert "validation=" in captured.err


def test_run_folder(dataset: TicketDataset, finished: tuple[Path, Trained]) -> None:
    folder, trained = finished
    names = ("config", "history", "metrics", "confidence")
    files = {name: json.loads((folder / f"{name}.json").read_text()) for name in names}
    assert files["config"]["network"]["embedding_dim"] == 16
    assert files["config"]["training"]["epochs"] == 4
    assert files["history"] == trained.history
    assert files["metrics"] == trained.metrics
    assert files["confidence"] == asdict(trained.model.confidence)
    assert load(folder, "classify").confidence == trained.model.confidence
    texts = [ticket.text for ticket in dataset["validation"]]
    assert np.array_equal(load(folder, "classify").probabilities(texts), trained.model.probabilities(texts))


def test_model_card(finished: tuple[Path, Trained]) -> None:
    folder, trained = finished
    card = json.loads((folder / "model_card.json").read_text())
    assert (card["intents"], card["architecture"]) == (4, "none")
    assert card["data"]["licence"] == "CC0-1.0"
    assert card["data"]["train_messages"] == 48
    assert card["validation"] == trained.metrics
    assert card["confidence"]["temperature"] == trained.model.confidence.temperature


def test_confidence_is_fitted_on_validation(dataset: TicketDataset, finished: tuple[Path, Trained]) -> None:
    """On all 16 messages; the half of them that carries it is too few for a promise about routing."""
    _, trained = finished
    confidence = trained.model.confidence
    assert (confidence.num_in_scope, confidence.num_out_of_scope, confidence.promise_rows) == (16, 0, 8)
    assert (confidence.asked_precision, confidence.promised_precision) == (0.95, None)
    assert (confidence.out_of_scope_share, confidence.certified) == (0.0, True)
    assert (confidence.route_threshold, confidence.routed_share, confidence.lower_bound) == (None, 0.0, None)
    assert confidence.temperature != 1.0
    answers = trained.model.answers([ticket.text for ticket in dataset["validation"]])
    assert (answers.in_scope.sum(), answers.route.sum()) == (16, 0)


def test_out_of_scope_validation_messages_count_for_confidence_alone(
    dataset: TicketDataset, options: dict[str, Any], finished: tuple[Path, Trained]
) -> None:
    """The same run as without them, epoch by epoch, but for what it promises.

    Half of the messages carry the promise: 8 in scope, all of them right, and 2 that are never routed, for no word of
    theirs is known. At a significance of 1.25%, half of one bound's, 8 of 8 are at least 0.578 (to the power of 8), and
    0 of 2 at most 0.888.
    """
    outside = [Ticket("sing me a song", OUT_OF_SCOPE)] * 4
    splits = {"train": dataset["train"], "validation": [*dataset["validation"], *outside]}
    trained = train(TicketDataset("toy", splits), precision=0.15, out_of_scope_share=0.3, **options)
    assert trained.history == finished[1].history
    confidence = trained.model.confidence
    assert (confidence.num_in_scope, confidence.num_out_of_scope) == (16, 4)
    assert (confidence.promised_precision, confidence.out_of_scope_share) == (0.15, 0.3)
    assert (confidence.promise_rows, confidence.routed_share) == (10, 1.0)
    assert confidence.lower_bound == pytest.approx(0.7 * 0.578 / (0.7 + 0.3 * 0.888), abs=1e-3)
    assert confidence.temperature == pytest.approx(finished[1].model.confidence.temperature, rel=1e-5)
    routed = trained.model.answers([ticket.text for ticket in splits["validation"]]).route
    assert routed.tolist() == [True] * 16 + [False] * 4


def test_tensorboard_logs(finished: tuple[Path, Trained]) -> None:
    folder, _ = finished
    events = next((folder / "logs" / "validation").glob("events.*"))
    tags = [value.tag for event in tf.compat.v1.train.summary_iterator(str(events)) for value in event.summary.value]
    assert tags.count("epoch_accuracy") == 4


@pytest.fixture(scope="module")
def awkward(options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Trained]:
    """A run on messages with personal data, no text, half a surrogate pair, out of scope, one of its kind."""
    texts = [f"refund {value} please" for value in PERSONAL] * 2
    tickets = [Ticket(text, "refund") for text in texts]
    tickets += [Ticket("where is it", "track"), Ticket("", "track"), Ticket("parcel \ud83d", "track")]
    tickets += [Ticket("sing a song", OUT_OF_SCOPE)] * 4 + [Ticket("my cat is ill", OUT_OF_SCOPE)] * 4
    tickets += [Ticket("alone", "single")]
    folder, cut = tmp_path_factory.mktemp("awkward") / "run", {"validation": "split", "validation_share": 0.3}
    with pytest.warns(UserWarning, match="single message stay in training, outside validation: single"):
        trained = train(TicketDataset("awkward", {"all": tickets}), folder, **{**options, **cut})
    return folder, trained


def test_awkward_messages_train(awkward: tuple[Path, Trained]) -> None:
    _, trained = awkward
    assert trained.model.intents == [OUT_OF_SCOPE, "refund", "single", "track"]
    assert np.isfinite(trained.model.probabilities(["", "\ud83d", "sing a song"])).all()


def test_out_of_scope_messages_are_an_intent(awkward: tuple[Path, Trained]) -> None:
    _, trained = awkward
    figures = evaluate_model(trained.model, [Ticket("refund", "refund"), Ticket("sing a song", OUT_OF_SCOPE)])
    assert (figures["num_examples"], figures["num_out_of_scope"], figures["out_of_scope_recall"]) == (1, 1, 1.0)


def test_no_personal_data_in_the_run(awkward: tuple[Path, Trained]) -> None:
    folder, _ = awkward
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) >= 9
    for value in [*PERSONAL, "mustermann", "4111"]:
        assert not [path for path in files if value.encode() in path.read_bytes()], value
    assert "refund" in (folder / "vocabulary.txt").read_text().split()


def test_class_weights_and_mixed_precision(options: dict[str, Any]) -> None:
    """What is a fifth of a rare intent's messages and of a common one's is a draw; without weights it isn't."""
    common = [Ticket("parcel late", "common")] * 32 + [Ticket("hello there", "common")] * 8
    rare = [Ticket("refund now", "rare")] * 4 + [Ticket("hello there", "rare")]
    dataset = TicketDataset("imbalanced", {"train": common + rare, "validation": [*common[:1], *rare[:1]]})
    plain = {"label_smoothing": 0.0, "dropout_rate": 0.0, "head_dropout_rate": 0.0, "word_dropout": 0.0}
    # One batch an epoch: the gradient of the one heavy message isn't clipped alone.
    whole = {"epochs": 40, "batch_size": 45, "architecture": "bilstm_attention"}
    trained = train(dataset, class_weights=True, mixed_precision=True, **{**options, **plain, **whole})
    assert all(np.isfinite(list(epoch.values())).all() for epoch in trained.history)
    common_share, rare_share = trained.model.probabilities(["hello there"])[0]
    assert 0.3 < rare_share < 0.7
    assert common_share + rare_share == pytest.approx(1, abs=1e-5)
    # Only training computes in half precision.
    assert trained.model.backbone.encoder.compute_dtype == "float32"


def test_training_that_diverges(dataset: TicketDataset, options: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"Training diverged in epoch \d: try a lower learning_rate"):
        train(dataset, **{**options, "learning_rate": 1e37})


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"train": []}, "There are no messages to train on"),
        ({"test": [Ticket("a", "x")]}, r"has no split named 'train'. It has: test"),
        ({"all": [Ticket("a", "x"), Ticket("b", "x")]}, "needs at least two intents, but every message has the same"),
        ({"all": [Ticket("a", "x"), Ticket("b", "y")]}, "needs an intent with at least two messages"),
        ({"all": [Ticket("a"), Ticket("b")]}, "No message to train on has an intent"),
        ({"train": [Ticket("a", "x"), Ticket("b", "y")], "validation": [Ticket("a")]}, "No message to validate on has"),
        (
            {"train": [Ticket("a", "x"), Ticket("b", "y")], "validation": [Ticket("c", "z")]},
            "has intents that training never saw: z",
        ),
    ],
)
def test_data_that_cannot_be_trained_on(splits: dict[str, list[Ticket]], message: str) -> None:
    with pytest.raises(UserError, match=message):
        train(TicketDataset("data", splits), validation="split")


def test_messages_without_an_intent_are_left_out(dataset: TicketDataset) -> None:
    more = {split: [Ticket("hello"), *tickets] for split, tickets in dataset.splits.items()}
    with (
        pytest.warns(UserWarning, match=r"^1 of 49 messages to train on have no intent"),
        pytest.warns(UserWarning, match=r"^1 of 17 messages to validate on have no intent"),
    ):
        found = training_splits(TicketDataset("toy", more), ClassifyConfig())
    assert found == (dataset["train"], dataset["validation"])


def test_validation_is_cut_off_where_there_is_none(dataset: TicketDataset) -> None:
    config = ClassifyConfig(validation="split", validation_share=0.25, seed=3)
    tickets, validation = training_splits(TicketDataset("toy", {"train": dataset["train"]}), config)
    assert (len(tickets), len(validation)) == (36, 12)
    assert training_splits(TicketDataset("toy", {"all": dataset["train"]}), config) == (tickets, validation)


@pytest.mark.parametrize("validation", [[], [Ticket("sing a song", OUT_OF_SCOPE)]], ids=["empty", "out of scope"])
def test_validation_that_shows_nothing(dataset: TicketDataset, validation: list[Ticket]) -> None:
    """It isn't cut off training instead: whoever made the split wanted it so."""
    splits = {"train": dataset["train"], "validation": validation}
    with pytest.warns(UserWarning, match=r"no validation messages in scope: .* aren't calibrated, .* none is routed"):
        found = training_splits(TicketDataset("toy", splits), ClassifyConfig())
    assert found == (list(dataset["train"]), [])


def test_an_intent_without_a_validation_message(dataset: TicketDataset) -> None:
    validation = [ticket for ticket in dataset["validation"] if ticket.intent not in ("login", "track")]
    splits = {"train": [*dataset["train"], Ticket("sing", OUT_OF_SCOPE)], "validation": validation}
    with pytest.warns(UserWarning, match=r"^Intents without a validation message: login, track\. How sure"):
        assert training_splits(TicketDataset("toy", splits), ClassifyConfig())[1] == validation


def test_an_unknown_preset() -> None:
    with pytest.raises(UserError, match="preset must be one of tiny, small, base"):
        train("sample", preset="huge")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("batch_size", 0),
        ("patience", 0),
        ("min_count", 0),
        ("rounds", -1),
        ("round_epochs", 0),
        ("frozen_epochs", -1),
        ("warmup_share", 1.0),
        ("ema_momentum", 1.0),
        ("label_smoothing", -0.1),
        ("validation_share", float("nan")),
        ("precision", 0.0),
        ("precision", 1.1),
        ("precision", float("nan")),
        ("out_of_scope_share", 1.0),
        ("out_of_scope_share", -0.1),
        ("out_of_scope_share", float("nan")),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("learning_rate", float("inf")),
        ("weight_decay", -1.0),
        ("seed", -1),
        ("seed", 2**32),
        ("seed", 1.5),
    ],
)
def test_values_out_of_range(name: str, value: float) -> None:
    with pytest.raises(UserError, match=rf"^{name} must be .*Received: {name}={value}$"):
        ClassifyConfig(**{name: value})  # type: ignore[arg-type]
