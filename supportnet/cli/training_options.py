"""Options that `train` and `pretrain` share."""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from supportnet.cli.common import Command, print_json
from supportnet.errors import UserError
from supportnet.presets import PRESETS
from supportnet.tasks.names import TASKS

#: Numbers: name -> (default, help). The defaults stand here a second time (a test compares them with the
#: configurations), because the configurations are read with TensorFlow, and --help is to be quick.
OPTIMIZER_NUMBERS = {
    "learning_rate": (2e-3, "Peak of the learning rate's schedule."),
    "warmup_share": (0.1, "Share of all steps that warm up."),
    "weight_decay": (0.05, "Decoupled weight decay."),
    "ema_momentum": (0.0, "Share of the weights' running mean that a step keeps, such as 0.999; 0 takes no mean."),
}
ENCODER_NUMBERS = {
    "embedding_dim": (128, "Depth of the token vectors."),
    "hidden_dim": (96, "Units of the encoder's inner layers."),
    "num_layers": (1, "Attention blocks."),
    "num_heads": (4, "Attention heads; must divide the depth."),
    "dropout_rate": (0.1, "Dropout inside the encoder."),
    "num_buckets": (12_000, "Buckets that character n-grams are hashed to."),
    "max_length": (128, "Tokens that are read of a message."),
}

task_option = click.option(
    "--task", type=click.Choice(TASKS), default="classify", show_default=True, help="What to learn."
)


def _in_order(context: click.Context, option: click.Parameter, value: str) -> str:
    """Check one task, or several with commas between them, and put them into their usual order."""
    names = value.split(",")
    if not set(names) <= set(TASKS) or len(set(names)) < len(names):
        known = ", ".join(TASKS)
        raise click.BadParameter(f"{value!r} is not one of {known}, or several with commas.", context, option)
    return ",".join(task for task in TASKS if task in names)


tasks_option = click.option(
    "--task",
    callback=_in_order,
    metavar="TASK[,TASK...]",
    default="classify",
    show_default=True,
    help=f"What to learn: {', '.join(TASKS)}, or several of them on one encoder.",
)
architecture_option = click.option(
    "--architecture",
    default="bilstm_attention",
    show_default=True,
    help="The encoder: bilstm_attention or transformer or none; or gpt, which writes replies without one.",
)
preset_option = click.option(
    "--preset", metavar="NAME", help=f"Sizes by name: {', '.join(PRESETS)}. A size given beside it wins."
)


def _read_config(context: click.Context, _: click.Parameter, path: str | None) -> None:
    """Take what a file says as if it stood on the command line, but for what stands there itself."""
    if path is None:
        return
    try:
        values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"--config: {path} can't be read: {error}") from None
    known = {option.name for option in context.command.params}
    unknown = sorted(name for name in values if name.replace("-", "_") not in known)
    if unknown:
        raise UserError(f"--config: {path} has an option {unknown[0]!r} that there isn't.")
    context.default_map = {name.replace("-", "_"): value for name, value in values.items()}


config_option = click.option(
    "--config",
    metavar="FILE.toml",
    is_eager=True,
    expose_value=False,
    callback=_read_config,
    help="Options by name, such as `supportnet tune` found; those given beside it win.",
)


def run_options(command: Command) -> Command:
    """Add how text is read, where the run goes, whether it goes on, and the seed."""
    options = (
        click.option(
            "--text-mode",
            type=click.Choice(["unicode", "article"]),
            default="unicode",
            show_default=True,
            help="How text becomes tokens.",
        ),
        click.option("--out", required=True, metavar="RUN", help="The run folder to write."),
        click.option("--resume", is_flag=True, help="Go on with the interrupted run in RUN."),
        click.option("--seed", type=int, default=0, show_default=True, help="Of everything random."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def switches(help_by_name: Mapping[str, str]) -> Callable[[Command], Command]:
    """Return a decorator that adds a switch for each name."""

    def add(command: Command) -> Command:
        for name, text in reversed(list(help_by_name.items())):
            command = click.option(flag(name), name, is_flag=True, help=text)(command)
        return command

    return add


def numbers(by_name: Mapping[str, tuple[Any, str]]) -> Callable[[Command], Command]:
    """Return a decorator that adds an option for each name: name -> (default, help)."""

    def add(command: Command) -> Command:
        for name, (default, text) in reversed(list(by_name.items())):
            kind = float if default is None else type(default)
            option = click.option(flag(name), name, type=kind, default=default, show_default=True, help=text)
            command = option(command)
        return command

    return add


def flag(name: str) -> str:
    """The flag of an option: `batch_size` -> `--batch-size`."""
    return f"--{name.replace('_', '-')}"


def given(options: dict[str, Any]) -> dict[str, Any]:
    """Return only what stands on the command line: a flag's default would win over a preset or an encoder.

    An architecture may be written with hyphens.
    """
    source = click.get_current_context().get_parameter_source
    chosen = {name: value for name, value in options.items() if source(name) is not ParameterSource.DEFAULT}
    if "architecture" in chosen:
        chosen["architecture"] = chosen["architecture"].replace("-", "_")
    return chosen


@contextmanager
def resumable(out: str) -> Iterator[None]:
    """Say at Ctrl-C how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        raise click.Abort(f"training; the same command with --resume goes on with {out}") from None


def print_trained(
    task: str, out: str, trained: Any, fitted: dict[str, Any], as_json: bool, in_words: Callable[[], None]
) -> None:
    """Print how a training of any task went.

    Args:
        task: what was learned.
        out: the run folder.
        trained: with `metrics`, `history` and `coverage`.
        fitted: by name, what was fitted on validation data.
        as_json: print one JSON object.
        in_words: prints the metrics, and what was fitted, for a person.
    """
    if not as_json:
        if trained.coverage is not None:
            click.echo(trained.coverage)
        in_words()
        return
    coverage = None if trained.coverage is None else asdict(trained.coverage)
    found = {"validation": trained.metrics, **fitted, "coverage": coverage, "epochs": len(trained.history)}
    print_json({"task": task, "run": out, **found})
