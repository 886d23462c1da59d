"""Load on a served model: `python serving_load.py URL MODEL [--protocol grpc] [--connections 32] [--seconds 60]`.

URL is `http://host:8501`, or `grpc://host:8500` with `--protocol grpc`. Each connection sends one message after the
other and waits for its answer. With the server's process as `--pid`, its memory is read ten times while it
runs. What is printed is JSON. Run it on another core than the server.
"""

import argparse
import http.client
import itertools
import json
import re
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

#: Sends a message and raises if it isn't answered.
Ask = Callable[[str], None]

TEXTS = ["where is my parcel?", "i was charged twice for the same order, please refund the second payment"]


def load(url: str, protocol: str, model: str, texts: list[str], connections: int, seconds: float) -> dict[str, Any]:
    """Ask a model over many connections, and return how many were answered, and how fast.

    Args:
        url: where it is served.
        protocol: `rest` or `grpc`.
        model: its name.
        texts: messages to send, one a request.
        connections: how many ask at a time.
        seconds: how long.

    Returns:
        `requests`, `errors` (the requests among them that weren't answered), `first_error`, `median_ms` and `p99_ms` of
        the answered ones, and `per_second`.
    """
    connect = {"rest": _rest, "grpc": _grpc}[protocol]
    times: list[float] = []
    errors: list[str] = []
    ready = threading.Barrier(connections + 1)

    def run(offset: int) -> None:
        ask = connect(url, model)
        ask(texts[offset])
        ready.wait()
        end = time.perf_counter() + seconds
        for text in itertools.islice(itertools.cycle(texts), offset, None):
            started = time.perf_counter()
            if started >= end:
                return
            try:
                ask(text)
                times.append(time.perf_counter() - started)
            except Exception as error:
                errors.append(repr(error))
                ask = connect(url, model)

    threads = [threading.Thread(target=run, args=[number % len(texts)]) for number in range(connections)]
    for thread in threads:
        thread.start()
    ready.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    return _figures(times, errors, time.perf_counter() - started)


def megabytes(pid: int) -> float:
    """Return how much memory a process holds."""
    return int(re.findall(r"VmRSS:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text())[0]) / 1000


def _figures(times: list[float], errors: list[str], seconds: float) -> dict[str, Any]:
    ordered = sorted(times) or [float("nan")]
    return {
        "requests": len(times) + len(errors),
        "errors": len(errors),
        "first_error": errors[0] if errors else None,
        "median_ms": statistics.median(ordered) * 1000,
        "p99_ms": ordered[int(len(ordered) * 0.99)] * 1000,
        "per_second": len(times) / seconds,
    }


def _rest(url: str, model: str) -> Ask:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)

    def ask(text: str) -> None:
        connection.request("POST", f"/v1/models/{model}:predict", json.dumps({"instances": [text]}))
        reply = connection.getresponse()
        body = reply.read()
        if reply.status != 200 or b"predictions" not in body:
            raise RuntimeError(f"{reply.status}: {body[:200]!r}")

    return ask


def _grpc(url: str, model: str) -> Ask:
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis.predict_pb2 import PredictRequest
    from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

    # Channels with the same options share one connection.
    options = [("grpc.use_local_subchannel_pool", 1)]
    predict = PredictionServiceStub(grpc.insecure_channel(url.rpartition("/")[2], options)).Predict

    def ask(text: str) -> None:
        request = PredictRequest()
        request.model_spec.name = model
        request.inputs["text"].CopyFrom(tf.make_tensor_proto([text]))
        if not predict(request, timeout=60).outputs:
            raise RuntimeError("no outputs")

    return ask


def _memory(pid: int, seconds: float) -> Iterator[float]:
    for _ in range(10):
        time.sleep(seconds / 10)
        yield megabytes(pid)


def main() -> None:
    """Run it once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("model")
    parser.add_argument("--protocol", choices=["rest", "grpc"], default="rest")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pid", type=int)
    options = parser.parse_args()
    held: list[float] = []
    if options.pid:
        reader = threading.Thread(target=lambda: held.extend(_memory(options.pid, options.seconds * 0.98)))
        reader.start()
    figures = load(options.url, options.protocol, options.model, TEXTS, options.connections, options.seconds)
    print(json.dumps({**figures, "megabytes": held}))


if __name__ == "__main__":
    main()
