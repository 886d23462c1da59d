"""How fast the kept models answer on one core, in turns, so that a slow minute of the machine is everybody's."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from supportnet.data.ticket import OUT_OF_SCOPE, Ticket

ONE_CORE = Path(__file__).parent / "one_core.py"
#: Messages of these many words are timed, as many of each: the median is the middle one.
WORDS, MESSAGES, BATCH, ROUNDS = (10, 11, 12, 13, 14), 300, 64, 9

#: Seconds by the clock and of the CPU.
Pairs = list[tuple[float, float]]


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
    timed = turns({name: (peer or Peer)(path) for name, path in models.items()}, texts)
    return [
        {
            "model": name,
            **speed_figures(single, batched),
            "median_words": statistics.median(len(text.split()) for text in texts),
            "num_messages": len(texts),
            "megabytes": megabytes(models[name]),
        }
        for name, (single, batched) in timed.items()
    ]


def speed_figures(single: Pairs, batched: Pairs) -> dict[str, float]:
    """Return the medians over the rounds, by the clock and of the CPU, of one message and of a batch."""
    return {
        "milliseconds_per_message": 1000 * medians(single)[0],
        "cpu_milliseconds_per_message": 1000 * medians(single)[1],
        "messages_per_second": BATCH / medians(batched)[0],
        "messages_per_cpu_second": BATCH / medians(batched)[1],
    }


def turns(peers: Mapping[str, Any], texts: Sequence[str], rounds: int = ROUNDS) -> dict[str, tuple[Pairs, Pairs]]:
    """Have all peers answer the same messages, one peer after the other in each round.

    Args:
        peers: name -> what answers, such as a `Peer`.
        texts: the messages: one at a time, and in batches.
        rounds: number of rounds.

    Returns:
        name -> a round's median seconds for one message, and for one batch; a pair each, by the clock and of the CPU.
    """
    ones = [[text] for text in texts]
    batches = [list(texts[i : i + BATCH]) for i in range(0, len(texts) - BATCH + 1, BATCH)]
    names = [*peers]
    timed: dict[str, tuple[Pairs, Pairs]] = {name: ([], []) for name in names}
    with ExitStack() as stack:
        asked = {name: stack.enter_context(peer) for name, peer in peers.items()}
        for peer in asked.values():
            # Warms up: a first call traces, allocates and fills caches.
            peer.seconds(ones[:50] + batches)
        for number in range(rounds):
            # Each round begins with another model: none always comes after the same one.
            first = number % len(names)
            for name in names[first:] + names[:first]:
                for kept, calls in zip(timed[name], (ones, batches), strict=True):
                    kept.append(medians(asked[name].seconds(calls)))
    return timed


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
    """A process of `one_core.py`, all of them on the same core; only the one that is asked has anything to do.

    Args:
        path: the model.
        *more: further arguments of the script.
        python: the interpreter.
        script: a script that is asked and answers as `one_core.py` is and does.
        **environment: variables of the process.
    """

    def __init__(
        self, path: Path, *more: str, python: str = sys.executable, script: Path = ONE_CORE, **environment: str
    ) -> None:
        self._command = [python, str(script), str(path), str(min(os.sched_getaffinity(0))), *more]
        self._environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment}

    def __enter__(self) -> "Peer":
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            self._command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=self._environment
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
