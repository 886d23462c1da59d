"""`supportnet serve`, a stand-in for TensorFlow Serving, on one core, asked from the others: load, and hot reload."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from serving_load import TEXTS, load, megabytes

#: Versions that are published under load.
VERSIONS = 10
MODEL = "support"
#: How often the memory is read under load.
READINGS = 10


class Server(NamedTuple):
    """A server that runs."""

    pid: int
    rest: str
    grpc: str


@contextmanager
def served(folder: Path) -> Iterator[Server]:
    """Start `supportnet serve` on the first core, and stay on the others."""
    cores = sorted(os.sched_getaffinity(0))
    command = [sys.executable, "-m", "supportnet", "serve", str(folder), "--name", MODEL, "--json"]
    process = subprocess.Popen(
        [*command, "--rest-port", "0", "--grpc-port", "0", "--threads", "1"],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores[:1]),
    )
    os.sched_setaffinity(0, cores[1:])
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError("the server didn't start")
        ports = json.loads(line)
        rest, grpc = (
            f"{kind}://127.0.0.1:{ports[name]}" for kind, name in (("http", "rest_port"), ("grpc", "grpc_port"))
        )
        yield Server(process.pid, rest, grpc)
    finally:
        os.sched_setaffinity(0, cores)
        process.terminate()
        process.wait()


def load_phase(model: Path, connections: int, seconds: float) -> dict[str, Any]:
    """Ask over many connections, with each protocol, and read the server's memory meanwhile.

    Returns:
        `alone`, one connection over REST; `rest` and `grpc`; see `serving_load.load`. `megabytes`: the readings.
    """
    with served(model.parent) as server:
        found = {"alone": load(server.rest, "rest", MODEL, TEXTS, 1, min(seconds, 10))}
        for protocol, url in (("rest", server.rest), ("grpc", server.grpc)):
            memory: list[float] = []
            with reading(server.pid, seconds / READINGS, memory):
                found[protocol] = load(url, protocol, MODEL, TEXTS, connections, seconds)
            found[protocol] |= {"seconds": seconds, "megabytes": memory}
    return {"connections": connections, **found}


@contextmanager
def reading(pid: int, pause: float, memory: list[float]) -> Iterator[None]:
    """Read a process's memory from time to time."""
    with repeated(lambda: memory.append(megabytes(pid)), pause):
        yield


@contextmanager
def repeated(call: Any, pause: float) -> Iterator[None]:
    """Call again and again, in a thread of its own."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(pause):
            call()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def reload_phase(first: Path, second: Path, connections: int) -> dict[str, Any]:
    """Publish ten versions, two models in turns, while many ask.

    Returns:
        What `serving_load.load` returns; `versions` published, `strange` answers: those that neither model gives.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / MODEL
        publish(first, folder, 1)
        with served(folder) as server:
            expected, answers = [scores(server)], []
            publish(second, folder, 2)
            wait_for(server, 2)
            expected.append(scores(server))
            found: dict[str, Any] = {}
            asking = threading.Thread(
                target=lambda: found.update(load(server.rest, "rest", MODEL, TEXTS, connections, 5.0 * VERSIONS))
            )
            asking.start()
            with repeated(lambda: answers.append(scores(server)), 0.05):
                for version in range(3, VERSIONS + 3):
                    publish((first, second)[version % 2 == 0], folder, version)
                    wait_for(server, version)
                last = f"{server.rest}/v1/models/{MODEL}"
                asking.join()
            states = ask(last)["model_version_status"]
    strange = [answer for answer in answers if not any(close(answer, one) for one in expected)]
    return {**found, "versions": VERSIONS, "answers": len(answers), "strange": len(strange), "last": states}


def publish(version: Path, folder: Path, number: int) -> None:
    """Copy a version under a name that no server takes for one, and rename it."""
    shutil.copytree(version, folder / f".incomplete-{number}")
    (folder / f".incomplete-{number}").rename(folder / str(number))


def wait_for(server: Server, version: int, seconds: float = 60) -> None:
    """Wait until a version answers."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        states = ask(f"{server.rest}/v1/models/{MODEL}")["model_version_status"]
        if any({"version": str(version), "state": "AVAILABLE"}.items() <= state.items() for state in states):
            return
        time.sleep(0.1)
    raise RuntimeError(f"version {version} isn't served after {seconds:.0f} s: {states}")


def scores(server: Server) -> list[float]:
    """The probabilities that a message gets, which tell the two models apart."""
    answer = ask(f"{server.rest}/v1/models/{MODEL}:predict", {"instances": TEXTS[:1]})
    return list(answer["predictions"][0]["intent_scores"])


def close(left: list[float], right: list[float]) -> bool:
    """Whether two answers are the same model's."""
    return all(abs(one - other) <= 1e-5 for one, other in zip(left, right, strict=True))


def ask(url: str, body: Any = None) -> Any:
    """GET, or POST a body as JSON."""
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(url, data, timeout=60) as reply:
        return json.load(reply)
