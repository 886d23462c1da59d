"""Serve models until a signal: both protocols, one event loop, one request queue."""

import asyncio
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import tensorflow as tf

from supportnet.errors import UserError
from supportnet.serving.server.configuration import ConfiguredModel
from supportnet.serving.server.grpc_server import build_grpc_server
from supportnet.serving.server.http_server import build_app, build_server
from supportnet.serving.server.service import RequestQueue, Service
from supportnet.serving.server.store import Store


@dataclass(frozen=True)
class Options:
    """Options of the server.

    Attributes:
        host: address to listen on.
        rest_port, grpc_port: 0 picks a free one.
        threads: number of requests that run in parallel.
        queue: number of requests that may wait.
        seconds: time limit of a request, waiting included.
        read_seconds: time limit for sending the headers, and for sending the body.
        stop_seconds: time that running requests get when the server stops.
        max_bytes: maximum size of a request.
        max_batch_size: maximum number of rows of a request.
        max_connections: maximum number of REST connections.
    """

    host: str = "127.0.0.1"
    rest_port: int = 8501
    grpc_port: int = 8500
    threads: int = 2
    queue: int = 1000
    seconds: float = 30.0
    read_seconds: float = 30.0
    stop_seconds: float = 30.0
    max_bytes: int = 32 * 2**20
    max_batch_size: int = 4096
    max_connections: int = 1000


def serve(
    models: Sequence[ConfiguredModel], options: Options, say: Callable[[str], None], started: Callable[[int, int], None]
) -> None:
    """Serve models until SIGTERM or SIGINT, then finish running requests and return.

    Args:
        models: models to serve.
        options: options of the server.
        say: called with one line for each version that is loaded, unloaded or skipped.
        started: called with the REST and the gRPC port when the server is ready.

    Raises:
        UserError: if a model has no version that can be loaded, or a port is taken.
    """
    # Silences the deprecation warnings of TensorFlow's loader.
    tf.get_logger().setLevel("ERROR")
    # grpcio binds its own socket, and doesn't report why it can't.
    _bound(options.host, options.grpc_port, "--grpc-port").close()
    listening = _bound(options.host, options.rest_port, "--rest-port")
    with listening, Store(models, options.max_batch_size, say) as store:
        asyncio.run(_serve(store, options, listening, started))


async def _serve(store: Store, options: Options, listening: socket.socket, started: Callable[[int, int], None]) -> None:
    service = Service(store, options.max_batch_size)
    queue = RequestQueue(options.threads, options.queue, options.seconds)
    address = f"[{options.host}]" if ":" in options.host else options.host
    rpc, grpc_port = build_grpc_server(service, queue, options.max_bytes, f"{address}:{options.grpc_port}")
    app = build_app(service, queue, options.max_bytes, options.read_seconds)
    rest = build_server(app, options.read_seconds, options.max_connections, options.stop_seconds)
    await rpc.start()
    serving = asyncio.create_task(rest.serve([listening]))
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    while not rest.started:
        await asyncio.sleep(0.01)
    started(listening.getsockname()[1], grpc_port)
    await stopped.wait()
    rest.should_exit = True
    await asyncio.gather(serving, rpc.stop(options.stop_seconds))
    queue.close()


def _bound(host: str, port: int, flag: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only on a socket with this protocol; without it each answer takes 40 ms more.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise UserError(f"{flag}: {host}:{port} can't be listened on: {error.strerror}.") from None
    return bound
