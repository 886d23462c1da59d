"""How `supportnet evaluate --against` prints its comparison."""

from typing import Any

import click

from supportnet.cli.common import one_line, print_table


def print_comparison(figures: dict[str, Any], name: str, most: int = 10) -> None:
    """Print what `compare_models` returned; `name` is the path of the model that was compared against."""
    click.echo(f"\nagainst {name}")
    for key in ("accuracy", "accuracy_against"):
        click.echo(f"{key:<26}{figures[key]:.4f}")
    click.echo(f"{'p_value':<26}{figures['p_value']:.3g}\n")
    print_table(
        [
            {"": "right", "other right": figures["both_right"], "other wrong": figures["num_fixed"]},
            {"": "wrong", "other right": figures["num_broken"], "other wrong": figures["both_wrong"]},
        ]
    )
    for key in ("fixed", "broken"):
        if figures[key]:
            click.echo(f"\n{key}")
            print_table([{column: one_line(value) for column, value in row.items()} for row in figures[key][:most]])
