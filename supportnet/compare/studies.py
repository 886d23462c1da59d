"""Runs beside the comparison: how quality and time change with the length of messages and with the amount of data."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from supportnet.compare.plan import Plan
from supportnet.compare.run import BASELINE, Run

#: Shares of the training messages; the comparison's own runs have all.
SHARES = (0.01, 0.03, 0.1, 0.3)
#: Tokens of every message.
LENGTHS = (4, 8, 16, 32, 64, 128, 256, 512)
#: Training messages where messages may be long, at most.
LONG_MESSAGES = 1000


def study_runs(plan: Plan, runs: Sequence[Run], num_messages: int) -> list[Run]:
    """Return the runs of a plan's studies: those of its first data set and first task, changed.

    Args:
        plan: names the studies.
        runs: the comparison's.
        num_messages: training messages of the first data set.
    """
    first = [run for run in runs if _is_first(run, plan)]
    return [changed for study in plan.studies for run in first for changed in _changed(run, study, plan, num_messages)]


def in_study(run: Run, study: str, plan: Plan) -> bool:
    """Tell whether a study shows a run: its own, and of the size of the data also the comparison's with all of them."""
    return run.study == study or (study == "size" and not run.study and _is_first(run, plan))


def _is_first(run: Run, plan: Plan) -> bool:
    return (run.name, run.task) == (plan.data[0]["name_or_path"], plan.tasks[0])


def _changed(run: Run, study: str, plan: Plan, num_messages: int) -> Iterator[Run]:
    if study == "size":
        yield from (replace(run, study=study, share=share) for share in SHARES)
    elif study == "length":
        share = min(1.0, LONG_MESSAGES / num_messages)
        for length in LENGTHS:
            yield replace(run, study=study, share=share, length=length, options={**run.options, "max_length": length})
    elif run.model != BASELINE and run.seed == plan.seeds[0]:
        yield replace(run, study=study)
