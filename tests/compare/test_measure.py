"""Time and memory."""

import time

import numpy as np

from supportnet.compare import measure


def test_latency_by_messages_at_a_time() -> None:
    seen: list[int] = []

    def answer(texts: list[str]) -> None:
        seen.append(len(texts))
        time.sleep(0.002 * (len(texts) > 1))

    found = measure.latency(answer, ["a", "b", "c"])
    assert set(seen) == {1, 64}
    assert found["median_milliseconds_batch_64"] >= 2 > found["median_milliseconds_batch_1"]
    assert found["p99_milliseconds_batch_64"] >= found["median_milliseconds_batch_64"]
    assert found["calls_batch_1"] == measure.MOST_CALLS


def test_the_most_memory_stays_known_when_it_is_given_back() -> None:
    block = np.ones(60_000_000 // 8)
    with_block = measure.peak_megabytes()
    del block
    assert measure.peak_megabytes() >= with_block > 60
