"""gRPC: TensorFlow Serving's PredictionService and ModelService."""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from supportnet.serving.server.codes import Code, ServingError
from supportnet.serving.server.service import RequestQueue, Service

#: The canonical codes, as grpcio names them.
_STATUS = {Code(status.value[0]): status for status in grpc.StatusCode}


def build_grpc_server(
    service: Service, queue: RequestQueue, max_bytes: int, address: str
) -> tuple[grpc.aio.Server, int]:
    """Build the server, bind it to an address, and return it with its port.

    Args:
        service: the calls.
        queue: runs them.
        max_bytes: maximum size of a request; grpcio answers larger ones with RESOURCE_EXHAUSTED.
        address: `host:port`; port 0 picks a free one.
    """
    options = [("grpc.max_receive_message_length", max_bytes), ("grpc.max_send_message_length", -1)]
    # Two servers on one port would share its requests.
    server = grpc.aio.server(options=[*options, ("grpc.so_reuseport", 0)])
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(_Prediction(service, queue), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(_Models(service, queue), server)
    return server, server.add_insecure_port(address)


class _Prediction(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, service: Service, queue: RequestQueue) -> None:
        self.Predict = _call(service.predict, queue)
        self.Classify = _call(service.classify, queue)
        self.Regress = _call(service.regress, queue)
        self.GetModelMetadata = _call(service.metadata, queue)


class _Models(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, service: Service, queue: RequestQueue) -> None:
        self.GetModelStatus = _call(service.status, queue)


def _call(
    function: Callable[[Any], Any], queue: RequestQueue
) -> Callable[[Any, grpc.aio.ServicerContext], Awaitable[Any]]:
    async def call(request: Any, context: grpc.aio.ServicerContext) -> Any:
        try:
            return await queue.run(lambda: function(request))
        except ServingError as error:
            await context.abort(_STATUS[error.code], error.message)

    return call
