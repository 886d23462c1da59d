"""`supportnet drift`: what it prints, writes and refuses."""

import csv
import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from shell import Shell
from toy_messages import messages

from supportnet.tasks.train import Trained


def write(path: Path, texts: Iterable[str], column: str = "text") -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([(column,), *((text,) for text in texts)])
    return path


@pytest.fixture
def recent(tmp_path: Path) -> Path:
    """Messages like those of the training, and two with what nobody else may read."""
    texts = [ticket.text for ticket in messages(30, seed=7)]
    return write(tmp_path / "recent.csv", [*texts, "zyx wvu ann@example.com", "zyx wvu bob@example.com"])


@pytest.fixture
def run(finished: tuple[Path, Trained], tmp_path: Path) -> Path:
    """A copy of the finished run, to damage."""
    return Path(shutil.copytree(finished[0], tmp_path / "run"))


def test_lines(shell: Shell, finished: tuple[Path, Trained], recent: Path, tmp_path: Path) -> None:
    out, err = shell("drift", finished[0], "--data", recent, "--plots", tmp_path / "new" / "plots")
    assert err == ""
    lines = out.splitlines()
    assert lines[0].startswith("no drift found in 122 messages (16 earlier messages are few")
    assert lines[2] == "122 messages, compared with 16 that were held out of its training"
    assert lines[3].split() == ["figure", "reference", "recent", "difference", "low", "high", "changed"]
    assert [line.split()[0] for line in lines[4:8]] == ["in_scope", "known_words", "confidence", "route"]
    assert "by chance), p-value" in out
    assert "what grew most\nintent" in out
    assert "trained_on" in out
    assert "zyx wvu <email>" in out
    assert "example.com" not in out
    assert lines[-1] == f"wrote drift.png to {tmp_path / 'new' / 'plots'}"
    assert (tmp_path / "new" / "plots" / "drift.png").read_bytes().startswith(b"\x89PNG")


def test_json(shell: Shell, finished: tuple[Path, Trained], recent: Path, tmp_path: Path) -> None:
    report = shell.json("drift", finished[0], "--data", recent, "--most", 1)
    assert (report["num_messages"], report["num_reference"], report["reference"]) == (122, 16, "validation")
    assert [row["text"] for row in report["unlike"]] == ["zyx wvu <email>"]
    assert report["plots"] is None
    assert shell.json("drift", finished[0], "--data", recent, "--most", 0)["unlike"] == []


def test_reading(shell: Shell, finished: tuple[Path, Trained], recent: Path, tmp_path: Path) -> None:
    """Labels are ignored, a column has a name, and a data source has one too."""
    rows = [{"body": "refund my money", "intent": "nonsense"}, {"body": "where is it"}] * 60
    path = tmp_path / "recent.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    report = shell.json("drift", finished[0], "--data", path, "--text-column", "body")
    assert report["num_messages"] == 120
    assert "There is no file and no data source" in shell.error(
        "drift", finished[0], "--data", tmp_path / "nothing.csv"
    )
    assert "no column has a usual name" in shell.error("drift", finished[0], "--data", write(recent, ["a"], "x"))


def test_reference(shell: Shell, finished: tuple[Path, Trained], run: Path, recent: Path, tmp_path: Path) -> None:
    """In place of the summary, which needn't be there."""
    (run / "traffic.json").unlink()
    other = write(tmp_path / "other.csv", ["Wunderbar Fahrrad kaputt ann@example.com"] * 110)
    report = shell.json("drift", run, "--data", other, "--reference", recent)
    assert (report["num_reference"], report["reference"], report["drift"]) == (122, "messages", True)
    out, _ = shell("drift", run, "--data", recent, "--reference", recent)
    assert out.startswith("no drift found in 122 messages\n\n122 messages, compared with 122 of the reference\n")
    assert "trained_on" not in out


def test_few_messages(shell: Shell, finished: tuple[Path, Trained], tmp_path: Path) -> None:
    five = write(tmp_path / "five.csv", [ticket.text for ticket in messages(2, seed=3)][:5])
    out, _ = shell("drift", finished[0], "--data", five)
    assert out.startswith(
        "no drift found in 5 messages (5 recent messages are few: only large changes show; 16 earlier"
    )
    one = write(tmp_path / "one.csv", ["where is it"])
    assert "Two recent messages at least are needed" in shell.error("drift", finished[0], "--data", one)
    none = write(tmp_path / "none.csv", [])
    assert f"{none} has a header, but no rows" in shell.error("drift", finished[0], "--data", none)


def test_exported_model(shell: Shell, tiny_export: Path, recent: Path, tmp_path: Path) -> None:
    """It answers, and has nothing to compare with; it reads words as the trained model does."""
    error = shell.error("drift", tiny_export, "--data", recent)
    assert f"There is no run folder at {tiny_export}, and an export has no summary of its training" in error
    assert "(--reference)" in error
    texts = ["Where is my parcel?", "xyzzy 退款"] * 2
    report = shell.json("drift", tiny_export, "--data", recent, "--reference", write(tmp_path / "a.csv", texts))
    known = next(row for row in report["figures"] if row["figure"] == "known_words")
    assert known["reference"] == pytest.approx(7 / 8)


def test_run_of_several_tasks(shell: Shell, run: Path, recent: Path, tmp_path: Path) -> None:
    """The task that can be compared is the one that is meant."""
    shutil.move(run, tmp_path / "several" / "classify")
    (tmp_path / "several" / "config.json").write_text('{"task": "suggest,classify"}')
    assert shell.json("drift", tmp_path / "several", "--data", recent)["num_messages"] == 122
    (tmp_path / "several" / "config.json").write_text('{"task": "suggest,reply"}')
    error = shell.error("drift", tmp_path / "several", "--data", recent)
    assert "must hold a run of the task classify. Received: one of the task suggest, reply" in error


def test_what_cannot_be_compared(shell: Shell, run: Path, recent: Path, tmp_path: Path) -> None:
    assert f"There is no run folder at {tmp_path / 'lost'}" in shell.error("drift", tmp_path / "lost", "--data", recent)
    assert f"{recent} can't be written" in shell.error("drift", run, "--data", recent, "--plots", recent)
    traffic = run / "traffic.json"
    whole = json.loads(traffic.read_text())
    traffic.write_text(json.dumps({**whole, "predicted": {"other": whole["num_messages"]}}))
    assert "traffic.json is of another model" in shell.error("drift", run, "--data", recent)
    traffic.write_text('{"num_messages": 3')
    assert f"{traffic} can't be read" in shell.error("drift", run, "--data", recent)
    traffic.write_text('{"num_messages": 3}')
    assert f"{traffic} is damaged" in shell.error("drift", run, "--data", recent)
    traffic.unlink()
    assert f"{traffic} is missing" in shell.error("drift", run, "--data", recent)
    (run / "weights.weights.h5").unlink()
    assert "the training hasn't finished" in shell.error("drift", run, "--data", recent)
