"""`supportnet`: the group of commands, and how errors and warnings reach the terminal."""

import io
import sys
import warnings
from typing import Any

import click

from supportnet.cli.audit import audit
from supportnet.cli.calibrate import calibrate
from supportnet.cli.compare import compare
from supportnet.cli.data import data
from supportnet.cli.drift import drift
from supportnet.cli.evaluate import evaluate
from supportnet.cli.export import export, index
from supportnet.cli.predict import predict
from supportnet.cli.pretrain import pretrain
from supportnet.cli.quickstart import quickstart
from supportnet.cli.serve import serve
from supportnet.cli.train import train
from supportnet.cli.tune import tune
from supportnet.cli.verify import verify
from supportnet.cli.weights import weights
from supportnet.errors import UserError
from supportnet.version import __version__

EXIT_USER_ERROR = 2
#: What shells report of a command that Ctrl-C ended.
EXIT_STOPPED = 130


def _with_hyphens(name: str) -> str:
    """`--data_dir` is `--data-dir`, and `bilstm-attention` is `bilstm_attention`."""
    return name.replace("_", "-")


SETTINGS = {"token_normalize_func": _with_hyphens, "help_option_names": ["-h", "--help"], "show_default": True}


@click.group(
    commands=[
        quickstart,
        data,
        audit,
        pretrain,
        weights,
        train,
        tune,
        evaluate,
        calibrate,
        drift,
        compare,
        export,
        index,
        verify,
        predict,
        serve,
    ],
    context_settings=SETTINGS,
)
@click.version_option(__version__, prog_name="supportnet")
def cli() -> None:
    """Customer support in Keras: from tickets to a model that TensorFlow Serving runs.

    \b
    supportnet quickstart                                        the whole line, on the built-in sample
    supportnet train --data tickets.csv --out runs/tickets       your own data
    supportnet evaluate runs/tickets --data held_out.csv
    supportnet export runs/tickets saved_models/tickets
    supportnet verify saved_models/tickets
    supportnet predict saved_models/tickets "where is my parcel?"
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; a user's error, or the file system's, is one line on standard error and exit code 2."""
    warnings.showwarning = _show_warning
    # Messages come in every script; a terminal that can't show one gets an escape.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code: Any = cli.main(arguments, prog_name="supportnet", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        sys.exit(EXIT_USER_ERROR)
    except click.ClickException as error:
        _fail(error.format_message())
    except (UserError, OSError) as error:
        _fail(str(error))
    except click.Abort as error:
        click.echo(" ".join(["supportnet: stopped", *map(str, error.args)]), err=True)
        sys.exit(EXIT_STOPPED)
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str) -> None:
    click.echo("supportnet: error: " + " ".join(message.split()), err=True)
    sys.exit(EXIT_USER_ERROR)


def _show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    """A user's warning is one line; what libraries say of themselves to developers is left out."""
    if issubclass(category, UserWarning):
        click.echo("supportnet: warning: " + " ".join(str(message).split()), err=True)
