"""The queue of work: full, late, left."""

import asyncio
import threading
from typing import Any

import pytest

from supportnet.serving.server.codes import Code, ServingError
from supportnet.serving.server.request_queue import RequestQueue


def code_of(result: Any) -> Code:
    assert isinstance(result, ServingError)
    return result.code


def test_what_does_not_fit_the_queue_is_refused_at_once() -> None:
    blocked = threading.Event()

    async def ask() -> list[Any]:
        work = RequestQueue(threads=1, queue=2, seconds=10)
        asked = [asyncio.create_task(work.run(lambda: blocked.wait(10))) for _ in range(5)]
        await asyncio.sleep(0)
        blocked.set()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        answers.append(await work.run(lambda: "there is room again"))
        work.close()
        return answers

    *served, refused, also_refused, after = asyncio.run(ask())
    assert served == [True] * 3
    assert (code_of(refused), code_of(also_refused)) == (Code.UNAVAILABLE, Code.UNAVAILABLE)
    assert refused.http_status == 503
    assert after == "there is room again"


def test_what_takes_too_long_is_given_up_and_never_starts() -> None:
    blocked, started = threading.Event(), []

    async def ask() -> list[Any]:
        work = RequestQueue(threads=1, queue=9, seconds=0.1)
        asked = [work.run(lambda: blocked.wait(10)), work.run(lambda: started.append(1))]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        blocked.set()
        work.close()
        return answers

    late, waiting = asyncio.run(ask())
    assert code_of(late) == code_of(waiting) == Code.DEADLINE_EXCEEDED
    assert late.http_status == 504
    assert started == []


def test_an_error_reaches_who_asked() -> None:
    def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        asyncio.run(RequestQueue(1, 1, 10).run(fail))
