"""Serve models until a signal: REST, TensorFlow Serving's gRPC services, one event loop, one request queue."""

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import grpc
import tensorflow as tf
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from supportnet.errors import UserError
from supportnet.serving.server.codes import Code, ServingError
from supportnet.serving.server.http_server import build_http_server
from supportnet.serving.server.request_queue import Options, RequestQueue
from supportnet.serving.server.store import ConfiguredModel, Store

#: The canonical codes, as grpcio names them.
_STATUS = {Code(status.value[0]): status for status in grpc.StatusCode}


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
    queue = RequestQueue(options.threads, options.queue, options.seconds)
    rpc, grpc_port = build_grpc_server(store, queue, options)
    rest = build_http_server(store, queue, options)
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


def build_grpc_server(store: Store, queue: RequestQueue, options: Options) -> tuple[grpc.aio.Server, int]:
    """Build the server of PredictionService and ModelService, bind it to its address, and return it with its port.

    grpcio answers requests that are too large with RESOURCE_EXHAUSTED.
    """
    limits = [("grpc.max_receive_message_length", options.max_bytes), ("grpc.max_send_message_length", -1)]
    # Two servers on one port would share its requests.
    server = grpc.aio.server(options=[*limits, ("grpc.so_reuseport", 0)])
    prediction = prediction_service_pb2_grpc.PredictionServiceServicer()
    models = model_service_pb2_grpc.ModelServiceServicer()
    prediction.Predict = _call(lambda request: store.get(request.model_spec).predict(request), queue)
    prediction.Classify = _call(lambda request: store.get(request.model_spec).classify(request), queue)
    prediction.Regress = _call(lambda request: store.get(request.model_spec).regress(request), queue)
    prediction.GetModelMetadata = _call(store.metadata, queue)
    models.GetModelStatus = _call(store.status, queue)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(prediction, server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(models, server)
    host = f"[{options.host}]" if ":" in options.host else options.host
    return server, server.add_insecure_port(f"{host}:{options.grpc_port}")


def _call(function: Callable[[Any], Any], queue: RequestQueue) -> Callable[..., Awaitable[Any]]:
    async def call(request: Any, context: grpc.aio.ServicerContext) -> Any:
        try:
            return await queue.run(lambda: function(request))
        except ServingError as error:
            await context.abort(_STATUS[error.code], error.message)

    return call


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
