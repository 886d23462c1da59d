"""The one queue of work: as many requests run at a time as there are threads, and so many wait, not more."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from supportnet.serving.server.codes import Code, ServingError

Result = TypeVar("Result")


class RequestQueue:
    """Threads that run requests, which the event loop waits for; TensorFlow gives others their turn while it runs.

    Args:
        threads: how many requests run at a time.
        queue: how many may wait beyond those.
        seconds: how long a request may wait and run.

    Example:
        >>> asyncio.run(RequestQueue(threads=2, queue=100, seconds=30).run(lambda: 1 + 1))
        2
    """

    def __init__(self, threads: int, queue: int, seconds: float) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="request")
        self._capacity = threads + queue
        self._taken = 0
        self._seconds = seconds

    async def run(self, function: Callable[[], Result]) -> Result:
        """Run a function in a thread. If the caller goes away before it started, it never runs.

        Raises:
            ServingError: the queue is full, or the time is over.
        """
        if self._taken >= self._capacity:
            # What TensorFlow Serving says if its batching queue is full.
            message = "The batch scheduling queue to which this task was submitted is full; task size is 1"
            raise ServingError(Code.UNAVAILABLE, message)
        self._taken += 1
        running = self._executor.submit(function)
        loop = asyncio.get_running_loop()
        # Counted until it is done, not until nobody waits for it any more.
        running.add_done_callback(lambda _: loop.call_soon_threadsafe(self._done))
        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.wrap_future(running)
        except TimeoutError:
            raise ServingError(Code.DEADLINE_EXCEEDED, f"Not answered within {self._seconds:g} seconds") from None

    def close(self) -> None:
        """Wait for what runs."""
        self._executor.shutdown(cancel_futures=True)

    def _done(self) -> None:
        self._taken -= 1
