"""As many weights for one architecture as for another, or as much time: what makes comparing them fair.

Counted are the weights of the layers. Tables of vectors (of words, n-grams, pairs and pieces) are left out: all
architectures have the same ones, so large that beside them any two networks would be alike.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter
from typing import Any

import keras

from supportnet.compare.plan import BASELINE, Run
from supportnet.data.ticket import grouped
from supportnet.errors import UserError
from supportnet.layers import NgramScores, PairEmbedding, TokenEmbedding
from supportnet.tasks.registry import get_task

#: By how much the numbers of weights may differ.
TOLERANCE = 0.05
TABLES = (TokenEmbedding, PairEmbedding, NgramScores, keras.layers.ReversibleEmbedding)
#: The architecture without an encoder, which has nothing to be matched: it shows what an encoder is worth.
WITHOUT_ENCODER = "none"


def count_weights(network: keras.Model) -> int:
    """Return the number of weights outside tables.

    Example (needs a trained model):
        >>> count_weights(model.network)
        311616
    """
    tables = {id(layer): layer.count_params() for layer in _layers(network) if isinstance(layer, TABLES)}
    return int(network.count_params() - sum(tables.values()))


def _layers(network: keras.Model) -> Iterator[keras.layers.Layer]:
    """Yield the layers of a model and of the models in it."""
    for layer in network.layers:
        yield from _layers(layer) if isinstance(layer, keras.Model) else [layer]


def match_weights(
    build: Callable[[str, Mapping[str, Any]], keras.Model], options: Mapping[str, Mapping[str, Any]]
) -> dict[str, tuple[dict[str, Any], int | None]]:
    """Give every architecture the `hidden_dim` with which it has as many weights as the first one with an encoder.

    Args:
        build: makes a network of an architecture and options.
        options: architecture -> its options.

    Returns:
        architecture -> its options, with a `hidden_dim`, and the number of weights, which differs by 5% at most. None,
        and its options unchanged, for the architecture without an encoder.

    Raises:
        UserError: no `hidden_dim` gives an architecture the number of weights.
    """
    matched: dict[str, tuple[dict[str, Any], int | None]] = {}
    budget = None
    for name, own in options.items():
        if name == WITHOUT_ENCODER:
            matched[name] = (dict(own), None)
            continue
        found = {**own, **(_hidden_dim(partial(build, name), own, budget) if budget else {})}
        weights = count_weights(build(name, found))
        budget = budget or weights
        check_weights(name, weights, budget)
        matched[name] = (found, weights)
    return matched


def _hidden_dim(
    build: Callable[[Mapping[str, Any]], keras.Model], options: Mapping[str, Any], budget: int
) -> dict[str, int]:
    """The `hidden_dim` that fits; none for an encoder of a user's own that has no use for it."""
    counts = [count_weights(build({**options, "hidden_dim": n})) for n in (1, 2, 3)]
    return {"hidden_dim": equal_hidden_dim(quadratic(counts), budget)} if counts[0] < counts[-1] else {}


def quadratic(counts: Sequence[int]) -> Callable[[int], int]:
    """Return the polynomial of degree 2 that is `counts` at 1, 2 and 3: weights grow with a width like one.

    Example:
        >>> quadratic([1, 4, 9])(10)
        100
    """
    first, second, third = counts
    bend = third - 2 * second + first
    return lambda n: first + (n - 1) * (second - first) + (n - 1) * (n - 2) // 2 * bend


def check_weights(name: str, weights: int, budget: int) -> None:
    """Raise a `UserError` where two numbers of weights differ by more than `TOLERANCE`."""
    if abs(weights - budget) > TOLERANCE * budget:
        raise UserError(
            f"{name} can't be matched: it has {weights:,} weights, and shall have {budget:,}, give or take "
            f"{TOLERANCE:.0%}. Other sizes (num_layers, embedding_dim) may do."
        )


def equal_hidden_dim(count_weights: Callable[[int], int], budget: int) -> int:
    """Find the `hidden_dim` that gives a network the number of weights nearest to a budget.

    Args:
        count_weights: the number of weights for a `hidden_dim`; it must grow with it.
        budget: the number of weights of the other network.

    Returns:
        The `hidden_dim`, at least 1. From sizes of some dozens on, the numbers differ by less than 5%.

    Example:
        >>> equal_hidden_dim(lambda hidden_dim: 10 * hidden_dim + 7, budget=131)
        12
    """
    high = 1
    while count_weights(high) < budget:
        high *= 2
    above = bisect_left(range(high), budget, lo=high // 2, key=lambda index: count_weights(index + 1)) + 1
    return min((above, max(above - 1, 1)), key=lambda hidden_dim: abs(count_weights(hidden_dim) - budget))


def timing_runs(runs: Sequence[Run]) -> list[Run]:
    """Return runs that measure an epoch's time: one for each data set, task and architecture."""
    groups = grouped(filter(_is_matched, runs), attrgetter("name", "task", "model"))
    return [replace(same[0], study="timing") for same in groups.values()]


def _is_matched(run: Run) -> bool:
    """Whether a run starts from nothing: what others did before can't be counted."""
    return run.model != BASELINE and not run.is_pretrained


def in_the_same_time(runs: Sequence[Run], seconds: Mapping[tuple[str, str, str], float]) -> list[Run]:
    """Give every architecture the epochs that take as long as those of the first one with an encoder.

    None is stopped early, and whole epochs are all that is given, at least one.

    Args:
        runs: of one comparison.
        seconds: an epoch's time by data set, task and architecture.

    Returns:
        The same runs, with other `epochs`.
    """
    return [_timed(run, runs, seconds) for run in runs]


def _timed(run: Run, runs: Sequence[Run], seconds: Mapping[tuple[str, str, str], float]) -> Run:
    if not _is_matched(run):
        return run
    alike = [other for other in runs if (other.name, other.task) == (run.name, run.task) and _is_matched(other)]
    reference = next((other for other in alike if other.model != WITHOUT_ENCODER), alike[0])
    own, other = (seconds[one.name, one.task, one.model] for one in (run, reference))
    wanted = get_task(run.task).configs({**reference.options, "architecture": reference.model})[1].epochs
    epochs = max(1, round(wanted * other / own))
    return replace(run, options={**run.options, "epochs": epochs, "patience": epochs})
