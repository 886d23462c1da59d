"""Pre-training learns from messages alone, repeats itself, goes on where it was stopped, and says what it did."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toy_messages import messages

from supportnet.architectures import encoder_names
from supportnet.config import PretrainingConfig
from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.errors import UserError
from supportnet.files import read_json
from supportnet.tasks.train import Trained, load, train
from supportnet.training.initial_weights import load_encoder
from supportnet.training.loop import Progress, save_checkpoint
from supportnet.training.pretrain import Pretrained, pretrain

pytestmark = pytest.mark.slow

FILES = ["config.json", "history.json", "metrics.json", "vocabulary.txt", "weights.weights.h5"]
#: What must be the same, byte by byte, whether a training was interrupted or not.
RESULTS = ["config.json", "history.json", "metrics.json", "vocabulary.txt"]


def tickets(num_each: int = 12) -> TicketDataset:
    """Messages as somebody has them who labelled none."""
    unlabelled = [Ticket(ticket.text) for ticket in messages(num_each, seed=0)]
    return TicketDataset("toy", {"all": unlabelled}, licence="CC0-1.0")


def same_weights(one: Pretrained, other: Pretrained) -> bool:
    pairs = zip(one.encoder.network.get_weights(), other.encoder.network.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.fixture(scope="module")
def tiny(options: dict[str, Any]) -> dict[str, Any]:
    """Options of a pre-training of four epochs of three steps, for the network of the other tests."""
    return {**options, "batch_size": 16, "validation_share": 0.2}


@pytest.fixture(scope="module")
def whole(tiny: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Pretrained]:
    """The folder of a finished pre-training, and what it returned; don't change it."""
    folder = tmp_path_factory.mktemp("encoders") / "finished"
    return folder, pretrain(tickets(), folder, **tiny)


@pytest.fixture
def encoder(whole: tuple[Path, Pretrained], tmp_path: Path) -> Path:
    """A copy of the finished encoder, to damage."""
    for name in FILES:
        shutil.copy(whole[0] / name, tmp_path)
    return tmp_path


@pytest.mark.parametrize("architecture", encoder_names())
def test_it_learns(tiny: dict[str, Any], architecture: str) -> None:
    """Words that are asked for become likelier, on messages that it didn't learn."""
    pretrained = pretrain(tickets(40), **{**tiny, "batch_size": 8, "architecture": architecture})
    perplexities = np.exp([epoch["val_log_loss"] for epoch in pretrained.history])
    # There are 24 words; who knows the intent can do no better than guess among five, or four.
    assert 4 < perplexities[-1] < 0.75 * perplexities[0]
    assert perplexities[-1] < 20 < len(pretrained.encoder.vocabulary)
    assert pretrained.metrics["accuracy"] > 1 / 20


def test_metrics_are_those_of_the_best_epoch(whole: tuple[Path, Pretrained]) -> None:
    _, pretrained = whole
    assert set(pretrained.history[0]) == {
        *("loss", "accuracy", "log_loss"),
        *("val_loss", "val_accuracy", "val_log_loss"),
    }
    best = max(pretrained.history, key=lambda epoch: (epoch["val_accuracy"], -epoch["val_loss"]))
    assert pretrained.metrics == {
        "perplexity": pytest.approx(np.exp(best["val_log_loss"])),
        "accuracy": best["val_accuracy"],
        "best_epoch": pretrained.history.index(best) + 1,
    }


def test_the_folder(whole: tuple[Path, Pretrained]) -> None:
    folder, pretrained = whole
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES, "checkpoint.npz", "logs"])
    assert read_json(folder / "history.json") == pretrained.history
    assert read_json(folder / "metrics.json") == pretrained.metrics
    config = read_json(folder / "config.json")
    assert (config["task"], config["network"]["hidden_dim"], config["training"]["batch_size"]) == ("pretrain", 8, 16)
    assert (config["data"]["name"], config["data"]["licence"], config["data"]["messages"]) == ("toy", "CC0-1.0", 48)


def test_the_encoder_comes_back_from_its_folder(whole: tuple[Path, Pretrained]) -> None:
    """With the weights of the best epoch, and a digest that tells it from others."""
    folder, pretrained = whole
    loaded = load_encoder(folder)
    assert (loaded.config, loaded.vocabulary) == (pretrained.encoder.config, pretrained.encoder.vocabulary)
    pairs = zip(loaded.network.get_weights(), pretrained.encoder.network.get_weights(), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)
    assert (len(loaded.digest), pretrained.encoder.digest) == (64, "")


def test_same_seed_same_encoder(
    tiny: dict[str, Any], whole: tuple[Path, Pretrained], capsys: pytest.CaptureFixture[str]
) -> None:
    """Bit by bit, whether it is kept or not, and whatever the messages are labelled."""
    labelled = TicketDataset("labelled", {"train": messages(12, seed=0), "test": messages(4, seed=1)})
    again = pretrain(labelled, **{**tiny, "progress_bar": True})
    assert again.history == whole[1].history
    assert again.metrics == whole[1].metrics
    assert same_weights(again, whole[1])
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "pre-training: 100%" in captured.err
    assert "12/12" in captured.err


