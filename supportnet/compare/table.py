"""The results in words, for the terminal and the report."""

from collections.abc import Mapping
from typing import Any

from supportnet.compare.run import BASELINE
from supportnet.tasks import get_task

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


def model_name(task: str, model: str) -> str:
    """Return what a table calls a model.

    Example:
        >>> model_name("suggest", "baseline")
        'BM25'
    """
    return get_task(task).compared.baseline if model == BASELINE else model


def tables(results: Mapping[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return a title and rows for each data set and task: quality, then what it costs."""
    found = []
    pairs = dict.fromkeys((row["data"], row["task"]) for row in results["summary"])
    for data, task in pairs:
        rows = [row for row in results["summary"] if (row["data"], row["task"]) == (data, task)]
        for title, names in (("quality", get_task(task).compared.figures), ("cost", COST)):
            shown = {name: label for name, label in names.items() if any(name in row["mean"] for row in rows)}
            found.append((f"{task} on {data}: {title}", [_cells(row, shown) for row in rows]))
    return found


def _cells(row: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    cells = {label: with_deviation(row, name) for name, label in names.items()}
    failed = f" ({len(row['failed'])} failed)" if row["failed"] else ""
    return {"model": model_name(row["task"], row["model"]) + failed, **cells}


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
