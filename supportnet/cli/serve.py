"""`supportnet serve`."""

import os
from pathlib import Path
from typing import Any

import click

from supportnet.cli.common import print_result, start_tensorflow
from supportnet.cli.options import json_option
from supportnet.errors import UserError


@click.command()
@click.argument("folder", metavar="MODEL_DIR", required=False)
@click.option("--name", help="What clients call the model.  [default: the folder's name]")
@click.option("--config", metavar="FILE", help="TensorFlow Serving's models.config, instead of MODEL_DIR.")
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@click.option("--rest-port", type=click.IntRange(0, 65535), default=8501, help="0: a free one.")
@click.option("--grpc-port", type=click.IntRange(0, 65535), default=8500, help="0: a free one.")
@click.option("--threads", type=click.IntRange(min=1), help="Requests that run at a time.  [default: cores]")
@click.option("--queue", type=click.IntRange(min=0), default=1000, help="Requests that may wait.")
@click.option("--timeout", "seconds", type=click.FloatRange(0.1), default=30.0, help="Seconds for a request's answer.")
@click.option(
    "--read-timeout", "read_seconds", type=click.FloatRange(0.1), default=30.0, help="Seconds to send a request."
)
@click.option("--max-megabytes", type=click.IntRange(min=1), default=32, help="Of a request.")
@click.option("--max-batch-size", type=click.IntRange(min=1), default=4096, help="Of a request.")
@json_option
def serve(
    folder: str | None, name: str | None, config: str | None, as_json: bool, threads: int | None, **options: Any
) -> None:
    """Serve an export on this machine: a stand-in for TensorFlow Serving, and a page at /.

    REST and gRPC have TensorFlow Serving's paths, messages and codes. New versions in MODEL_DIR are served within a
    second or two. SIGTERM and Ctrl-C stop it once what was asked is answered.

    \b
    supportnet serve saved_models/tickets
    supportnet serve saved_models/tickets --rest-port 9501 --grpc-port 9500 --name support
    supportnet serve --config models.config --host 0.0.0.0
    """
    if bool(folder) == bool(config):
        raise UserError("Give either MODEL_DIR or --config FILE.")
    if name and config:
        raise UserError("--name is for MODEL_DIR: --config FILE names its models itself.")
    start_tensorflow()
    try:
        from supportnet.serving.server.request_queue import Options
        from supportnet.serving.server.serve import serve
        from supportnet.serving.server.store import ConfiguredModel, read_config
    except ModuleNotFoundError as error:
        raise UserError(f"`serve` needs {error.name}: pip install 'supportnet[serve]'.") from None
    path = Path(folder or "").resolve()
    models = read_config(config) if config else [ConfiguredModel(name or path.name, path)]
    max_bytes = options.pop("max_megabytes") * 2**20
    how = Options(threads=threads or os.cpu_count() or 1, max_bytes=max_bytes, **options)

    def started(rest_port: int, grpc_port: int) -> None:
        value = {"models": [model.name for model in models], "rest_port": rest_port, "grpc_port": grpc_port}
        line = f"http://{how.host}:{rest_port}/ (the page, and REST), {how.host}:{grpc_port} (gRPC)"
        print_result(as_json, value, [line])

    serve(models, how, lambda line: click.echo(line, err=True), started)
