"""REST: TensorFlow Serving's paths, a page for people at `/`, and the HTTP server with its limits."""

import asyncio
import json
import math
import re
from asyncio import TimerHandle, Transport
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any
from urllib.parse import unquote

import uvicorn
from google.protobuf.json_format import MessageToDict
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from tensorflow_serving.apis.get_model_metadata_pb2 import SignatureDefMap
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest
from tensorflow_serving.apis.model_pb2 import ModelSpec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from supportnet.serving.server.codes import ServingError, invalid
from supportnet.serving.server.request_queue import Options, RequestQueue
from supportnet.serving.server.rest_json import CALLS
from supportnet.serving.server.store import Store

# From TensorFlow Serving's http_rest_api_util.cc.
_MODEL = r"/v1/models{}(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?{}"
_ASK = re.compile(_MODEL.format("/(?P<name>[^/:]+)", f"(?P<call>{'|'.join(CALLS)})"), re.IGNORECASE)
_LOOK = re.compile(_MODEL.format("(?:/(?P<name>[^/:]+))?", "(?P<metadata>/metadata)?"), re.IGNORECASE)
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
#: The page is one file, loads nothing, and calls this server only.
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}


def build_http_server(store: Store, queue: RequestQueue, options: Options) -> uvicorn.Server:
    """Build the server, which limits the size of requests, and the time that clients may take, as uvicorn doesn't."""

    async def api(request: Request) -> Response:
        path = request.scope["raw_path"].decode("ascii", "replace")
        try:
            body = await _body(request, options)
            if body is None:
                return _error(413, f"A request may have {options.max_bytes} bytes, not more.", {"Connection": "close"})
            answer = _answer(store, request.method, path)
            return Response(await queue.run(lambda: answer(body)), media_type="application/json")
        except ServingError as error:
            return _error(error.http_status, error.message)
        except (TimeoutError, ClientDisconnect):
            return _error(408, "The request didn't come in time.", {"Connection": "close"})

    async def page(_: Request) -> Response:
        # In a script of JSON, only `<` could end it.
        names = json.dumps(store.names).replace("<", r"\u003c")
        html = files("supportnet.serving.server").joinpath("page.html").read_text("utf-8")
        return HTMLResponse(html.replace('["MODELS"]', names), headers=_PAGE_HEADERS)

    async def too_deep(_: Request, __: Exception) -> Response:
        return _error(400, "JSON Parse error: nested too deeply")

    routes = [Route("/", page), Route("/{path:path}", api, methods=_METHODS)]
    config = uvicorn.Config(
        Starlette(routes=routes, exception_handlers={RecursionError: too_deep}),
        http=_TimedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=options.max_connections,
        timeout_keep_alive=math.ceil(options.read_seconds),
        timeout_graceful_shutdown=math.ceil(options.stop_seconds),
    )
    return _Server(config)


def _answer(store: Store, method: str, path: str) -> Callable[[bytes], bytes]:
    """Return the handler of a path, a function of the request's body."""
    asked, looked = _ASK.fullmatch(path), _LOOK.fullmatch(path)
    if method == "POST" and asked:
        spec, call = _spec(asked), CALLS[asked["call"].lower()]
        return lambda body: call(store, spec, body)
    if method == "GET" and looked:
        if not looked["name"]:
            raise invalid("Missing model name in request.")
        spec, look = _spec(looked), _metadata if looked["metadata"] else _status
        return lambda _: json.dumps(look(store, spec)).encode()
    raise invalid(f"Malformed request: {method} {path}")


def _spec(match: re.Match[str]) -> ModelSpec:
    spec = ModelSpec(name=unquote(match["name"]))
    if match["version"]:
        if int(match["version"]) >= 2**63:
            raise invalid(f"Failed to convert version: {match['version']} to numeric.")
        spec.version.value = int(match["version"])
    elif match["label"]:
        spec.version_label = unquote(match["label"])
    return spec


def _metadata(store: Store, spec: ModelSpec) -> Any:
    model = store.get(spec)
    signatures = _dictionary(SignatureDefMap(signature_def=model.signatures))
    return {"model_spec": _dictionary(model.spec()), "metadata": {"signature_def": signatures}}


def _status(store: Store, spec: ModelSpec) -> Any:
    return _dictionary(store.status(GetModelStatusRequest(model_spec=spec)))


def _dictionary(message: Any) -> Any:
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


async def _body(request: Request, options: Options) -> bytes | None:
    """Receive the body; None if it is too large."""
    body = bytearray()
    async with asyncio.timeout(options.read_seconds):
        async for part in request.stream():
            body += part
            if len(body) > options.max_bytes:
                return None
    return bytes(body)


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps({"error": message}), status, headers, media_type="application/json")


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the caller of the server."""
        yield


class _TimedProtocol(HttpToolsProtocol):
    """Close a connection whose headers don't arrive within the keep-alive time."""

    _waiting: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._waiting = self.loop.call_later(self.timeout_keep_alive, transport.close)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._stop_waiting()
        self._waiting = self.loop.call_later(self.timeout_keep_alive, self.transport.close)

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _stop_waiting(self) -> None:
        if self._waiting:
            self._waiting.cancel()
            self._waiting = None
