"""A training that is killed at any moment, again and again, ends as one that nothing happened to."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from campaigns import scaled

import supportnet
from supportnet.data.ticket import TicketDataset
from supportnet.tasks.train import load

_TRAIN = """
import json, sys
from supportnet.tasks.train import train

print("ready", flush=True)
train(sys.argv[1], sys.argv[2], resume=True, **json.loads(sys.argv[3]))
"""
FILES = [
    "history.json",
    "metrics.json",
    "config.json",
    "intents.json",
    "confidence.json",
    "traffic.json",
    "vocabulary.txt",
]


def train_for(seconds: float | None, data: str, run: Path, options: dict[str, Any]) -> tuple[int, float]:
    """Resume a run in a process of its own; return how it ended and after how many seconds.

    Args:
        seconds: when to kill it, from the moment that TensorFlow is loaded; None lets it end.
        data, run, options: of the training.
    """
    command = [sys.executable, "-c", _TRAIN, data, str(run), json.dumps(options)]
    environment = {**os.environ, "PYTHONPATH": str(Path(supportnet.__file__).parents[1])}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=environment, **pipes) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        started = time.monotonic()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        return process.wait(), time.monotonic() - started


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(scaled(1)))
def test_killed_at_any_moment(contrary: TicketDataset, options: dict[str, Any], tmp_path: Path, seed: int) -> None:
    """Three kills a seed, each at a moment of its own; what is left over of a checkpoint harms nothing."""
    code, seconds = train_for(None, contrary.source, tmp_path / "whole", options)
    assert code == 0
    source = random.Random(seed)
    for _ in range(3):
        train_for(source.uniform(0, seconds), contrary.source, tmp_path / "killed", options)
    assert train_for(None, contrary.source, tmp_path / "killed", options)[0] == 0
    for name in FILES:
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    weights = [load(tmp_path / run, "classify").network.get_weights() for run in ("killed", "whole")]
    assert all(np.array_equal(one, other) for one, other in zip(*weights, strict=True))
    assert not list((tmp_path / "killed").glob(".incomplete-*"))
