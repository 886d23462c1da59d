"""`supportnet data`."""

import json
from pathlib import Path

from shell import Shell


def test_list(shell: Shell) -> None:
    names = [source["name"] for source in shell.json("data", "list")["sources"]]
    assert names[:3] == ["sample", "banking77", "clinc150"]
    out, _ = shell("data", "list")
    assert out.split()[:3] == ["name", "licence", "description"]
    assert all(name in out for name in names)


def test_describe_the_sample(shell: Shell) -> None:
    facts = shell.json("data", "describe", "sample")
    assert facts["splits"]["test"]["num_out_of_scope"] > 0
    out, _ = shell("data", "describe", "sample")
    assert out.splitlines()[0].split() == ["name", "sample"]
    assert str(facts["splits"]["train"]["num_messages"]) in out


def test_describe_a_file(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "tickets.txt"
    path.write_bytes("body\ttopic\nwo ist mein Päckchen\ttrack\n".encode("latin-1"))
    flags = ["--text-column", "body", "--label_column", "topic", "--delimiter", r"\t", "--encoding", "latin-1"]
    assert shell.json("data", "describe", path, *flags)["splits"]["all"]["text_length"]["longest"] == 4
    assert "is for files, not for sample" in shell.error("data", "describe", "sample", *flags)


def test_describe_replies(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "answered.csv"
    path.write_text("text,answer,intent\nhi,Hello!,greet\nhello,Hello!,\nbye,,leave\n", "utf-8")
    header, row = shell("data", "describe", path, "--reply-column", "answer")[0].splitlines()[-2:]
    assert "no intent  replies  different" in header
    assert row.split()[:7] == ["all", "3", "2", "0", "1", "2", "1"]
    path.write_text("text,intent\nhi,greet\n", "utf-8")
    header, row = shell("data", "describe", path)[0].splitlines()[-2:]
    assert "replies" not in header
    assert "no intent" not in header


def test_describe_attributes(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "labelled.csv"
    path.write_text("text,priority,channel\nhi,high,mail\nhello,,mail\nbye,low,\n", "utf-8")
    flags = ("--attribute-columns", "priority, channel")
    assert shell.json("data", "describe", path, *flags)["splits"]["all"]["attributes"] == {
        "priority": {"num_messages": 2, "num_values": 2},
        "channel": {"num_messages": 2, "num_values": 1},
    }
    lines = shell("data", "describe", path, *flags)[0].splitlines()[-3:]
    assert [line.split() for line in lines] == [
        ["attribute", "split", "messages", "values"],
        ["priority", "all", "2", "2"],
        ["channel", "all", "2", "1"],
    ]
    assert "there is no column 'tone'" in shell.error("data", "describe", path, "--attribute-columns", "priority,tone")


def test_context_turns(shell: Shell, tmp_path: Path) -> None:
    error = shell.error("data", "describe", "star", "--data-dir", tmp_path, "--context-turns", 0)
    assert "context_turns (--context-turns) must be at least 1. Received: context_turns=0" in error
    assert "is for star" in shell.error("data", "describe", "sample", "--context-turns", 2)


def test_describe_what_is_not_there(shell: Shell, tmp_path: Path) -> None:
    assert "Did you mean 'sample'?" in shell.error("data", "describe", "smaple")
    assert str(tmp_path / "clinc150") in shell.error("data", "describe", "clinc150", "--data-dir", tmp_path)


def test_json_is_ascii(shell: Shell) -> None:
    """So that it can be printed and read whatever the terminal's encoding is."""
    out, _ = shell("data", "list", "--json")
    assert out.isascii()
    assert json.loads(out)