def test_other_seed_other_encoder(tiny: dict[str, Any], whole: tuple[Path, Pretrained]) -> None:
    other = pretrain(tickets(), **{**tiny, "epochs": 1}, seed=1)
    assert other.history[0] != whole[1].history[0]
    assert not same_weights(other, whole[1])


def own_tickets() -> TicketDataset:
    """Messages with a word that the encoder hasn't."""
    return TicketDataset("own", {"all": [*tickets()["all"], Ticket("where is my zebra"), Ticket("zebra")]})


def test_going_on_from_an_encoder(tiny: dict[str, Any], whole: tuple[Path, Pretrained]) -> None:
    """It begins with the encoder's words, sizes and weights; other options may differ."""
    folder, first = whole
    still = pretrain(own_tickets(), init=folder, **{**tiny, "learning_rate": 1e-30, "epochs": 1})
    assert same_weights(still, first)
    gone_on = pretrain(own_tickets(), init=folder, **{**tiny, "dropout_rate": 0.0})
    assert gone_on.history[0]["loss"] < first.history[0]["loss"]
    assert not same_weights(gone_on, first)
    assert gone_on.encoder.vocabulary == first.encoder.vocabulary
    assert gone_on.encoder.config == replace(first.encoder.config, dropout_rate=0.0)


def test_what_went_on_is_an_encoder_of_its_own(
    tiny: dict[str, Any], whole: tuple[Path, Pretrained], tmp_path: Path
) -> None:
    """With a digest of its own, and it goes on only from the encoder that it began with."""
    gone_on = pretrain(own_tickets(), tmp_path / "own", init=whole[0], **tiny)
    assert gone_on.encoder.digest == ""
    assert load_encoder(tmp_path / "own").digest != load_encoder(whole[0]).digest
    assert same_weights(pretrain(own_tickets(), tmp_path / "own", init=whole[0], resume=True, **tiny), gone_on)
    with pytest.raises(UserError, match=r"own was made with init='\w{64}': go on with the same\. Received: init=None"):
        pretrain(own_tickets(), tmp_path / "own", resume=True, **tiny)


def test_going_on_with_other_sizes(tiny: dict[str, Any], whole: tuple[Path, Pretrained], tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"^hidden_dim must be that of the pre-trained encoder, 8\. Received: hidden_dim=9"
    ):
        pretrain(tickets(), tmp_path / "own", init=whole[0], **{**tiny, "hidden_dim": 9})
    assert not (tmp_path / "own").exists()


@pytest.mark.parametrize("epoch", [2, 4])
def test_interrupted(
    tiny: dict[str, Any],
    whole: tuple[Path, Pretrained],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    epoch: int,
) -> None:
    """It ends as if it had not been: the masks, the order and the dropout of an epoch don't depend on the process."""

    def die(path: Path, model: object, best: object, progress: Progress) -> None:
        save_checkpoint(path, model, best, progress)
        if progress.epoch == epoch:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("supportnet.training.loop.save_checkpoint", die)
        with pytest.raises(KeyboardInterrupt):
            pretrain(tickets(), tmp_path / "run", **tiny)
    with pytest.raises(UserError, match=r"weights\.weights\.h5 is missing: the training hasn't finished"):
        load_encoder(tmp_path / "run")
    with pytest.raises(UserError, match="already holds a run that was interrupted: go on with --resume"):
        pretrain(tickets(), tmp_path / "run", **tiny)
    resumed = pretrain(tickets(), tmp_path / "run", resume=True, **tiny)
    assert resumed.history == whole[1].history
    assert same_weights(resumed, whole[1])
    assert all((tmp_path / "run" / name).read_bytes() == (whole[0] / name).read_bytes() for name in RESULTS)


def test_a_finished_one_is_returned_as_it_is(tiny: dict[str, Any], whole: tuple[Path, Pretrained]) -> None:
    folder, pretrained = whole
    checkpoint = (folder / "checkpoint.npz").stat().st_mtime_ns
    with pytest.raises(UserError, match="already holds a finished run: go on with --resume, or choose another --out"):
        pretrain(tickets(), folder, **tiny)
    again = pretrain(tickets(), folder, resume=True, **tiny)
    assert again.history == pretrained.history
    assert same_weights(again, pretrained)
    assert (folder / "checkpoint.npz").stat().st_mtime_ns == checkpoint


@pytest.mark.parametrize(("name", "known", "value"), [("epochs", 4, 5), ("mask_share", 0.2, 0.3), ("hidden_dim", 8, 9)])
def test_other_options(
    tiny: dict[str, Any], whole: tuple[Path, Pretrained], name: str, known: float, value: float
) -> None:
    with pytest.raises(UserError, match=rf"finished was made with {name}={known}: .* Received: {name}={value}$"):
        pretrain(tickets(), whole[0], resume=True, **{**tiny, name: value})


