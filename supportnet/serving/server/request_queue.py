"""The queue that runs requests, with a limit of their number and time, and the options of the whole server."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from supportnet.serving.server.codes import Code, ServingError

Result = TypeVar("Result")


@dataclass(frozen=True)
class Options:
    """Options of the server.

    Attributes:
        host: address to listen on.
        rest_port, grpc_port: 0 picks a free one.
        threads: number of requests that run in parallel.
        queue: number of requests that may wait.
        seconds: time limit of a request, waiting included.
        read_seconds: time limit for sending the headers, and for sending the body.
        stop_seconds: time that running requests get when the server stops.
        max_bytes: maximum size of a request.
        max_batch_size: maximum number of rows of a request.
        max_connections: maximum number of REST connections.
    """

    host: str = "127.0.0.1"
    rest_port: int = 8501
    grpc_port: int = 8500
    threads: int = 2
    queue: int = 1000
    seconds: float = 30.0
    read_seconds: float = 30.0
    stop_seconds: float = 30.0
    max_bytes: int = 32 * 2**20
    max_batch_size: int = 4096
    max_connections: int = 1000


class RequestQueue:
    """Thread pool for requests with a bounded queue; the event loop awaits the results.

    Args:
        threads: number of requests that run in parallel.
        queue: number of requests that may wait.
        seconds: time limit of a request, waiting included.

    Example:
        >>> asyncio.run(RequestQueue(threads=2, queue=100, seconds=30).run(lambda: 1 + 1))
        2
    """

    def __init__(self, threads: int, queue: int, seconds: float) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="request")
        self._capacity, self._seconds = threads + queue, seconds
        self._running: set[Future[Any]] = set()

    async def run(self, function: Callable[[], Result]) -> Result:
        """Run a function in a thread. If the caller is cancelled before it starts, it never runs.

        Raises:
            ServingError: if the queue is full or the time limit is exceeded.
        """
        if len(self._running) >= self._capacity:
            # TensorFlow Serving's message for a full batching queue.
            message = "The batch scheduling queue to which this task was submitted is full; task size is 1"
            raise ServingError(Code.UNAVAILABLE, message)
        running = self._executor.submit(function)
        # It counts until it is done, even if nobody awaits it any more.
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.wrap_future(running)
        except TimeoutError:
            raise ServingError(Code.DEADLINE_EXCEEDED, f"Not answered within {self._seconds:g} seconds") from None

    def close(self) -> None:
        """Wait for running requests."""
        self._executor.shutdown(cancel_futures=True)
