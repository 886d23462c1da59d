"""`supportnet compare` on the command line."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from shell import Shell

from supportnet.files import read_json

SMALL = "text,intent,split\n" + "".join(
    f"{word} {word}s {number} please,{word},{split}\n"
    for word in ("refund", "track", "cancel")
    for split, count in (("train", 8), ("validation", 3), ("test", 4))
    for number in (["one", "two", "three", "four", "five", "six", "seven", "eight"][:count])
)
PLAN = """
data = "{data}"
seeds = {seeds}
match = "{match}"
[options]
embedding_dim = 16
hidden_dim = 12
num_heads = 2
num_buckets = 200
num_pairs = 100
min_count = 1
epochs = 2
[options.classify.transformer]
learning_rate = {rate}
"""


def write_plan(folder: Path, seeds: int = 2, match: str = "parameters", rate: float = 2e-3) -> Path:
    (folder / "tickets.csv").write_text(SMALL)
    path = folder / "plan.toml"
    path.write_text(PLAN.format(data=folder / "tickets.csv", seeds=seeds, match=match, rate=rate))
    return path


def test_mistakes(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "tickets.csv").write_text(SMALL)
    data, out = tmp_path / "tickets.csv", tmp_path / "out"
    assert "has no replies in its split train: the task reply" in shell.error(
        "compare", "--data", data, "--task", "reply", "--out", out
    )
    assert "architecture must be one of" in shell.error(
        "compare", "--data", data, "--architecture", "gtp", "--out", out
    )
    assert "says nothing without --data" in shell.error("compare", "--text-column", "body", "--out", out)
    plan = tmp_path / "plan.toml"
    plan.write_text('metric = "beauty"')
    assert "has a key 'metric' that there isn't" in shell.error("compare", plan, "--out", out)
    plan.write_text("[options]\nepoch = 3")
    assert "There is no option named 'epoch'" in shell.error("compare", plan, "--out", out)
    assert not (out / "results.json").exists()


@pytest.mark.slow
def test_a_comparison_from_a_plan_with_a_run_that_fails(shell: Shell, tmp_path: Path) -> None:
    plan = write_plan(tmp_path, rate=1e30)
    out, err = shell("compare", plan, "--out", tmp_path / "out", "--jobs", 2)
    assert "transformer (2 failed)" in out
    assert "bilstm_attention against TF-IDF + linear SVM: accuracy" in out
    assert err.count("failed: classify transformer seed") == 2
    results = read_json(tmp_path / "out" / "results.json")
    assert [run["state"] for run in results["runs"]].count("failed") == 2
    weights = {row["model"]: row["weights"] for row in results["matching"]["rows"]}
    assert weights["transformer"] == pytest.approx(weights["bilstm_attention"], rel=0.05)
    assert "Failed: classify, transformer, seed 0" in (tmp_path / "out" / "report.html").read_text()
    found = shell.json("compare", plan, "--out", tmp_path / "out")
    assert [row["model"] for row in found["summary"]] == ["bilstm_attention", "transformer", "baseline"]


@pytest.mark.slow
def test_in_the_same_time(shell: Shell, tmp_path: Path) -> None:
    plan = write_plan(tmp_path, seeds=1, match="time")
    _, err = shell("compare", plan, "--out", tmp_path / "out", "--study", "gradients")
    assert "One seed only: no interval can be given" in err
    results = read_json(tmp_path / "out" / "results.json")
    assert all(row["epoch_seconds"] > 0 for row in results["matching"]["rows"])
    epochs = {row["model"]: row["mean"].get("epochs") for row in results["summary"]}
    assert epochs["bilstm_attention"] == 2
    assert epochs["transformer"] >= 1
    assert results["differences"][0]["interval"] is None
    assert (tmp_path / "out" / "plots" / "study_gradients.png").exists()


@pytest.mark.slow
def test_a_comparison_that_is_killed_goes_on(shell: Shell, tmp_path: Path) -> None:
    plan, out = write_plan(tmp_path), tmp_path / "out"
    command = [sys.executable, "-m", "supportnet", "compare", str(plan), "--out", str(out), "--jobs", "1"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    kept = _wait_for_a_run(out / "runs", process)
    # The command alone: its runs have to notice for themselves.
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    first = {path: path.stat().st_mtime_ns for path in kept}
    assert 0 < len(first) < 5
    assert json.loads((out / "results.json").read_text())["runs"]
    shell("compare", plan, "--out", out)
    assert {path: path.stat().st_mtime_ns for path in first} == first
    assert {run["state"] for run in read_json(out / "results.json")["runs"]} == {"done"}
    assert len(list((out / "runs").iterdir())) == 5


def _wait_for_a_run(folder: Path, process: "subprocess.Popen[bytes]") -> list[Path]:
    for _ in range(3000):
        if kept := list(folder.glob("*.json")):
            return kept
        assert process.poll() is None
        time.sleep(0.1)
    raise AssertionError("no run ended in five minutes")
