"""Write report.html, and its pictures beside it."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from supportnet.compare.report.attention_charts import attention_charts
from supportnet.compare.report.chart import Chart
from supportnet.compare.report.confidence_charts import confidence_charts
from supportnet.compare.report.examples import examples
from supportnet.compare.report.material import Part, parts_of
from supportnet.compare.report.study_charts import study_charts
from supportnet.compare.report.training_charts import training_charts
from supportnet.compare.report.words import summary
from supportnet.compare.results import Outcome
from supportnet.compare.table import COST, model_name, with_deviation
from supportnet.data.ticket import TicketDataset
from supportnet.files import written_whole
from supportnet.tasks import get_task


def write_report(
    folder: Path, results: Mapping[str, Any], outcomes: Sequence[Outcome], datasets: Mapping[str, TicketDataset]
) -> Path:
    """Write `report.html`, which needs no other file and no network, and the pictures as PNG in `plots/`.

    Args:
        folder: of the comparison.
        results: what `results.json` holds.
        outcomes: the runs behind them.
        datasets: the messages by the data set's name.

    Returns:
        The path of the report.

    Raises:
        OSError: the file system refuses.
    """
    parts = list(parts_of(outcomes, datasets))
    environment = Environment(
        loader=PackageLoader("supportnet.compare.report", "."), autoescape=True, undefined=StrictUndefined
    )
    studies = list(study_charts(results, outcomes))
    sections = [_section(part, results) for part in parts]
    html = environment.get_template("report.html.j2").render(
        results=results,
        summary=summary(results),
        failed=[run for run in results["runs"] if run["state"] == "failed"],
        missing=sum(run["state"] == "missing" for run in results["runs"]),
        sections=sections,
        studies=studies,
        model_name=model_name,
        quality=lambda task: get_task(task).compared.figures,
    )
    charts = [*(chart for section in sections for chart in section["charts"]), *studies]
    with written_whole(folder / "plots") as temporary:
        temporary.mkdir()
        for chart in charts:
            (temporary / f"{chart.name}.png").write_bytes(chart.png())
    path = folder / "report.html"
    with written_whole(path) as temporary:
        temporary.write_text(html, encoding="utf-8")
    return path


def _section(part: Part, results: Mapping[str, Any]) -> dict[str, Any]:
    rows = [row for row in results["summary"] if (row["data"], row["task"]) == (part.data, part.task)]
    return {
        "title": f"{part.task}: {part.data}",
        "tables": [_table("Quality", get_task(part.task).compared.figures, rows), _table("What it costs", COST, rows)],
        "differences": [r for r in results["differences"] if (r["data"], r["task"]) == (part.data, part.task)],
        "charts": list(_charts(part)),
        "examples": examples(part),
        "baseline": get_task(part.task).compared.baseline,
    }


def _charts(part: Part) -> Iterator[Chart]:
    yield from training_charts(part)
    yield from confidence_charts(part)
    yield from attention_charts(part)


def _table(title: str, names: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    shown = {name: label for name, label in names.items() if any(name in row["mean"] for row in rows)}
    lines = [
        {
            "model": model_name(row["task"], row["model"]),
            "failed": row["failed"],
            # What is sorted by, and what is read.
            "cells": [(row["mean"].get(name), with_deviation(row, name)) for name in shown],
        }
        for row in rows
    ]
    return {"title": title, "columns": list(shown.values()), "rows": lines}
