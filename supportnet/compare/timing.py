"""As much time for one architecture's training as for another's: the other way to be fair."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from supportnet.compare.matching import WITHOUT_ENCODER
from supportnet.compare.run import BASELINE, Run
from supportnet.tasks import get_task


def timing_runs(runs: Sequence[Run]) -> list[Run]:
    """Return runs that measure an epoch's time: one for each data set, task and architecture."""
    first: dict[tuple[str, str, str], Run] = {}
    for run in runs:
        if run.model != BASELINE:
            first.setdefault((run.name, run.task, run.model), replace(run, study="timing"))
    return list(first.values())


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
    if run.model == BASELINE:
        return run
    alike = [other for other in runs if (other.name, other.task) == (run.name, run.task) and other.model != BASELINE]
    reference = next((other for other in alike if other.model != WITHOUT_ENCODER), alike[0])
    own, other = (seconds[one.name, one.task, one.model] for one in (run, reference))
    wanted = get_task(run.task).configs({**reference.options, "architecture": reference.model})[1].epochs
    epochs = max(1, round(wanted * other / own))
    return replace(run, options={**run.options, "epochs": epochs, "patience": epochs})
