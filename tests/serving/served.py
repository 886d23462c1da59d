"""`supportnet serve` in a process of its own, for tests."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3


class Served:
    """A server that answers.

    Attributes:
        process: its process, if it was started here.
        rest: URL of REST, without a path.
        grpc: `host:port` of gRPC.
        model: name of the toy model.
    """

    def __init__(self, rest: str, grpc: str, model: str, process: "subprocess.Popen[str] | None" = None) -> None:
        self.rest, self.grpc, self.model, self.process = rest, grpc, model, process
        self._pool = urllib3.PoolManager(maxsize=64, retries=False, timeout=60)

    def get(self, path: str) -> tuple[int, Any]:
        """GET a path below `/v1/models/`."""
        reply = self._pool.request("GET", f"{self.rest}/v1/models/{path}")
        return reply.status, json.loads(reply.data)

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        """POST a body, bytes or what becomes JSON, to a path below `/v1/models/`."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        reply = self._pool.request("POST", f"{self.rest}/v1/models/{path}", body=data)
        return reply.status, json.loads(reply.data)

    def predict(self, body: Any) -> tuple[int, Any]:
        """Ask the toy model."""
        return self.post(f"{self.model}:predict", body)

    def megabytes(self) -> float:
        """Return how much memory the process holds."""
        assert self.process
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1000


@contextmanager
def serving(*arguments: object, model: str = "toy", log: Path | None = None) -> Iterator[Served]:
    """Start `supportnet serve` on free ports, and end it by SIGTERM."""
    command = [
        sys.executable,
        "-m",
        "supportnet",
        "serve",
        *map(str, arguments),
        "--rest-port=0",
        "--grpc-port=0",
        "--json",
    ]
    with (log or Path("/dev/null")).open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        assert process.stdout
        started = json.loads(process.stdout.readline())
        rest, grpc = (f"127.0.0.1:{started[port]}" for port in ("rest_port", "grpc_port"))
        yield Served(f"http://{rest}", grpc, model, process)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
