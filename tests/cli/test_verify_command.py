"""`supportnet verify`."""

import shutil
from pathlib import Path

import pytest
from shell import Shell


@pytest.mark.slow
def test_a_model_that_passes(shell: Shell, tiny_export: Path) -> None:
    answer = shell.json("verify", tiny_export.parent)
    assert (answer["model"], answer["passed"]) == (str(tiny_export), True)
    checks = {check["name"]: check for check in answer["checks"]}
    latencies = {
        f"latency of {name}" for name in ("serving_default", "classify", "classify_examples", "embed", "redact")
    }
    assert {name for name, check in checks.items() if check["passed"] is None} == {"cold start", *latencies}
    assert checks["warm-up"]["figures"]["records"] == 10
    assert checks["size"]["figures"]["times_parameters"] > 1
    assert checks["batch invariance"]["figures"]["difference"] <= 1e-4
    assert all(0 < checks[name]["figures"]["seconds"] < 1 for name in latencies)


def test_one_that_does_not(shell: Shell, tiny_export: Path, tmp_path: Path) -> None:
    without = shutil.ignore_patterns("tf_serving_warmup_requests", "vocabulary.txt")
    shutil.copytree(tiny_export, tmp_path / "1", ignore=without)
    out, _ = shell("verify", tmp_path, code=1)
    assert out.splitlines()[-1] == f"{tmp_path}/1 failed"
    assert [line.split()[1] for line in out.splitlines() if line.startswith("FAIL")] == ["assets", "load"]


def test_what_is_no_model(shell: Shell, tmp_path: Path) -> None:
    assert f"There is no exported model at {tmp_path}" in shell.error("verify", tmp_path)
    (tmp_path / "3").mkdir()
    (tmp_path / "3" / "saved_model.pb").write_bytes(b"half of one")
    assert f"{tmp_path}/3/saved_model.pb can't be read" in shell.error("verify", tmp_path)
    assert "Missing argument 'MODEL'" in shell.error("verify")
