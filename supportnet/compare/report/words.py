"""What came of a comparison, for who leads a support team: no jargon, no figure without what it means."""

from collections.abc import Iterator, Mapping
from typing import Any

from supportnet.compare.run import BASELINE
from supportnet.compare.table import model_name
from supportnet.tasks import get_task


def summary(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a heading and sentences for each data set and task."""
    found = []
    for data, task in dict.fromkeys((row["data"], row["task"]) for row in results["summary"]):
        rows = [r for r in results["summary"] if (r["data"], r["task"]) == (data, task) and r["mean"]]
        if rows:
            pairs = [row for row in results["differences"] if (row["data"], row["task"]) == (data, task)]
            found.append({"title": f"{task}: {data}", "sentences": list(_sentences(task, rows, pairs))})
    return found


def _sentences(task: str, rows: list[Any], pairs: list[Any]) -> Iterator[str]:
    compared = get_task(task).compared
    metric = next(name for name in compared.figures if all(name in row["mean"] for row in rows))
    best = max(rows, key=lambda row: row["mean"][metric])
    value = best["mean"][metric]
    said = compared.meaning[metric].format(
        share=f"{100 * value:.0f}", place=f"{1 / max(value, 1e-3):.1f}", points=f"{value:.0f}"
    )
    yield f"Best is {model_name(task, best['model'])}: it {said}."
    yield from (verdict(row) for row in pairs if best["model"] in (row["model"], row["against"]))
    quick = min(rows, key=lambda row: row["mean"]["median_milliseconds_batch_1"])
    seconds = ", ".join(f"{model_name(task, r['model'])} in {_time(r['mean']['training_seconds'])}" for r in rows)
    yield (
        f"Trained: {seconds}. Quickest to answer is {model_name(task, quick['model'])}: "
        f"{quick['mean']['median_milliseconds_batch_1']:.1f} thousandths of a second for one message."
    )


def verdict(row: Mapping[str, Any]) -> str:
    """Say of one difference whether it counts.

    Example:
        >>> verdict({"task": "classify", "model": "a", "against": "b", "difference": 0.1, "interval": [0.05, 0.15]})
        'a is better than b, by more than chance would make it.'
    """
    own, other = (_named(row["task"], row[side]) for side in ("model", "against"))
    better, worse = (own, other) if row["difference"] >= 0 else (other, own)
    if row["interval"] is None:
        return f"{better} came out above {worse}; a single training can't say whether by chance."
    low, high = row["interval"]
    if low <= 0 <= high:
        return f"{better} came out above {worse}, but by no more than chance may make it: take either."
    return f"{better} is better than {worse}, by more than chance would make it."


def _named(task: str, model: str) -> str:
    return model_name(task, model) + (" (what one would use instead)" if model == BASELINE else "")


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
