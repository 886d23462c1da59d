"""Runs side by side, each in a process of its own that is held on a core of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from supportnet.compare.pool import cores

ONE_RUN = Path(__file__).parent / "one_run.py"


def run(spec: dict[str, Any], core: int | None) -> dict[str, Any]:
    """Do one run and return its figures; `core` None gives it all of them.

    The function `measured` of the module `spec["module"]` does it, `intent_models` if none is named.

    Raises:
        RuntimeError: the run failed; with the end of what it wrote to standard error.
    """
    command = [sys.executable, str(ONE_RUN), json.dumps({**spec, "core": core})]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def do_all(
    specs: Sequence[dict[str, Any]],
    jobs: int,
    name: Callable[[dict[str, Any]], str],
    done: Callable[[dict[str, Any], dict[str, Any]], str],
) -> None:
    """Do all runs and print a line for each as it ends; see `run_all`.

    Args:
        specs: the runs; one with `all_cores` isn't held on one, and wants `jobs` to be 1.
        jobs: runs at a time.
        name: says which run it is.
        done: keeps a run's figures, so that a benchmark that is stopped has lost none, and returns what the line says
            of them.

    Raises:
        RuntimeError: runs failed: what went wrong with each.
    """
    started, failed = time.perf_counter(), []
    for number, (spec, figures) in enumerate(run_all(specs, jobs), start=1):
        elapsed = time.perf_counter() - started
        if isinstance(figures, BaseException):
            failed.append(f"{name(spec)}: {figures}")
            outcome = ": failed"
        else:
            outcome = done(spec, figures)
        print(f"[{number}/{len(specs)}] {elapsed:6.0f} s  {name(spec)}{outcome}", flush=True)
    if failed:
        raise RuntimeError("\n".join(failed))


def run_all(
    specs: Sequence[dict[str, Any]], jobs: int
) -> Iterator[tuple[dict[str, Any], dict[str, Any] | BaseException]]:
    """Do all runs, `jobs` at a time, and yield each with its figures as it ends, or with the error that ended it.

    One that fails doesn't stop the others: hours of them may be under way.
    """
    free: SimpleQueue[int | None] = SimpleQueue()
    for core in cores()[:jobs]:
        free.put(core)

    def on_a_core(spec: dict[str, Any]) -> dict[str, Any]:
        core = free.get()
        try:
            return run(spec, None if spec.get("all_cores") else core)
        finally:
            free.put(core)

    pool = ThreadPoolExecutor(jobs)
    futures = {pool.submit(on_a_core, spec): spec for spec in specs}
    try:
        for future in as_completed(futures):
            yield futures[future], future.exception() or future.result()
    finally:
        pool.shutdown(cancel_futures=True)
