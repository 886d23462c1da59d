"""A run that is killed and started again ends as one that nothing happened to."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import supportnet
from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.errors import UserError
from supportnet.files import read_json
from supportnet.tasks.classify.calibrate import Confidence
from supportnet.tasks.train import Trained, train
from supportnet.training.loop import Progress, save_checkpoint

JSON_FILES = [
    *(
        "history.json",
        "metrics.json",
        "model_card.json",
        "config.json",
        "intents.json",
        "confidence.json",
        "traffic.json",
    )
]
RESULTS = [*JSON_FILES, "vocabulary.txt"]


def same_weights(one: Trained, other: Trained) -> bool:
    pairs = zip(one.model.network.get_weights(), other.model.network.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def train_and_die(data: str, run: Path, epoch: int, options: dict[str, Any]) -> int:
    """Resume in a process of its own that kills itself at the end of `epoch`; return how the process ended."""
    script = Path(__file__).with_name("train_and_die.py")
    environment = {**os.environ, "PYTHONPATH": str(Path(supportnet.__file__).parents[1])}
    command = [sys.executable, str(script), data, str(run), str(epoch), json.dumps(options)]
    return subprocess.run(command, env=environment, capture_output=True, timeout=300).returncode


@pytest.mark.slow
def test_killed_while_patience_runs_out(contrary: TicketDataset, options: dict[str, Any], tmp_path: Path) -> None:
    options = {**options, "epochs": 9, "patience": 3}
    whole = train(contrary, tmp_path / "whole", **options)
    epochs, best = len(whole.history), int(whole.metrics["best_epoch"])
    assert epochs == best + 3 < 9

    # What a process leaves that dies before its first checkpoint is whole.
    run = tmp_path / "killed"
    (run / ".incomplete-x").mkdir(parents=True)
    (run / ".incomplete-x" / "checkpoint.npz").write_bytes(b"PK")
    shutil.copy(tmp_path / "whole" / "config.json", run)
    # Two epochs after the best one: one epoch of waiting is in the checkpoint, of three.
    assert train_and_die(contrary.source, run, best + 2, options) == -signal.SIGKILL
    with np.load(run / "checkpoint.npz") as arrays:
        progress = json.loads(str(arrays["progress"]))
    assert (progress["epoch"], progress["best_epoch"], progress["finished"]) == (best + 1, best - 1, False)
    assert len(list(run.glob(".incomplete-*"))) == 1

    resumed = train(contrary, run, resume=True, **options)
    assert resumed.history == whole.history
    assert resumed.metrics == whole.metrics
    assert same_weights(resumed, whole)
    assert all((run / name).read_bytes() == (tmp_path / "whole" / name).read_bytes() for name in RESULTS)
    assert not list(run.glob(".incomplete-*"))


@pytest.mark.slow
def test_killed_without_validation_data(
    dataset: TicketDataset, options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No epoch is better than another: all are trained, and the last one is kept, whatever happened between."""
    tickets = TicketDataset("toy", {"all": dataset["train"]})
    options, run = {**options, "validation_share": 0.0, "patience": 1}, tmp_path / "killed"
    with pytest.warns(UserWarning, match="There are no validation messages in scope: the last epoch's weights"):
        whole = train(tickets, tmp_path / "whole", **options)
    assert whole.metrics == {"accuracy": None, "loss": None, "best_epoch": 4, "method": "none"}
    assert len(whole.history) == 4
    assert whole.model.confidence == Confidence()
    answers = whole.model.answers(["where is my parcel", "my song", "sing a song"])
    # Whatever has a known word.
    assert (answers.in_scope.tolist(), answers.route.any()) == ([True, True, False], False)

    def die(path: Path, model: object, best: object, progress: Progress) -> None:
        save_checkpoint(path, model, best, progress)
        if progress.epoch == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("supportnet.training.loop.save_checkpoint", die)
    with pytest.warns(UserWarning, match="no validation messages"), pytest.raises(KeyboardInterrupt):
        train(tickets, run, **options)
    with pytest.warns(UserWarning, match="no validation messages"):
        resumed = train(tickets, run, resume=True, **options)
    assert resumed.history == whole.history
    assert same_weights(resumed, whole)
    assert all((run / name).read_bytes() == (tmp_path / "whole" / name).read_bytes() for name in RESULTS)


