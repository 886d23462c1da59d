"""How fast the kept models answer on one core, in turns, so that a slow minute of the machine is everybody's."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from supportnet.data.ticket import OUT_OF_SCOPE, Ticket

ONE_CORE = Path(__file__).parent / "one_core.py"
#: Messages of these many words are timed, as many of each: the median is the middle one.
WORDS, MESSAGES, BATCH, ROUNDS = (10, 11, 12, 13, 14), 300, 64, 9


def speeds(
    models: dict[str, Path], tickets: Sequence[Ticket], peer: Callable[[Path], Any] | None = None
) -> list[dict[str, Any]]:
    """Time every model on the same messages.

    Args:
        models: name -> what `one_core.py` loads.
        tickets: where the messages come from; those in scope.
        peer: what answers in place of `Peer`.

    Returns:
        A row a model: the medians over the rounds of a round's median.
    """
    texts = timed_messages(tickets)
    ones = [[text] for text in texts]
    batches = [texts[i : i + BATCH] for i in range(0, len(texts) - BATCH + 1, BATCH)]
    single: dict[str, list[tuple[float, float]]] = {name: [] for name in models}
    batched: dict[str, list[tuple[float, float]]] = {name: [] for name in models}
    with ExitStack() as stack:
        peers = {name: stack.enter_context((peer or Peer)(path)) for name, path in models.items()}
        for asked in peers.values():
            # Warms up: a first call traces, allocates and fills caches.
            asked.seconds(ones[:50] + batches)
        for number in range(ROUNDS):
            # Each round begins with another model: none always comes after the same one.
            for name in [*models][number % len(models) :] + [*models][: number % len(models)]:
                single[name].append(medians(peers[name].seconds(ones)))
                batched[name].append(medians(peers[name].seconds(batches)))
    return [
        {
            "model": name,
            "milliseconds_per_message": 1000 * medians(single[name])[0],
            "cpu_milliseconds_per_message": 1000 * medians(single[name])[1],
            "messages_per_second": BATCH / medians(batched[name])[0],
            "messages_per_cpu_second": BATCH / medians(batched[name])[1],
            "median_words": statistics.median(len(text.split()) for text in texts),
            "num_messages": len(texts),
            "megabytes": megabytes(path),
        }
        for name, path in models.items()
    ]


def medians(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The median by the clock and that of the CPU's time: well below the first if something else ran on the core."""
    return statistics.median(wall for wall, _ in pairs), statistics.median(cpu for _, cpu in pairs)


def timed_messages(tickets: Sequence[Ticket]) -> list[str]:
    """Return the first messages of each length in words, the lengths in turns, so that every batch has them all."""
    texts = [ticket.text for ticket in tickets if ticket.intent != OUT_OF_SCOPE]
    lengths = ([text for text in texts if len(text.split()) == words] for words in WORDS)
    rows = list(zip(*lengths, strict=False))[: MESSAGES // len(WORDS)]
    return [text for row in rows for text in row]


def megabytes(path: Path) -> float:
    """Return the size of a file, or of all files of a folder."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files) / 1e6


class Peer:
    """A process of `one_core.py`, all of them on the same core; only the one that is asked has anything to do."""

    def __init__(self, path: Path) -> None:
        self._command = [sys.executable, str(ONE_CORE), str(path), str(min(os.sched_getaffinity(0)))]

    def __enter__(self) -> "Peer":
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            self._command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment
        )
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def seconds(self, batches: list[list[str]]) -> list[tuple[float, float]]:
        """Have the batches answered, one after the other; the seconds of each by the clock and of the CPU."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(batches), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            assert self._process.stderr is not None
            raise RuntimeError(f"{' '.join(self._command)}\n{self._process.stderr.read()[-2000:]}")
        return [(wall, cpu) for wall, cpu in json.loads(answer)]
