"""The HTTP server, with the limits that uvicorn doesn't have: clients that never finish what they send."""

import math
from asyncio import TimerHandle, Transport
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


def build_server(app: Any, read_seconds: float, max_connections: int, stop_seconds: float) -> uvicorn.Server:
    """Build the server of an application.

    Args:
        app: the application.
        read_seconds: how long a client may take to send a request's headers.
        max_connections: beyond them, 503.
        stop_seconds: how long running requests have when the server stops.
    """
    config = uvicorn.Config(
        app,
        http=_TimedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=max_connections,
        timeout_keep_alive=math.ceil(read_seconds),
        timeout_graceful_shutdown=math.ceil(stop_seconds),
    )
    return _Server(config)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Whoever runs the server says when it stops."""
        yield


class _TimedProtocol(HttpToolsProtocol):
    """Closes a connection whose headers don't come in the time that one may be idle."""

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
