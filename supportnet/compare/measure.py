"""Time, memory and size."""

import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

from supportnet.files import folder_bytes

#: Messages that are answered at a time.
BATCHES = (1, 64)
#: Calls that are timed, at most and at least, and the seconds after which there are no more than the least.
MOST_CALLS, FEWEST_CALLS, SECONDS = 200, 20, 4.0


def latency(answer: Callable[[list[str]], object], texts: Sequence[str]) -> dict[str, Any]:
    """Return how long `answer` takes, by the number of messages at a time.

    The texts come one after the other, and again from the first. The first calls count for nothing.

    Returns:
        batch -> `median_milliseconds`, `p99_milliseconds` and the number of `calls`.

    Example (needs a trained model):
        >>> latency(model.classify, ["where is my parcel?"])["1"]["median_milliseconds"]
    """
    return {str(size): _timed(answer, _batches(texts, size)) for size in BATCHES}


def _batches(texts: Sequence[str], size: int) -> Iterator[list[str]]:
    endless = cycle(texts)
    while True:
        yield list(islice(endless, size))


def _timed(answer: Callable[[list[str]], object], batches: Iterator[list[str]]) -> dict[str, Any]:
    for _ in range(3):
        answer(next(batches))
    times: list[float] = []
    while len(times) < MOST_CALLS and (len(times) < FEWEST_CALLS or sum(times) < SECONDS):
        batch = next(batches)
        started = time.perf_counter()
        answer(batch)
        times.append(time.perf_counter() - started)
    median, late = 1000 * np.quantile(times, [0.5, 0.99])
    return {"median_milliseconds": float(median), "p99_milliseconds": float(late), "calls": len(times)}


def peak_megabytes() -> float:
    """Return the most memory that this process has held so far, in megabytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most / 1e3


def megabytes(folder: Path) -> float:
    """Return the size of all files of a folder."""
    return folder_bytes(folder) / 1e6
