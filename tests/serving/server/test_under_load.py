"""The stand-in under load: many clients, new versions, bad requests by the thousand, a signal to stop."""

import json
import shutil
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3
from campaigns import fuzz
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from served import Served, serving
from toy_model import write_toy

from supportnet.serving import Client, RequestError

pytestmark = pytest.mark.slow
BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_32_connections(toy_server: Served, protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    from serving_load import load

    url = toy_server.rest if protocol == "rest" else f"grpc://{toy_server.grpc}"
    load(url, protocol, "toy", ["warm up"], 32, 2)
    before = toy_server.megabytes()
    figures = load(url, protocol, "toy", ["where is my parcel?", "hello", "a" * 500], 32, 10)
    assert (figures["errors"], figures["first_error"]) == (0, None)
    assert figures["requests"] > 500
    assert figures["p99_ms"] < 10 * figures["median_ms"]
    assert toy_server.megabytes() < before + 30


def test_new_versions_under_load(toy_folder: Path, tmp_path: Path) -> None:
    """Ten versions, each answered by the old one or the new one, and memory that doesn't grow with them."""
    folder, failed, answered = tmp_path / "toy", [], set()
    shutil.copytree(toy_folder / "1", folder / "1")
    stop = threading.Event()

    def ask(served: Served) -> None:
        newest = 1
        while not stop.is_set():
            status, reply = served.predict({"instances": ["a"]})
            version = reply["predictions"][0]["version"] if status == 200 else 0
            # Never older than what was answered before.
            if version < newest:
                failed.append((status, reply))
            newest = max(newest, version)
            answered.add(version)

    with serving(folder) as served, ThreadPoolExecutor(8) as clients:
        asking = [clients.submit(ask, served) for _ in range(8)]
        held = []
        for version in range(2, 12):
            write_toy(tmp_path / "made", version).rename(folder / str(version))
            _wait_for(served, version)
            held.append(served.megabytes())
        stop.set()
        for client in asking:
            client.result()
    assert failed == []
    assert answered == set(range(1, 12))
    assert held[-1] < held[2] + 50


def _wait_for(served: Served, version: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        states = served.get("toy")[1]["model_version_status"]
        if [state["version"] for state in states if state["state"] == "AVAILABLE"] == [str(version)]:
            return
        time.sleep(0.1)
    raise AssertionError(f"version {version} wasn't served: {states}")


KEYS = st.sampled_from(["instances", "inputs", "examples", "signature_name", "text", "b64", "steps", "context", "é"])
NAMES = st.sampled_from(["classify", "classify_examples", "reply_sample", "numbers", "__saved_model_init_op", ""])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | NAMES
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))
BODIES = (
    st.binary(max_size=200)
    | VALUES.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(KEYS, VALUES, max_size=3).map(lambda value: json.dumps(value).encode())
    | st.builds(lambda name, rows: json.dumps({"signature_name": name, "instances": rows}).encode(), NAMES, VALUES)
    | st.integers(1, 200_000).map(lambda depth: b'{"instances": ' + b"[" * depth)
)
PATHS = st.sampled_from(["toy:predict", "toy:classify", "toy:regress", "toy/versions/1:predict"]) | st.text(
    "toy:/1%-", max_size=9
)
METHODS = st.sampled_from(["POST"] * 8 + ["GET", "PUT", "HEAD"])


def test_thousands_of_bad_requests(toy_server: Served) -> None:
    pool = urllib3.PoolManager(retries=False, timeout=60)
    statuses: dict[int, int] = {}

    @fuzz(2000, database=None, suppress_health_check=list(HealthCheck))
    @given(METHODS, PATHS, BODIES)
    def ask(method: str, path: str, body: bytes) -> None:
        reply = pool.request(method, f"{toy_server.rest}/v1/models/{path}", body=body)
        statuses[reply.status] = statuses.get(reply.status, 0) + 1
        assert reply.status in (200, 400, 404), reply.data
        if method != "HEAD":
            json.loads(reply.data.decode("utf-8", "surrogateescape"))

    ask()
    before = toy_server.megabytes()
    ask()
    assert toy_server.megabytes() < before + 50
    assert statuses[400] > 200
    assert toy_server.predict({"instances": ["a"]})[0] == 200


def _some_three_seconds(served: Served) -> dict[str, Any]:
    """A request that takes so long, however quick the machine is."""
    for steps in (20, 200):
        started = time.monotonic()
        status, _ = served.predict(_slow(steps))
        assert status == 200
    return _slow(int(200 * 3 / (time.monotonic() - started)))


def _slow(steps: int) -> dict[str, Any]:
    return {"signature_name": "slow", "instances": [{"text": "a", "steps": steps}]}


def test_what_runs_is_answered_before_the_server_stops(toy_folder: Path) -> None:
    with serving(toy_folder) as served, ThreadPoolExecutor(1) as client:
        assert served.process
        running = client.submit(served.predict, _some_three_seconds(served))
        time.sleep(0.5)
        assert not running.done()
        served.process.send_signal(signal.SIGTERM)
        assert running.result()[0] == 200
        assert served.process.wait(30) == 0
        with pytest.raises(urllib3.exceptions.HTTPError):
            served.predict({"instances": ["a"]})


def test_limits(toy_folder: Path, tmp_path: Path) -> None:
    """A queue that is full, a request that is too large, too many rows, an answer and a client that take too long."""
    log = tmp_path / "log"
    limits = ("--threads=1", "--queue=1", "--max-megabytes=1", "--max-batch-size=2", "--timeout=1", "--read-timeout=1")
    with serving(toy_folder, *limits, log=log) as served, ThreadPoolExecutor(8) as clients:
        assert served.predict({"instances": ["a" * 2_000_000]})[0] == 413
        status, reply = served.predict({"instances": ["a"] * 3})
        assert (status, reply["error"]) == (400, "Task size 3 is larger than maximum input batch size 2")
        with Client(f"grpc://{served.grpc}", "toy", retries=0) as client, pytest.raises(RequestError) as caught:
            client.classify(["a" * 2_000_000])
        assert caught.value.status == 429
        body = _some_three_seconds(served)
        replies: list[Any] = list(clients.map(lambda _: served.predict(body), range(8)))
        assert {status for status, _ in replies} == {503, 504}
        assert sum(status == 503 for status, _ in replies) == 6
        assert _seconds_until_closed(served, b"POST /v1/models/toy:predict HTTP/1.1\r\nHost: x\r\n") < 5
        assert _seconds_until_closed(served, b"") < 5
        begun = b"POST /v1/models/toy:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"
        assert _seconds_until_closed(served, begun) < 5
    assert "Traceback" not in log.read_text()


def _seconds_until_closed(served: Served, begun: bytes) -> float:
    started, address = time.monotonic(), urlsplit(served.rest)
    with socket.create_connection((address.hostname, address.port), timeout=30) as client:
        client.sendall(begun)
        while client.recv(1000):
            pass
    return time.monotonic() - started
