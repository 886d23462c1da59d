"""Train one model on a pretrained encoder, or a peer on the same messages, and measure it; see `pretrained.py`."""

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import real_traffic_runs
from pretrained_peers import SentenceVectors, ask, fit_regression
from real_traffic_runs import changed, judged_messages, messages, scope_figures

import supportnet
from supportnet.data.ticket import TicketDataset
from supportnet.pretrained import weights_folder

SETFIT_PEER = Path(__file__).parent / "setfit_peer.py"


def measured(spec: dict[str, Any]) -> dict[str, Any]:
    """Do one run.

    Args:
        spec: as for `real_traffic_runs.measured`, with `options` that name a `backbone`; `kind` may also be `setfit`
            (draw `amount` messages of each intent, and fit SetFit to them) or `training` (train on all messages, only
            to time it); `peer_python`, the interpreter that has SetFit.

    Returns:
        The figures by name: those of the logistic regression on the frozen encoder as `regression_...`, those of the
        SVM as `svm_...`.
    """
    if spec["kind"] == "setfit":
        return setfit_figures(spec)
    if spec["kind"] == "training":
        return training_figures(spec)
    return {**real_traffic_runs.measured(spec), **regression_figures(spec)}


def regression_figures(spec: dict[str, Any]) -> dict[str, Any]:
    """Measure the logistic regression as `real_traffic_runs.measured` does the SVM."""
    train, _, test = messages(spec)
    learned = changed(train, spec)
    regression = fit_regression(learned, SentenceVectors(spec["options"]["backbone"]))
    judged = judged_messages(spec, regression.intents, test)
    answers = regression.answers([ticket.text for ticket in judged])
    figures = scope_figures(answers, judged, answers.route_score)
    return {f"regression_{name}": value for name, value in figures.items()}


def setfit_figures(spec: dict[str, Any]) -> dict[str, Any]:
    """Fit SetFit in its own environment to the messages that the models of this draw learned from."""
    train, _, test = messages(spec)
    drawn = changed(train, {**spec, "kind": "labels"})
    judged = judged_messages(spec, [str(ticket.intent) for ticket in drawn], test)
    options = {name: value for name, value in spec["options"].items() if name != "backbone"}
    given = {
        "folder": str(weights_folder(spec["options"]["backbone"])),
        "options": options,
        "texts": [ticket.text for ticket in drawn],
        "intents": [ticket.intent for ticket in drawn],
        "judged": [ticket.text for ticket in judged],
    }
    with tempfile.TemporaryDirectory() as folder:
        found = ask(spec["peer_python"], SETFIT_PEER, given=given, folder=folder)
    right = [intent == ticket.intent for intent, ticket in zip(found.pop("predicted"), judged, strict=True)]
    return {"accuracy": float(np.mean(right)), "num_rows": len(drawn), "num_judged": len(judged), **found}


def training_figures(spec: dict[str, Any]) -> dict[str, Any]:
    """Time a training; nothing is scored but its validation messages."""
    train, validation, _ = messages(spec)
    splits = {"train": train, **({"validation": validation} if validation else {})}
    started = time.perf_counter()
    model = supportnet.train(TicketDataset(spec["data"], splits), progress_bar=False, baseline=False, **spec["options"])
    seconds = time.perf_counter() - started
    metrics = model.metrics or {}
    return {
        "seconds": seconds,
        "cores": len(os.sched_getaffinity(0)),
        "validation_accuracy": metrics["accuracy"],
        "tuned_blocks": metrics["tuned_blocks"],
        "epochs": len(model.history or []),
    }
