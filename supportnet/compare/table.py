"""The results in tables and in words, for the terminal and the report."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from supportnet.compare.plan import BASELINE
from supportnet.data.ticket import grouped
from supportnet.tasks.registry import get_task

COST: Mapping[str, str] = {
    "training_seconds": "training s",
    "messages_per_second": "messages/s",
    "median_milliseconds_batch_1": "1 message ms",
    "p99_milliseconds_batch_1": "p99 ms",
    "median_milliseconds_batch_64": "64 messages ms",
    "p99_milliseconds_batch_64": "64 p99 ms",
    "peak_megabytes": "peak MB",
    "matched_weights": "weights",
    "parameters": "with tables",
    "model_megabytes": "model MB",
}


#: Label of what an encoder had read before.
HAD_READ = "had read before"


def model_name(task: str, model: str) -> str:
    """Return what a table calls a model.

    Example:
        >>> model_name("suggest", "baseline")
        'BM25'
    """
    return get_task(task).compared.baseline if model == BASELINE else model


def by_part(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    """Return the rows of each data set and task."""
    return grouped(rows, itemgetter("data", "task"))


def columns(task: str, rows: Sequence[Mapping[str, Any]]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the figures that any of the rows has, with their labels: those of quality, and those of cost."""
    measured = {name for row in rows for name in row["mean"]}
    quality, cost = (
        {name: label for name, label in names.items() if name in measured}
        for names in (get_task(task).compared.figures, COST)
    )
    return quality, cost


def tables(results: Mapping[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return a title and rows for each data set and task: quality, then what it costs."""
    return [
        (f"{task} on {data}: {title}", [_cells(row, names, rows) for row in rows])
        for (data, task), rows in by_part(results["summary"]).items()
        for title, names in zip(("quality", "cost"), columns(task, rows), strict=True)
    ]


def _cells(row: Mapping[str, Any], names: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    cells = {label: with_deviation(row, name) for name, label in names.items()}
    failed = f" ({len(row['failed'])} failed)" if row["failed"] else ""
    return {"model": model_name(row["task"], row["model"]) + failed, **cells, **had_read(row, rows)}


def had_read(row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return what a row's encoder had read before, by the column's label; nothing where no row's had read anything.

    Example:
        >>> had_read({"had_read": ""}, [{"had_read": ""}, {"had_read": "Reddit"}])
        {'had read before': 'nothing'}
    """
    return {HAD_READ: row["had_read"] or "nothing"} if any(other["had_read"] for other in rows) else {}


def with_deviation(row: Mapping[str, Any], name: str) -> str:
    """Return a figure of a summary with its deviation over the seeds.

    Example:
        >>> with_deviation({"mean": {"accuracy": 0.9}, "sd": {"accuracy": 0.01}}, "accuracy")
        '0.900 ± 0.010'
    """
    if name not in row["mean"]:
        return "–"
    deviation = row["sd"].get(name)
    return number(row["mean"][name]) + ("" if deviation is None else f" ± {number(deviation, row['mean'][name])}")


def number(value: float, like: float | None = None) -> str:
    """Return a number with about three digits that count; as many decimals as another one has, if one is given.

    Example:
        >>> number(0.12345), number(12.345), number(123456.7)
        ('0.123', '12.3', '123,457')
    """
    size = abs(value if like is None else like)
    return f"{value:,.{0 if size >= 100 else 1 if size >= 10 else 3 if size < 1 else 2}f}"


def difference_lines(results: Mapping[str, Any]) -> list[str]:
    """Say of every two models which one is better, and whether that may be chance."""
    return [f"{row['task']} on {row['data']}: {difference_line(row)}" for row in results["differences"]]


def difference_line(row: Mapping[str, Any]) -> str:
    """Say it of one row of the differences.

    Example:
        >>> row = {"task": "classify", "model": "a", "against": "b", "metric": "accuracy", "difference": 0.02}
        >>> difference_line({**row, "interval": [0.01, 0.03], "p_values": None})
        'a against b: accuracy +0.020 (95%: +0.010 to +0.030), more than chance'
    """
    own, other = model_name(row["task"], row["model"]), model_name(row["task"], row["against"])
    label = get_task(row["task"]).compared.figures[row["metric"]]
    line = f"{own} against {other}: {label} {row['difference']:+.3f}"
    if row["interval"] is None:
        return f"{line} (one seed: no interval)"
    low, high = row["interval"]
    verdict = "more than chance" if low > 0 or high < 0 else "may be chance"
    line += f" (95%: {low:+.3f} to {high:+.3f}), {verdict}"
    if row["p_values"]:
        line += "; McNemar by seed: p = " + ", ".join(f"{p:.3g}" for p in row["p_values"])
    return line


def failed_lines(results: Mapping[str, Any]) -> list[str]:
    """Name the runs that failed, with their errors."""
    failed = [run for run in results["runs"] if run["state"] == "failed"]
    return [
        f"failed: {run['task']} {run['model']} seed {run['seed']} on {run['data']}: {run['error']}" for run in failed
    ]


def summary(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Say what came of it to who leads a support team: no jargon, no figure without what it means.

    Returns:
        A title and sentences for each data set and task that has a run that is done.
    """
    pairs = by_part(results["differences"])
    return [
        {"title": f"{task}: {data}", "sentences": list(_sentences(task, rows, pairs.get((data, task), [])))}
        for (data, task), rows in by_part(row for row in results["summary"] if row["mean"]).items()
    ]


def _sentences(task: str, rows: Sequence[Any], pairs: Sequence[Any]) -> Iterator[str]:
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
