"""`supportnet train --task classify,suggest,reply`, and the commands that take its folder."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from shell import Shell

from supportnet.tasks.options import JOINT_DEFAULTS

ROWS = [
    (f"{words} {thing}", intent, f"We see to your {thing}.")
    for words, intent in (("where is my", "track"), ("refund my", "refund"), ("cancel the", "cancel"))
    for thing in ("lamp", "shoe", "book", "ring", "coat", "bag")
]
SIZES = ["--embedding-dim", 8, "--hidden-dim", 8, "--num-heads", 2, "--num-buckets", 200, "--num-pairs", 200]
OTHERS = ["--num-pieces", 300, "--max-reply-length", 8, "--vector-dim", 8, "--min-count", 1, "--batch-tokens", 500]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "chats.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "intent", "reply"), *ROWS])
    return path


def command(data: Path, out: Path, *more: object) -> list[object]:
    tiny = [*SIZES, *OTHERS, "--architecture", "none", "--epochs", 1, "--validation-share", 0.3]
    return ["train", "--task", "reply,classify,suggest", "--data", data, *tiny, "--out", out, *more]


def refused(shell: Shell, *arguments: object) -> str:
    """What stands after the warnings about so few messages."""
    return shell(*arguments, code=2)[1].splitlines()[-1]


@pytest.fixture
def run(shell: Shell, data: Path, tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    return tmp_path / "run", shell.json(*command(data, tmp_path / "run"))


@pytest.mark.slow
def test_from_training_to_export(shell: Shell, data: Path, run: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder, trained = run
    assert (trained["task"], trained["run"], trained["epochs"]) == (["classify", "suggest", "reply"], str(folder), 1)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert {task: trained[task]["validation"] for task in metrics} == metrics
    assert set(trained["suggest"]) == {"validation", "relevance"}

    assert "already holds a finished run" in refused(shell, *command(data, folder))
    out, _ = shell(*command(data, folder, "--resume"))
    lines = out.splitlines()
    assert [line for line in lines if line.endswith(":")] == ["classify:", "suggest:", "reply:"]
    assert lines[-1] == f"wrote {folder}; next: supportnet export {folder} saved_models/NAME --bank FILE"

    several = f"{folder} has several tasks: name one with --task, classify or suggest or reply."
    assert several in shell.error("evaluate", folder, "--data", data)
    for task, name in (("classify", "accuracy"), ("suggest", "recall_at_1"), ("reply", "bleu")):
        assert name in shell.json("evaluate", folder, "--task", task, "--data", data)

    assert shell.json("drift", folder, "--data", data)["num_messages"] == len(ROWS)

    bank = tmp_path / "bank.csv"
    bank.write_text("text\nWe see to it.\nIt is on its way.\n")
    saved = tmp_path / "saved_models" / "support"
    assert f"{folder} suggests answers: name a file of them with --bank" in shell.error("export", folder, saved)
    exported = shell.json("export", folder, saved, "--bank", bank)
    assert {"classify", "suggest", "reply", "serving_default"} <= set(exported["signatures"])
    answer = shell.json("predict", saved, "where is my lamp")["predictions"][0]
    assert {"intents", "suggestions", "reply"} <= set(answer)
    assert "2 answers" in shell("index", folder, "--bank", bank, "--out", tmp_path / "answers")[0]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--task", "classify,dance"], "Invalid value for '--task': 'classify,dance' is not one of classify"),
        (["--task", "reply,reply"], "Invalid value for '--task'"),
        (["--task", "suggest,reply", "--precision", 0.9], "--precision is for --task classify."),
        (["--architecture", "gpt"], "--architecture must have an encoder for this: gpt is for written replies"),
        (["--hard-negatives", 1], "--hard-negatives must be left to the training of one task. Received"),
        (["--unlabelled", "more.csv"], "--unlabelled must be left to the training of one task. Received"),
        (["--num-heads", 3], "--num-heads must be at least 1 and divide embedding_dim (8). Received"),
    ],
)
def test_flags_that_cannot_be(shell: Shell, data: Path, tmp_path: Path, flags: list[object], message: str) -> None:
    assert message in refused(shell, *command(data, tmp_path / "run", *flags))
    assert not (tmp_path / "run").exists()


def test_help_names_the_defaults(shell: Shell) -> None:
    out = " ".join(shell("train", "--help")[0].split())
    for default in JOINT_DEFAULTS.values():
        assert f"; {default} for several tasks" in out
