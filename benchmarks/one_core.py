"""Time a kept model on one core: `python one_core.py MODEL CORE [SIGNATURE]`.

Every line read is JSON, a list of batches of messages; every line printed is a list of the seconds that each took, by
the clock and of the process's CPU time. It waits in between, so that whoever asks can take turns between models.
A process of its own, because TensorFlow sizes its thread
pools when it starts.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any


def loaded(path: str, signature: str = "classify") -> Callable[[list[str]], Any]:
    """Return what answers a batch: a kept SVM's `predict`, or a signature of a SavedModel."""
    if path.endswith(".joblib"):
        import joblib

        return joblib.load(path).predict
    import tensorflow as tf

    model = tf.saved_model.load(path)
    # The model is held as well: its signature doesn't keep its variables alive.
    return lambda texts, model=model: model.signatures[signature](text=tf.constant(texts))


def seconds(answer: Callable[[list[str]], Any], batch: list[str]) -> tuple[float, float]:
    """Time one call: by the clock, and of the CPU."""
    wall, cpu = time.perf_counter(), time.process_time()
    answer(batch)
    return time.perf_counter() - wall, time.process_time() - cpu


def answer_turns(answer: Callable[[list[str]], Any]) -> None:
    """Time the batches of each line read, until there are no more."""
    for line in sys.stdin:
        print(json.dumps([seconds(answer, batch) for batch in json.loads(line)]), flush=True)


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(sys.argv[2])})
    answer_turns(loaded(sys.argv[1], *sys.argv[3:]))
