"""`supportnet data list | describe`."""

from collections.abc import Iterator
from typing import Any

import click

from supportnet.cli.common import print_result
from supportnet.cli.options import json_option, load_arguments, load_options
from supportnet.data import describe as describe_data
from supportnet.data import list_sources, load
from supportnet.data.sources import FURTHER_LABELS
from supportnet.tables import table_lines

#: Figures that are shown where a split has any -> the column's name.
_OPTIONAL_COUNTS = {"num_unlabelled": "no intent", "num_replies": "replies", "num_different_replies": "different"}


@click.group()
def data() -> None:
    """List and describe the data sources.

    \b
    supportnet data list
    supportnet data describe tickets.csv
    """


@data.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """List the named data sources.

    \b
    supportnet data list
    supportnet data list --json
    """
    sources = list_sources()
    rows = [{key: source[key] for key in ("name", "licence", "description")} for source in sources]
    print_result(as_json, {"sources": sources}, table_lines(rows))


@data.command()
@click.argument("name", metavar="NAME|PATH")
@load_options
@json_option
def describe(name: str, as_json: bool, **options: Any) -> None:
    """Say what a data source holds: origin, licence, messages and intents by split.

    \b
    supportnet data describe sample
    supportnet data describe banking77 --data-dir downloads
    supportnet data describe tickets.csv --text-column body --label-column topic
    supportnet data describe answered.csv --reply-column answer
    supportnet data describe tickets.csv --attribute-columns priority,channel
    """
    facts = describe_data(load(name, **load_arguments(options)))
    print_result(as_json, facts, _lines(facts))


def _lines(facts: dict[str, Any]) -> Iterator[str]:
    for key in ("name", "description", "licence", "source"):
        yield f"{key:<12} {facts[key]}"
    splits = facts["splits"]
    counted = [name for name in _OPTIONAL_COUNTS if any(figures[name] for figures in splits.values())]
    yield from ("", *table_lines([_row(split, figures, counted) for split, figures in splits.items()]))
    labels = [
        {"attribute": name, "split": split, "messages": counts["num_messages"], "values": counts["num_values"]}
        for split, figures in splits.items()
        for name, counts in figures[FURTHER_LABELS].items()
    ]
    if labels:
        yield from ("", *table_lines(labels))


def _row(split: str, figures: dict[str, Any], counted: list[str]) -> dict[str, Any]:
    length = figures["text_length"] or {"median": 0.0, "longest": 0}
    return {
        "split": split,
        "messages": figures["num_messages"],
        "intents": figures["num_intents"],
        "out of scope": figures["num_out_of_scope"],
        **{_OPTIONAL_COUNTS[name]: figures[name] for name in counted},
        "median words": length["median"],
        "most words": length["longest"],
    }
