"""report.html: one file with the tables, pictures and examples of a comparison; its pictures beside it as well."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from supportnet.compare.charts import attention_charts, confidence_charts, latency_bars, learning_curves, study_charts
from supportnet.compare.results import Outcome, Part, parts_of
from supportnet.compare.table import by_part, columns, had_read, model_name, summary, with_deviation
from supportnet.data.ticket import TicketDataset
from supportnet.files import written_whole
from supportnet.tasks.registry import get_task
from supportnet.text.redaction import redact

#: Messages of each kind that are shown: all models are right, some are, none is.
MOST = 4


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
    environment = Environment(
        loader=PackageLoader("supportnet.compare", "."), autoescape=True, undefined=StrictUndefined
    )
    studies = list(study_charts(results, outcomes))
    sections = [_section(part, results) for part in parts_of(outcomes, datasets)]
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
    rows, differences = (by_part(results[name]).get((part.data, part.task), []) for name in ("summary", "differences"))
    quality, cost = columns(part.task, rows)
    return {
        "title": f"{part.task}: {part.data}",
        "tables": [_table("Quality", quality, rows), _table("What it costs", cost, rows)],
        "differences": differences,
        "charts": [*learning_curves(part), latency_bars(part), *confidence_charts(part), *attention_charts(part)],
        "examples": examples(part),
    }


def _table(title: str, names: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    def line(row: Mapping[str, Any]) -> dict[str, Any]:
        # What is sorted by, and what is read.
        cells = [(row["mean"].get(name), with_deviation(row, name)) for name in names]
        cells += [(before, before) for before in had_read(row, rows).values()]
        return {"model": model_name(row["task"], row["model"]), "failed": row["failed"], "cells": cells}

    columns = [*names.values(), *had_read(rows[0], rows)]
    return {"title": title, "columns": columns, "rows": [line(row) for row in rows]}


def examples(part: Part) -> list[dict[str, Any]]:
    """Return messages with what each model made of them, of the first seed and without personal data.

    Returns:
        Dictionaries with `text`, `right`, and `answers`, one a model: `model`, `said` and `good`, whether it is right
        (a reply counts as right where it is the agent's, a suggestion where it is the first).
    """
    found, compared = part.first(), get_task(part.task).compared
    tickets, rights = compared.examples(part.dataset)
    said = {model: compared.said(own) for model, own in found.items()}
    # All models are right, some are, none is.
    kinds: dict[frozenset[Any], list[Any]] = {frozenset(good): [] for good in ({True}, {True, False}, {False})}
    for row in range(min(len(tickets), *map(len, said.values()))):
        answers = [
            {"model": model_name(part.task, model), "said": said[model][row], "good": compared.is_good(own, row)}
            for model, own in found.items()
        ]
        kind = kinds[frozenset(answer["good"] for answer in answers)]
        kind.append({"text": redact(tickets[row].text), "right": rights[row], "answers": answers})
    return [row for kind in kinds.values() for row in kind[:MOST]]
