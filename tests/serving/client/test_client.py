"""The client against the stand-in, and against servers that have too much to do."""

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from served import Served
from tensorflow_serving.apis.predict_pb2 import PredictResponse
from tensorflow_serving.apis.prediction_service_pb2_grpc import (
    PredictionServiceServicer,
    add_PredictionServiceServicer_to_server,
)
from toy_model import INTENTS

from supportnet.errors import UserError
from supportnet.serving import Client, RequestError
from supportnet.tasks.classify.answers import Classification
from supportnet.tasks.reply.answers import Reply
from supportnet.tasks.suggest.answers import Suggestion

SCORES = (0.5, pytest.approx(1 / 3), pytest.approx(1 / 6))


@pytest.fixture(params=["http", "grpc"])
def url(request: pytest.FixtureRequest, toy_server: Served) -> str:
    return toy_server.rest if request.param == "http" else f"grpc://{toy_server.grpc}"


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with Client(url, "toy", batch_size=2) as client:
        yield client


def test_typed_answers(client: Client) -> None:
    texts = ["where is my parcel?", "退款"]
    first, second = client.classify(texts, top_k=2)
    assert first == Classification(
        texts[0], INTENTS[0], 0.5, tuple(INTENTS[:2]), SCORES[:2], True, pytest.approx(1.5), True
    )
    assert (second.text, second.in_scope, second.route) == ("退款", False, False)
    assert client.reply(texts) == [Reply(f"You say: {texts[0]}", -0.25, True), Reply("You say: 退款", -0.25, False)]


def test_suggestions(client: Client) -> None:
    answers = [Suggestion("a1", "Your parcel left today.", 0.5), Suggestion("a2", "Write to us.", SCORES[1])]
    assert client.suggest(["a", "", "b"]) == [answers, [], answers]
    assert client.suggest(["a"], top_k=1) == [answers[:1]]
    assert client.suggest(["a"], tag="delivery") == [[Suggestion("delivery", "delivery", 0.5)]]


def test_many_messages_go_in_several_requests(client: Client) -> None:
    texts = [f"message {number}" for number in range(7)]
    assert client.predict("redact", texts) == {"redacted": ["message {number}"] * 7}
    assert client.predict("reply_sample", texts[:3], temperature=0.5, seed=7) == {
        "reply": texts[:3],
        "reply_score": [0.5] * 3,
        "seed": [7] * 3,
    }
    assert client.predict("embed", []) == {"embedding": []}


def test_a_lone_surrogate_is_sent_as_what_it_is_read_as(client: Client) -> None:
    assert client.predict("redact", ["a\ud800"]) == {"redacted": ["a\ufffd\ufffd\ufffd"]}


@pytest.mark.parametrize(("choice", "version"), [({}, 2), ({"version": 1}, 1), ({"label": "canary"}, 2)])
def test_versions(url: str, choice: Any, version: int) -> None:
    with Client(url, "toy", **choice) as client:
        assert client.predict("classify", ["a"])["version"] == [version]
    with Client(url, "toy") as client:
        assert client.states() == {2: "AVAILABLE", 1: "AVAILABLE"}


def test_a_refused_request(url: str) -> None:
    with Client(url, "x") as client, pytest.raises(RequestError, match="Servable not found for request") as caught:
        client.classify(["a"])
    assert caught.value.status == 404
    with Client(url, "toy", timeout=0.05) as client, pytest.raises(RequestError) as caught:
        client.predict("slow", ["a"], steps=500)
    assert caught.value.status == 504


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_nobody_listens(scheme: str) -> None:
    with Client(f"{scheme}://127.0.0.1:9", "toy", retries=0) as client, pytest.raises(RequestError) as caught:
        client.classify(["a"])
    assert caught.value.status == 503


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"url": "localhost:8501"}, "url must begin with http://"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"version": 1, "label": "stable"}, "Give either version or label"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Client(**{"url": "http://localhost:8501", "model": "toy", **arguments})


def test_wrong_messages(client: Client) -> None:
    with pytest.raises(UserError, match="list of strings"):
        client.classify("where is my parcel?")
    with pytest.raises(UserError, match="top_k must be at least 1"):
        client.classify(["a"], top_k=0)


@contextmanager
def busy_rest(codes: list[int]) -> Iterator[str]:
    """A server that answers with one code after the other."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            code, body = codes.pop(0), json.dumps({"outputs": {"a": [1]}, "error": "busy"}).encode()
            body = b"<html>" if code == 502 else body
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@contextmanager
def busy_grpc(codes: list[int]) -> Iterator[str]:
    """The same over gRPC."""
    named = {503: grpc.StatusCode.UNAVAILABLE, 429: grpc.StatusCode.RESOURCE_EXHAUSTED, 500: grpc.StatusCode.INTERNAL}

    class Servicer(PredictionServiceServicer):
        def Predict(self, request: Any, context: Any) -> PredictResponse:  # noqa: N802
            code = codes.pop(0)
            if code != 200:
                context.abort(named[code], "busy")
            return PredictResponse()

    server = grpc.server(futures.ThreadPoolExecutor(1))
    add_PredictionServiceServicer_to_server(Servicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"grpc://127.0.0.1:{port}"
    server.stop(None)


BUSY = pytest.mark.parametrize("busy", [busy_rest, busy_grpc])


@BUSY
def test_429_and_503_are_tried_again(busy: Any) -> None:
    codes = [503, 429, 503, 200, 200]
    with busy(codes) as url, Client(url, "toy", backoff=0.01) as client:
        client.predict("classify", ["a"])
    assert codes == [200]


@BUSY
@pytest.mark.parametrize(("codes", "left"), [([500, 200], [200]), ([503, 503, 503, 200], [200])])
def test_other_failures_are_not_nor_is_the_last_one(busy: Any, codes: list[int], left: list[int]) -> None:
    codes, first = list(codes), codes[0]
    with busy(codes) as url, Client(url, "toy", backoff=0.01, retries=2) as client:
        with pytest.raises(RequestError) as caught:
            client.predict("classify", ["a"])
        assert caught.value.status == first
        assert codes == left


def test_a_proxy_that_does_not_answer_in_json() -> None:
    with busy_rest([502]) as url, Client(url, "toy") as client:
        with pytest.raises(RequestError, match="didn't answer in JSON: b'<html>'") as caught:
            client.classify(["a"])
        assert caught.value.status == 502


def test_rest_needs_no_tensorflow() -> None:
    script = "import sys; from supportnet.serving import Client; Client('http://x', 'm'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "urllib3" in loaded
    assert loaded & {"tensorflow", "keras", "grpc"} == set()