def test_a_finished_run_is_returned_as_it_is(
    dataset: TicketDataset, options: dict[str, Any], finished: tuple[Path, Trained], tmp_path: Path
) -> None:
    folder, trained = finished
    run = Path(shutil.copytree(folder, tmp_path / "run"))
    checkpoint = (run / "checkpoint.npz").stat().st_mtime_ns
    # The data may lie elsewhere by now.
    moved = TicketDataset("moved", dataset.splits, source="elsewhere")
    again = train(moved, run, resume=True, **options)
    assert again.history == trained.history
    assert again.metrics == trained.metrics
    assert same_weights(again, trained)
    assert (run / "checkpoint.npz").stat().st_mtime_ns == checkpoint


def test_killed_between_the_last_epoch_and_the_results(
    dataset: TicketDataset, options: dict[str, Any], finished: tuple[Path, Trained], tmp_path: Path
) -> None:
    folder, trained = finished
    (tmp_path / "run").mkdir()
    for name in ("config.json", "checkpoint.npz"):
        shutil.copy(folder / name, tmp_path / "run")
    assert same_weights(train(dataset, tmp_path / "run", resume=True, **options), trained)
    assert read_json(tmp_path / "run" / "metrics.json") == trained.metrics


def test_other_options(dataset: TicketDataset, options: dict[str, Any], finished: tuple[Path, Trained]) -> None:
    folder, _ = finished
    with pytest.raises(UserError, match=r"finished was made with epochs=4: .* Received: epochs=5"):
        train(dataset, folder, resume=True, **{**options, "epochs": 5})
    with pytest.raises(UserError, match=r"finished was made with precision=0.95: .* Received: precision=0.9"):
        train(dataset, folder, resume=True, **{**options, "precision": 0.9})
    with pytest.raises(UserError, match=r"finished was made with hidden_dim=8: .* Received: hidden_dim=9"):
        train(dataset, folder, resume=True, **{**options, "hidden_dim": 9})


def test_other_data(dataset: TicketDataset, options: dict[str, Any], finished: tuple[Path, Trained]) -> None:
    folder, _ = finished
    other = TicketDataset("toy", {**dataset.splits, "train": [*dataset["train"], Ticket("hello", "login")]})
    with pytest.raises(UserError, match=r"finished was made from other data \(toy\)"):
        train(other, folder, resume=True, **options)


def test_without_resume(dataset: TicketDataset, options: dict[str, Any], finished: tuple[Path, Trained]) -> None:
    folder, _ = finished
    with pytest.raises(UserError, match=r"already holds a finished run: go on with --resume"):
        train(dataset, folder, **options)


def test_an_interrupted_run_without_resume(
    dataset: TicketDataset, options: dict[str, Any], finished: tuple[Path, Trained], tmp_path: Path
) -> None:
    shutil.copy(finished[0] / "config.json", tmp_path)
    with pytest.raises(UserError, match=r"already holds a run that was interrupted: go on with --resume"):
        train(dataset, tmp_path, **options)


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_that_is_no_run(dataset: TicketDataset, options: dict[str, Any], tmp_path: Path, resume: bool) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"")
    for path in (tmp_path, tmp_path / "holiday.jpg"):
        with pytest.raises(UserError, match=r"is there and is not a run folder .*choose another --out"):
            train(dataset, path, resume=resume, **options)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"network": {}}', '{"network": []}'])
def test_damaged_configuration(dataset: TicketDataset, options: dict[str, Any], tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(UserError, match=r"config\.json (can't be read|is damaged)"):
        train(dataset, tmp_path, resume=True, **options)


def test_damaged_checkpoint(
    dataset: TicketDataset, options: dict[str, Any], finished: tuple[Path, Trained], tmp_path: Path
) -> None:
    shutil.copy(finished[0] / "config.json", tmp_path)
    whole = (finished[0] / "checkpoint.npz").read_bytes()
    flipped = whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 1]) + whole[len(whole) // 2 + 1 :]
    for content in (b"", b"garbage", whole[:100], whole[: len(whole) // 2], whole[:-1], flipped):
        (tmp_path / "checkpoint.npz").write_bytes(content)
        with pytest.raises(UserError, match=r"checkpoint\.npz can't be read: it is damaged"):
            train(dataset, tmp_path, resume=True, **options)


def test_checkpoint_of_another_model(
    dataset: TicketDataset, options: dict[str, Any], finished: tuple[Path, Trained], tmp_path: Path
) -> None:
    shutil.copytree(finished[0], tmp_path, dirs_exist_ok=True)
    config = read_json(tmp_path / "config.json")
    config["network"]["num_buckets"] = 501
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"checkpoint\.npz can't be read: it is damaged or of another model"):
        train(dataset, tmp_path, resume=True, **{**options, "num_buckets": 501})
