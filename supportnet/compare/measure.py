"""Train one model of a comparison and measure it: how good it is, time, memory and size."""

import pickle
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

from supportnet.compare.inspection import attention_maps, gradient_norms, readable_messages
from supportnet.compare.matching import check_weights, count_weights
from supportnet.compare.messages import drawn, fingerprint_of, lengthened, prepare
from supportnet.compare.plan import BASELINE, Run
from supportnet.data import load
from supportnet.data.ticket import TicketDataset
from supportnet.errors import UserError
from supportnet.files import folder_bytes
from supportnet.savedmodel.load import SavedModel
from supportnet.serving.saved_models import export
from supportnet.tasks.comparison import Scored
from supportnet.tasks.registry import get_task
from supportnet.tasks.task import Task
from supportnet.tasks.train import Trained, train

#: Messages that are answered at a time.
BATCHES = (1, 64)
#: Calls that are timed, at most and at least, and the seconds after which there are no more than the least.
MOST_CALLS, FEWEST_CALLS, SECONDS = 200, 20, 4.0
#: How many epochs more a training has while an epoch is timed, until it takes so many seconds longer.
EPOCHS, LONG_ENOUGH = (4, 16, 64), 1.0


def measured(run: Run) -> dict[str, Any]:
    """Do a run.

    Returns:
        A dictionary that JSON can hold: `figures`; `values` and `groups`, message by message (see `Scored`); `history`
        of the training; `details`, for the report. Of the study `timing`, only `epoch_seconds`.

    Raises:
        UserError: the data have changed, or the training can't be done.
    """
    dataset, task = messages_of(run), get_task(run.task)
    if run.study == "timing":
        return {"epoch_seconds": _epoch_seconds(run, dataset)}
    return _baseline(run, task, dataset) if run.model == BASELINE else _model(run, task, dataset)


def messages_of(run: Run) -> TicketDataset:
    """Load the messages that a run is trained and scored on."""
    dataset = prepare(load(**run.data), run.messages)
    if fingerprint_of(dataset) != run.fingerprint:
        raise UserError(f"{run.name} has changed since the comparison began: start the command again.")
    if run.length is not None:
        dataset = lengthened(dataset, run.length)
    if run.share < 1:
        few = drawn(dataset["train"], round(run.share * len(dataset["train"])))
        dataset = replace(dataset, splits={**dataset.splits, "train": few})
    return dataset


def _model(run: Run, task: Task, dataset: TicketDataset) -> dict[str, Any]:
    started = time.perf_counter()
    trained = _trained(run, dataset)
    seconds, model, epochs = time.perf_counter() - started, trained.model, len(trained.history)
    weights = count_weights(model.network)
    if run.weights is not None:
        check_weights(run.model, weights, run.weights)
    scored = task.compared.score(model, dataset)
    cost = {
        "training_seconds": seconds,
        "messages_per_second": epochs * len(dataset["train"]) / seconds,
        "epochs": epochs,
        "parameters": int(model.network.count_params()),
        "matched_weights": weights,
        "peak_megabytes": peak_megabytes(),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = export(model, Path(folder) / "model", bank=task.compared.bank(dataset))
        served = SavedModel(path)
        cost["model_megabytes"] = folder_bytes(path) / 1e6
        cost |= latency(lambda texts: served.run(task.name, texts), [ticket.text for ticket in dataset["test"]])
    more = {"gradients": gradient_norms(model, dataset)} if run.study == "gradients" else {}
    attention = attention_maps(model, readable_messages(dataset, model.config.text_mode))
    return _result(scored, cost, trained.history, {"attention": attention, **more})


def _trained(run: Run, dataset: TicketDataset, **options: Any) -> Trained:
    named = {**({} if run.is_pretrained else {"architecture": run.model}), **run.options, "seed": run.seed, **options}
    return train(dataset, task=run.task, progress_bar=False, baseline=False, **named)


def _baseline(run: Run, task: Task, dataset: TicketDataset) -> dict[str, Any]:
    started = time.perf_counter()
    baseline = task.compared.fit_baseline(dataset, task.configs(run.options)[1])
    seconds = time.perf_counter() - started
    scored = task.compared.score_baseline(baseline, dataset)
    cost = {
        "training_seconds": seconds,
        "messages_per_second": len(dataset["train"]) / seconds,
        "peak_megabytes": peak_megabytes(),
        "model_megabytes": len(pickle.dumps(baseline)) / 1e6,
        **latency(task.compared.answer_baseline(baseline), [ticket.text for ticket in dataset["test"]]),
    }
    return _result(scored, cost, [], {})


def _result(
    scored: Scored, cost: Mapping[str, float], history: list[Any], details: Mapping[str, Any]
) -> dict[str, Any]:
    # JSON has no NaN.
    values = {name: [None if v != v else round(v, 6) for v in row.tolist()] for name, row in scored.values.items()}
    return {
        "figures": {**scored.figures, **cost},
        "values": values,
        "groups": scored.groups,
        "history": history,
        "details": {**scored.details, **details},
    }


def _epoch_seconds(run: Run, dataset: TicketDataset) -> float:
    """The time of an epoch, without that of compiling: what a training takes longer that has some epochs more.

    It is the processor's time: on the one core that a run has, what else the machine does changes little of it.
    """

    def seconds(epochs: int) -> float:
        started = time.process_time()
        _trained(run, dataset, epochs=epochs, patience=epochs)
        return time.process_time() - started

    # The first training of a process takes longer than any other.
    seconds(1)
    least = seconds(1)
    for more in EPOCHS:
        longer = seconds(1 + more) - least
        if longer > LONG_ENOUGH:
            return longer / more
    raise UserError(f"An epoch is too short to be timed ({run}): match by parameters, or give more messages.")


def latency(answer: Callable[[list[str]], object], texts: Sequence[str]) -> dict[str, float]:
    """Return how long `answer` takes, for each of the numbers of messages at a time, `BATCHES`.

    The texts come one after the other, and again from the first. The first calls count for nothing.

    Returns:
        `median_milliseconds`, `p99_milliseconds` and the number of `calls`, each with `_batch_1` or `_batch_64` after
        its name.

    Example (needs a trained model):
        >>> latency(model.classify, ["where is my parcel?"])["median_milliseconds_batch_1"]
    """
    figures: dict[str, float] = {}
    for size in BATCHES:
        endless, times = cycle(texts), list[float]()
        for _ in range(3):
            answer(list(islice(endless, size)))
        while len(times) < MOST_CALLS and (len(times) < FEWEST_CALLS or sum(times) < SECONDS):
            batch = list(islice(endless, size))
            started = time.perf_counter()
            answer(batch)
            times.append(time.perf_counter() - started)
        median, late = 1000 * np.quantile(times, [0.5, 0.99])
        row = {"median_milliseconds": float(median), "p99_milliseconds": float(late), "calls": len(times)}
        figures |= {f"{name}_batch_{size}": value for name, value in row.items()}
    return figures


def peak_megabytes() -> float:
    """Return the most memory that this process has held so far, in megabytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most / 1e3
