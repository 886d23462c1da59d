"""Train one model that writes replies on STAR and measure it, or the peers; see `replies.py`."""

import time
from typing import Any

from reply_peers import peers

import supportnet


def measured(spec: dict[str, Any]) -> dict[str, Any]:
    """Do one run.

    Args:
        spec: `kind`: `model` or `peers`; `turns` of the context; `load`, arguments of `supportnet.load`; `split`, what
            is scored; `options` of `supportnet.train`.

    Returns:
        The figures by name.
    """
    return {"model": model_figures, "peers": peer_figures}[spec["kind"]](spec)


def model_figures(spec: dict[str, Any]) -> dict[str, Any]:
    """Train on the training split, choose the epoch on validation, score `split` with and without a beam."""
    dataset = supportnet.load("star", context_turns=spec["turns"], **spec["load"])
    started = time.perf_counter()
    trained = supportnet.train(dataset, task="reply", progress_bar=False, **spec["options"])
    seconds = time.perf_counter() - started
    found = {name: trained.evaluate(dataset[spec["split"]], beam=beam) for name, beam in BEAMS.items()}
    more = {"training_seconds_one_core": seconds, "parameters": trained.network.count_params()}
    return {**found, **more, "validation": trained.metrics}


#: How replies are written -> the width of the beam.
BEAMS = {"greedy": 1, "beam 4": 4}


def peer_figures(spec: dict[str, Any]) -> dict[str, Any]:
    """Let the peers reply to the same messages."""
    return {"replies": peers(supportnet.load("star", context_turns=spec["turns"], **spec["load"]), spec["split"])}
