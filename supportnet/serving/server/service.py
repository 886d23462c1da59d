"""TensorFlow Serving's REST and gRPC calls without their protocols, the queue that runs them, and their options."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from tensorflow_serving.apis.classification_pb2 import ClassificationRequest, ClassificationResponse
from tensorflow_serving.apis.get_model_metadata_pb2 import GetModelMetadataRequest, GetModelMetadataResponse
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest, GetModelStatusResponse
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.apis.predict_pb2 import PredictRequest, PredictResponse
from tensorflow_serving.apis.regression_pb2 import RegressionRequest, RegressionResponse

from supportnet.serving.server import rest_json
from supportnet.serving.server.codes import Code, ServingError, invalid
from supportnet.serving.server.model import DEFAULT_SIGNATURE
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


class Service:
    """The calls, on messages of TensorFlow Serving and on bodies of JSON.

    Each raises a `ServingError` with the code that TensorFlow Serving gives.

    Args:
        store: the models.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    def predict(self, request: PredictRequest) -> PredictResponse:
        """PredictionService.Predict."""
        return self.store.get(request.model_spec).predict(request)

    def predict_json(self, spec: ModelSpec, body: bytes) -> bytes:
        """`:predict`."""
        request, signature = rest_json.parsed(body)
        signature = signature or DEFAULT_SIGNATURE
        model = self.store.get(spec)
        if signature not in model.signatures:
            raise invalid(f'Serving signature name: "{signature}" not found in signature def')
        infos = model.signatures[signature].inputs
        if not infos:
            raise invalid(f"Failed to get input map for signature: {signature}")
        inputs, rows = rest_json.inputs_of(request, infos)
        return rest_json.predictions(model.run(signature, inputs), rows)

    def classify(self, request: ClassificationRequest) -> ClassificationResponse:
        """PredictionService.Classify."""
        return self.store.get(request.model_spec).classify(request)

    def classify_json(self, spec: ModelSpec, body: bytes) -> bytes:
        """`:classify`: for each example, a list of pairs of label and score."""
        result = self.classify(_of_examples(ClassificationRequest, spec, body)).result
        pairs = [[[one.label, np.float32(one.score)] for one in row.classes] for row in result.classifications]
        return rest_json.response("results", pairs)

    def regress(self, request: RegressionRequest) -> RegressionResponse:
        """PredictionService.Regress."""
        return self.store.get(request.model_spec).regress(request)

    def regress_json(self, spec: ModelSpec, body: bytes) -> bytes:
        """`:regress`: one number per example."""
        result = self.regress(_of_examples(RegressionRequest, spec, body)).result
        return rest_json.response("results", [np.float32(row.value) for row in result.regressions])

    def metadata(self, request: GetModelMetadataRequest) -> GetModelMetadataResponse:
        """PredictionService.GetModelMetadata: the signatures of a version."""
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        if not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != "signature_def":
                raise invalid(f"Metadata field {field} is not supported")
        return self.store.get(request.model_spec).metadata()

    def status(self, request: GetModelStatusRequest) -> GetModelStatusResponse:
        """ModelService.GetModelStatus."""
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        return self.store.status(request.model_spec)


def _of_examples(kind: Any, spec: ModelSpec, body: bytes) -> Any:
    request, signature = rest_json.parsed(body)
    asked = kind(model_spec=spec, input=rest_json.examples_of(request))
    asked.model_spec.signature_name = signature
    return asked


Result = TypeVar("Result")


class RequestQueue:
    """Thread pool for requests with a bounded queue; the event loop awaits the results.

    Args:
        threads: number of requests that run in parallel.
        queue: number of requests that may wait.
        seconds: time limit of a request, waiting included.

    Example:
        >>> asyncio.run(RequestQueue(threads=2, queue=100, seconds=30).run(lambda: 1 + 1))
        2
    """

    def __init__(self, threads: int, queue: int, seconds: float) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="request")
        self._capacity = threads + queue
        self._taken = 0
        self._seconds = seconds

    async def run(self, function: Callable[[], Result]) -> Result:
        """Run a function in a thread. If the caller is cancelled before it starts, it never runs.

        Raises:
            ServingError: if the queue is full or the time limit is exceeded.
        """
        if self._taken >= self._capacity:
            # TensorFlow Serving's message for a full batching queue.
            message = "The batch scheduling queue to which this task was submitted is full; task size is 1"
            raise ServingError(Code.UNAVAILABLE, message)
        self._taken += 1
        running = self._executor.submit(function)
        loop = asyncio.get_running_loop()
        # It counts until it is done, even if nobody awaits it any more.
        running.add_done_callback(lambda _: loop.call_soon_threadsafe(self._done))
        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.wrap_future(running)
        except TimeoutError:
            raise ServingError(Code.DEADLINE_EXCEEDED, f"Not answered within {self._seconds:g} seconds") from None

    def close(self) -> None:
        """Wait for running requests."""
        self._executor.shutdown(cancel_futures=True)

    def _done(self) -> None:
        self._taken -= 1