def test_other_data(tiny: dict[str, Any], whole: tuple[Path, Pretrained]) -> None:
    with pytest.raises(UserError, match=r"finished was made from other data \(toy\): go on with the same"):
        pretrain(tickets(13), whole[0], resume=True, **tiny)


def test_runs_of_another_task(
    dataset: TicketDataset,
    options: dict[str, Any],
    tiny: dict[str, Any],
    whole: tuple[Path, Pretrained],
    finished: tuple[Path, Trained],
) -> None:
    with pytest.raises(UserError, match=r"finished must hold a run of the task pretrain\. .* of the task classify"):
        load_encoder(finished[0])
    with pytest.raises(UserError, match=r"finished must hold a run of the task classify\. .* of the task pretrain"):
        load(whole[0], "classify")
    with pytest.raises(UserError, match=r"finished holds a run of the task classify: choose another --out"):
        pretrain(tickets(), finished[0], resume=True, **tiny)
    with pytest.raises(UserError, match=r"finished holds a run of the task pretrain: choose another --out"):
        train(dataset, whole[0], resume=True, **options)


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no run folder at .*nowhere"):
        load_encoder(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["config.json", "vocabulary.txt", "weights.weights.h5"])
@pytest.mark.parametrize("share", [None, 0.0, 0.1, 0.5, 0.97])
def test_a_damaged_file_is_named(encoder: Path, name: str, share: float | None) -> None:
    content = (encoder / name).read_bytes()
    if share is None:
        (encoder / name).unlink()
    else:
        (encoder / name).write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UserError, match=rf"{name}"):
        load_encoder(encoder)


def test_parts_that_do_not_belong_together(encoder: Path) -> None:
    words = (encoder / "vocabulary.txt").read_text().splitlines(keepends=True)
    (encoder / "vocabulary.txt").write_text("".join(words[:-2]))
    with pytest.raises(UserError, match=r"doesn't belong to config\.json and vocabulary\.txt"):
        load_encoder(encoder)


@pytest.mark.parametrize("change", [{"architecture": "crystal_ball"}, {"num_heads": 3}, {"colour": "red"}])
def test_a_configuration_that_makes_no_network(encoder: Path, change: dict[str, object]) -> None:
    config = read_json(encoder / "config.json")
    config["network"].update(change)
    (encoder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=rf"config\.json is damaged or .*{next(iter(change))}"):
        load_encoder(encoder)


@pytest.mark.parametrize("texts", [[], ["where is it"], ["where is it", "", " ", "\u200b"]])
def test_too_few_messages_with_words(tiny: dict[str, Any], texts: list[str], tmp_path: Path) -> None:
    number = min(len(texts), 1)
    with pytest.raises(UserError, match=rf"needs at least two messages with words in them\. Received: {number}$"):
        pretrain(TicketDataset("few", {"all": list(map(Ticket, texts))}), tmp_path / "run", **tiny)
    assert not (tmp_path / "run").exists()


def test_messages_without_words_are_left_out(tiny: dict[str, Any], whole: tuple[Path, Pretrained]) -> None:
    """Nor do they change what is held out."""
    texts = [text for ticket in tickets()["all"] for text in (ticket.text, "", "  \n")]
    pretrained = pretrain(TicketDataset("gaps", {"all": list(map(Ticket, texts))}), **tiny)
    assert pretrained.history == whole[1].history


def test_two_messages_are_enough(tiny: dict[str, Any]) -> None:
    """One is learned, one is held out; one is half a surrogate pair, which no UTF-8 can say."""
    texts = ["where is my parcel \ud83d", "where is my refund"]
    pretrained = pretrain(TicketDataset("two", {"train": list(map(Ticket, texts))}), **{**tiny, "epochs": 1})
    assert np.isfinite(pretrained.metrics["perplexity"])


def test_a_data_set_without_messages_for_training(tiny: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"toy has no split named 'train'"):
        pretrain(TicketDataset("toy", {"test": messages(2, seed=0)}), **tiny)


def test_it_stops_when_it_no_longer_gets_better(tiny: dict[str, Any]) -> None:
    """Its step is too small to change which word is the likeliest."""
    stopped = pretrain(tickets(), **{**tiny, "epochs": 9}, patience=1, weight_decay=0.0, warmup_share=0.0)
    best = stopped.metrics["best_epoch"]
    assert len(stopped.history) == best + 1 < 9


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("batch_size", 0),
        ("patience", 0),
        ("min_count", 0),
        ("warmup_share", 1.0),
        ("mask_share", 0.0),
        ("mask_share", 1.0),
        ("mask_share", float("nan")),
        ("validation_share", 0.0),
        ("validation_share", 1.0),
        ("learning_rate", 0.0),
        ("learning_rate", float("inf")),
        ("weight_decay", -1.0),
        ("seed", -1),
        ("seed", 2**32),
    ],
)
def test_values_out_of_range(name: str, value: float) -> None:
    with pytest.raises(UserError, match=rf"^{name} must be .*Received: {name}={value}$"):
        PretrainingConfig(**{name: value})  # type: ignore[arg-type]
