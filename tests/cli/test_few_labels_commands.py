"""`supportnet pretrain`, and what `supportnet train` makes of it and of messages without labels."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from shell import Shell

pytestmark = pytest.mark.slow

LABELLED = [("where is my parcel", "track"), ("refund my money", "refund"), ("cancel the order", "cancel")] * 3
TICKETS = ["please track the parcel", "the money is not back", "stop my order", "where is the refund"] * 6
SIZES = ["--embedding-dim", 8, "--hidden-dim", 4, "--num-heads", 2, "--num-buckets", 100, "--num-layers", 0]
SHORT = ["--epochs", 2, "--batch-size", 8]


def write_csv(path: Path, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("few")
    write_csv(folder / "few.csv", ("body", "intent"), LABELLED)
    write_csv(folder / "tickets.csv", ("body",), [(text,) for text in TICKETS])
    return folder


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def pretrain(folder: Path, out: str, *more: Any) -> list[Any]:
    data = ["--data", folder / "tickets.csv", "--data", folder / "few.csv", "--text-column", "body"]
    return ["pretrain", *data, *SIZES, *SHORT, "--out", folder / out, *more]


def train(folder: Path, out: str, *more: Any) -> list[Any]:
    data = ["--data", folder / "few.csv", "--text-column", "body", "--validation-share", 0]
    return ["train", *data, *SHORT, "--out", folder / out, *more]


def test_pretrain_then_learn_from_few_labels(shell: Shell, folder: Path) -> None:
    pretrained = shell.json(*pretrain(folder, "encoder"))
    assert set(pretrained) == {"encoder", "held_out", "epochs"}
    assert pretrained["epochs"] == 2
    assert pretrained["held_out"] == json.loads((folder / "encoder" / "metrics.json").read_text())
    assert pretrained["held_out"]["perplexity"] > 1
    facts = json.loads((folder / "encoder" / "config.json").read_text())
    assert facts["data"]["messages"] == len(TICKETS) + len(LABELLED)

    rounds = ["--unlabelled", folder / "tickets.csv", "--rounds", 1, "--round-epochs", 2]
    trained = shell.json(*train(folder, "run", "--init", folder / "encoder", *rounds))
    assert trained["epochs"] == 4
    config = json.loads((folder / "run" / "config.json").read_text())
    assert config["network"]["embedding_dim"] == 8
    assert config["data"]["unlabelled_messages"] == len(TICKETS)
    assert (folder / "run" / "vocabulary.txt").read_bytes() == (folder / "encoder" / "vocabulary.txt").read_bytes()
    scores = shell.json("evaluate", folder / "run", "--data", folder / "few.csv", "--text-column", "body")
    assert scores["num_examples"] == len(LABELLED)


def test_text_says_what_comes_next_and_a_finished_one_is_not_done_again(shell: Shell, folder: Path) -> None:
    out, _ = shell(*pretrain(folder, "again"))
    assert "held-out perplexity" in out
    assert f"supportnet train --data LABELLED --init {folder / 'again'} --out RUN" in out
    assert "finished run" in shell.error(*pretrain(folder, "again"))
    assert shell(*pretrain(folder, "again", "--resume"))[0] == out


def test_pretrain_goes_on_from_an_encoder(shell: Shell, folder: Path) -> None:
    shell(*pretrain(folder, "others"))
    (folder / "own.csv").write_text("text\nwhere is my parcel\nmy card is lost\n")
    own: list[Any] = ["pretrain", "--data", folder / "own.csv", "--epochs", 1, "--init"]
    assert shell.json(*own, folder / "others", "--out", folder / "own")["epochs"] == 1
    assert (folder / "own" / "vocabulary.txt").read_bytes() == (folder / "others" / "vocabulary.txt").read_bytes()
    assert "no run folder" in shell.error(*own, folder / "nowhere", "--out", folder / "no")
    assert not (folder / "no").exists()


def test_mistakes_are_one_line(shell: Shell, folder: Path) -> None:
    missing = folder / "missing.csv"
    assert "missing.csv" in shell.error("pretrain", "--data", missing, "--out", folder / "no")
    # A warning comes first: there is no validation.
    assert "missing.csv" in shell(*train(folder, "no", "--unlabelled", missing), code=2)[1]
    assert "no run folder" in shell.error(*train(folder, "no", "--init", folder / "nowhere"))
    assert "--mask-share must be" in shell.error(*pretrain(folder, "no", "--mask-share", 1))
    assert "--architecture must have an encoder" in shell.error(*pretrain(folder, "no", "--architecture", "gpt"))
    assert not (folder / "no").exists()


def test_sizes_of_another_encoder_are_named(shell: Shell, folder: Path) -> None:
    shell(*pretrain(folder, "small"))
    error = shell.error(*train(folder, "other", "--init", folder / "small", "--embedding-dim", 16))
    assert "--embedding-dim must be that of the pre-trained encoder, 8" in error
    assert not (folder / "other").exists()
