"""`supportnet predict`, as the shell calls it."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from shell import Shell

from supportnet.tasks.classify.model import IntentClassifier

MESSAGES = ["Where is my parcel?", "", "我要退款"]


@pytest.fixture
def messages(tmp_path: Path) -> Path:
    path = tmp_path / "messages.txt"
    path.write_bytes("\ufeffWhere is my parcel?\r\n\n我要退款".encode())
    return path


def test_texts_as_json(shell: Shell, tiny_export: Path, tiny_classifier: IntentClassifier) -> None:
    answer = shell.json("predict", tiny_export.parent, *MESSAGES, "--top-k", 2)
    assert (answer["model"], answer["signature"], answer["output"]) == (str(tiny_export), "classify", None)
    for row, expected in zip(answer["predictions"], tiny_classifier.classify(MESSAGES, top_k=2), strict=True):
        assert (row["text"], row["intents"]) == (expected.text, list(expected.intents))
        assert (row["in_scope"], row["route"]) == (expected.in_scope, expected.route)
        assert row["in_scope_score"] == pytest.approx(expected.in_scope_score, abs=1e-5)
        np.testing.assert_allclose(row["intent_scores"], expected.scores, atol=1e-5)


def test_texts_as_a_table(shell: Shell, tiny_export: Path, tiny_classifier: IntentClassifier) -> None:
    lines = shell("predict", tiny_export, *MESSAGES)[0].splitlines()
    assert len(lines) == len(MESSAGES) * (1 + 1 + 1 + 3)
    for expected, text, judged, _, best, *_ in zip(tiny_classifier.classify(MESSAGES), *[iter(lines)] * 6, strict=True):
        assert text == expected.text
        scope = "in scope" if expected.in_scope else "out of scope"
        route = "route" if expected.route else "don't route"
        assert judged.startswith(f"  {scope} ({expected.in_scope_score:.3f}), {route} (")
        assert best.split() == [expected.intent, f"{expected.score:.3f}"]


def test_decisions_in_words(shell: Shell, tiny_export: Path) -> None:
    lines = shell("predict", tiny_export, "hello", "refund")[0].splitlines()
    assert lines[1].startswith("  out of scope (0.0")
    assert "), don't route (0.0" in lines[1]
    assert lines[7].startswith("  in scope (0.0")
    assert "), route (0.0" in lines[7]


def test_embed(shell: Shell, tiny_export: Path, tiny_classifier: IntentClassifier) -> None:
    rows = shell.json("predict", tiny_export, *MESSAGES, "--signature", "embed")["predictions"]
    assert [sorted(row) for row in rows] == [["embedding", "text"]] * len(MESSAGES)
    np.testing.assert_allclose([row["embedding"] for row in rows], tiny_classifier.embed(MESSAGES), atol=1e-5)
    assert "  embedding [" in shell("predict", tiny_export, "hello", "--signature", "embed")[0]


def test_input_and_output(shell: Shell, tiny_export: Path, tmp_path: Path, messages: Path) -> None:
    output = tmp_path / "new" / "answers.jsonl"
    printed = shell("predict", tiny_export, "--input", messages, "--output", output)[0]
    assert printed == f"wrote 3 answers to {output}\n"
    rows = [json.loads(line) for line in output.read_text("utf-8").splitlines()]
    assert [row["text"] for row in rows] == MESSAGES
    assert shell.json("predict", tiny_export, *MESSAGES)["predictions"] == rows
    assert [path.name for path in output.parent.iterdir()] == ["answers.jsonl"]


def test_output_as_json(shell: Shell, tiny_export: Path, tmp_path: Path, messages: Path) -> None:
    output = tmp_path / "answers.jsonl"
    # Underscores are hyphens.
    answer = shell.json("predict", tiny_export, "--input", messages, "--output", output, "--top_k", 1)
    assert (answer["predictions"], answer["output"]) == ([], str(output))
    rows = [json.loads(line) for line in output.read_text("utf-8").splitlines()]
    assert [len(row["intents"]) for row in rows] == [1, 1, 1]


def test_many_messages_and_none(shell: Shell, tiny_export: Path, tmp_path: Path) -> None:
    path = tmp_path / "many.txt"
    path.write_text("".join(f"message {i}\n" for i in range(150)))
    rows = shell.json("predict", tiny_export, "--input", path)["predictions"]
    assert [row["text"] for row in rows] == [f"message {i}" for i in range(150)]
    path.write_text("")
    assert shell.json("predict", tiny_export, "--input", path)["predictions"] == []


def test_standard_input(shell: Shell, tiny_export: Path, messages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(messages.read_bytes())))
    rows = shell.json("predict", tiny_export, "--input", "-")["predictions"]
    assert [row["text"] for row in rows] == MESSAGES


def test_neither_or_both_kinds_of_messages(shell: Shell, tiny_export: Path, messages: Path) -> None:
    for arguments in ([], ["hello", "--input", messages]):
        assert "either messages or --input FILE" in shell.error("predict", tiny_export, *arguments)
    assert "--output needs --input" in shell.error("predict", tiny_export, "hello", "--output", "answers.jsonl")


def test_what_is_not_there(shell: Shell, tiny_export: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing.txt"
    assert f"--input {missing} can't be read: No such file" in shell.error("predict", tiny_export, "--input", missing)
    assert f"--input {tmp_path} can't be read: Is a dir" in shell.error("predict", tiny_export, "--input", tmp_path)
    assert f"no exported model at {missing}" in shell.error("predict", missing, "hello")
    error = shell.error("predict", tiny_export, "hello", "--signature", "reply")
    assert "no signature 'reply'. It has: classify, classify_examples, embed, redact, serving_default." in error
    assert "--top-k" in shell.error("predict", tiny_export, "hello", "--top-k", 0)


def test_line_that_is_not_utf8(shell: Shell, tiny_export: Path, tmp_path: Path) -> None:
    path = tmp_path / "latin.txt"
    path.write_bytes(b"hello\ncaf\xe9\n")
    assert f"--input {path} is not UTF-8 in line 2" in shell.error("predict", tiny_export, "--input", path)


def test_failure_keeps_the_old_answers(shell: Shell, tiny_export: Path, tmp_path: Path, messages: Path) -> None:
    output, folder = tmp_path / "answers.jsonl", tmp_path / "folder"
    output.write_text("old")
    folder.mkdir()
    shell.error("predict", tiny_export, "--input", messages, "--output", output, "--signature", "reply")
    assert output.read_text() == "old"
    error = shell.error("predict", tiny_export, "--input", messages, "--output", folder)
    assert f"--output {folder} is a folder: name a file." in error
    error = shell.error("predict", tiny_export, "--input", messages, "--output", messages / "answers.jsonl")
    assert re.search(rf"{messages}\S* can't be written: ", error)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.jsonl", "folder", "messages.txt"]


def test_process(tiny_export: Path) -> None:
    """One JSON object, whatever libraries say of themselves, and arguments that aren't UTF-8 or begin with a hyphen."""
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    process = subprocess.run(
        [sys.executable, "-m", "supportnet", "predict", tiny_export, "--json", "--", b"caf\xe9", "-5 degrees"],
        capture_output=True,
        cwd=Path(__file__).parents[2],
        env=environment,
    )
    assert process.returncode == 0, process.stderr
    assert process.stderr == b""
    rows = json.loads(process.stdout)["predictions"]
    assert [row["text"] for row in rows] == ["caf\ufffd", "-5 degrees"]
