"""`supportnet audit`: what it prints, writes and refuses."""

import csv
from pathlib import Path

import pytest
from shell import Shell

WORDS = {"refund": "refund my money", "track": "where is the parcel"}
FILLERS = ["please", "hello", "thanks", "quickly", "today", "again"]
#: The third is a doubt, the next two are a conflict, the last can't be checked.
FAULTS = [
    ("refund my money ann@example.com " + "refund my money " * 4, "track"),
    ("Hello there", "refund"),
    ("hello  there", "track"),
    ("gift card", "gift"),
]


@pytest.fixture
def rows() -> list[tuple[str, str]]:
    return [(f"{text} {filler}", intent) for intent, text in WORDS.items() for filler in FILLERS] + FAULTS


@pytest.fixture
def data(tmp_path: Path, rows: list[tuple[str, str]]) -> Path:
    return write(tmp_path / "tickets.csv", ("text", "intent"), rows)


def write(path: Path, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def test_table(shell: Shell, data: Path) -> None:
    out, err = shell("audit", "--data", data)
    assert "checking: 100%" in err
    assert "16 messages, 2 intents checked" in out
    assert "not checked, because they have fewer than two different messages: gift\n" in out
    assert "less certainty" not in out
    assert "2 conflicts (the same message with different labels)\n1 doubts" in out
    assert "ann@" not in out
    lines = [line.split() for line in out.splitlines() if line.strip()[:2] in ("13", "14", "15")]
    assert [line[:3] for line in lines] == [
        ["14", "refund", "track"],
        ["15", "track", "refund"],
        ["13", "track", "refund"],
    ]
    assert " ".join(lines[2][4:]) == "refund my money <email> refund my money refund my money r..."


def test_top_and_small_intents(shell: Shell, data: Path) -> None:
    out, _ = shell("audit", "--data", data, "--top", 1, "--folds", 7)
    assert "Hello there" in out
    assert "hello there" not in out
    assert "because they have fewer messages than folds: refund\n" in out


def test_file(shell: Shell, data: Path, tmp_path: Path) -> None:
    path = tmp_path / "new" / "doubts.csv"
    out, _ = shell("audit", "--data", data, "--top", 1, "--out", path)
    assert out.endswith(f"\nwrote 3 labels to {path}\n")
    report = shell.json("audit", "--data", data, "--out", path)
    assert report["out"] == str(path)
    with path.open(newline="") as file:
        written = list(csv.DictReader(file))
    as_text = [{name: "" if value is None else str(value) for name, value in row.items()} for row in report["labels"]]
    assert written == as_text
    assert [row["row"] for row in written] == ["14", "15", "13"]
    assert [child.name for child in path.parent.iterdir()] == ["doubts.csv"]


def test_split(shell: Shell, rows: list[tuple[str, str]], tmp_path: Path) -> None:
    """Rows are counted within the split."""
    other = [("test", f"{word} it {filler}", word) for word in ("cancel", "change") for filler in FILLERS]
    data = write(tmp_path / "splits.csv", ("split", "text", "intent"), [*other, *(("train", *row) for row in rows)])
    assert [label["row"] for label in shell.json("audit", "--data", data)["labels"]] == [14, 15, 13]
    report = shell.json("audit", "--data", data, "--split", "test", "--folds", 2, "--seed", 3)
    assert (report["num_messages"], report["labels"]) == (12, [])
    assert "has no split named 'dev'. It has: train, test" in shell.error("audit", "--data", data, "--split", "dev")


def test_what_cannot_be_checked(shell: Shell, data: Path, tmp_path: Path) -> None:
    assert "--folds must be at least 2. Received: folds=1" in shell.error("audit", "--data", data, "--folds", 1)
    one = write(tmp_path / "one.csv", ("text", "intent"), [("refund", "refund"), ("money", "refund")])
    assert "every message has the same one: 'refund'" in shell.error("audit", "--data", one)
    unlabelled = write(tmp_path / "unlabelled.csv", ("text", "intent"), [("refund", "")])
    assert "row 2: the label in column 'intent' is empty" in shell.error("audit", "--data", unlabelled)


def test_file_that_cannot_be_written(shell: Shell, data: Path, tmp_path: Path) -> None:
    assert f"--out {tmp_path} is a folder: name a file." in shell.error("audit", "--data", data, "--out", tmp_path)
    out, err = shell("audit", "--data", data, "--out", data / "doubts.csv", code=2)
    assert out == ""
    assert f"{data} can't be written: " in err
    assert [child.name for child in tmp_path.iterdir()] == [data.name]
