"""How fast an export answers through TensorFlow's C API on one core, beside an SVM, and how soon after its load."""

import os
import statistics
from pathlib import Path
from typing import Any

import numpy as np
from intent_speed import Peer, speeds

import supportnet
from supportnet.files import folder_bytes
from supportnet.serving.verify.running_checks import CRuntime, Request, cold_start, latency, warm_up
from supportnet.serving.verify.static_checks import SavedModelFiles

#: Loads whose median counts.
LOADS = 7
SIGNATURE = "classify"


class CPeer:
    """A process of TensorFlow's C API, held on the core that `Peer` holds its own on."""

    def __init__(self, path: Path) -> None:
        self._runtime = CRuntime(SavedModelFiles(path), core=core())

    def __enter__(self) -> "CPeer":
        self._runtime.__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._runtime.__exit__(*exception)

    def seconds(self, batches: list[list[str]]) -> list[tuple[float, float]]:
        """Have the batches answered; the seconds of each by the clock and of the CPU."""
        requests = [
            Request(SIGNATURE, {"text": np.array([text.encode() for text in batch], object)}) for batch in batches
        ]
        return [(answer.seconds, answer.cpu_seconds) for answer in self._runtime.ask(requests)]


def core() -> int:
    """The processor that what is timed is held on."""
    return min(os.sched_getaffinity(0))


def speed_phase(models: dict[str, Path], data: str, data_dir: str | None) -> list[dict[str, Any]]:
    """Time the models and the SVM in turns; of an export, what counts is the session's run, without HTTP."""
    tickets = supportnet.load(data, data_dir=data_dir)["test"]
    rows = speeds(models, tickets, lambda path: Peer(path) if path.is_file() else CPeer(path))
    svm = next(row for row in rows if row["model"] == "svm")
    return [
        {
            **row,
            "times_svm_throughput": row["messages_per_second"] / svm["messages_per_second"],
            "times_svm_cpu_throughput": row["messages_per_cpu_second"] / svm["messages_per_cpu_second"],
        }
        for row in rows
    ]


def start_phase(models: dict[str, Path]) -> list[dict[str, Any]]:
    """Load each export anew so many times: until the first answer without a warm-up, and the first after one."""
    return [{"model": name, **starts(path)} for name, path in models.items() if path.is_dir()]


def starts(path: Path) -> dict[str, Any]:
    """What loading takes, each time in a process of its own, and the size of the export."""
    model, found = SavedModelFiles(path), []
    for _ in range(LOADS):
        with CRuntime(model, core()) as runtime:
            cold = cold_start(model, runtime, [SIGNATURE]).figures
        with CRuntime(model, core()) as runtime:
            warm = warm_up(model, runtime).figures
            first = latency(model, runtime, SIGNATURE).figures
        found.append(
            {
                "load_seconds": cold["load_seconds"],
                "cold_start_seconds": cold["load_seconds"] + cold["first_answer_seconds"],
                "warm_up_seconds": warm["seconds"],
                "first_request_milliseconds": 1000 * first["first_seconds"],
            }
        )
    figures = {name: statistics.median(row[name] for row in found) for name in found[0]}
    size = {"bytes": folder_bytes(model.folder), "parameters_bytes": model.parameters_bytes()}
    return {**figures, **size, "times_parameters": size["bytes"] / size["parameters_bytes"]}
