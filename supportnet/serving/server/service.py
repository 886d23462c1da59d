"""TensorFlow Serving's REST and gRPC calls without their protocols, and the queue that runs them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from tensorflow_serving.apis.classification_pb2 import ClassificationRequest, ClassificationResponse
from tensorflow_serving.apis.get_model_metadata_pb2 import (
    GetModelMetadataRequest,
    GetModelMetadataResponse,
    SignatureDefMap,
)
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest, GetModelStatusResponse
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.apis.predict_pb2 import PredictRequest, PredictResponse
from tensorflow_serving.apis.regression_pb2 import RegressionRequest, RegressionResponse

from supportnet.serving.server import inference, json_request, json_response
from supportnet.serving.server.codes import Code, ServingError, invalid
from supportnet.serving.server.inference import DEFAULT_SIGNATURE
from supportnet.serving.server.model import LoadedModel, arrays_of, protos_of
from supportnet.serving.server.store import Store


class Service:
    """The calls, on messages of TensorFlow Serving and on bodies of JSON.

    Each raises a `ServingError` with the code that TensorFlow Serving gives.

    Args:
        store: the models.
        max_batch_size: maximum number of rows of a request.
    """

    def __init__(self, store: Store, max_batch_size: int) -> None:
        self.store = store
        self._max_batch_size = max_batch_size

    def predict(self, request: PredictRequest) -> PredictResponse:
        """PredictionService.Predict."""
        model, signature = self._asked(request.model_spec)
        inputs, wanted = arrays_of(request.inputs), list(request.output_filter)
        outputs = inference.predict(model, signature, inputs, self._max_batch_size, wanted)
        return PredictResponse(model_spec=_answered_by(model, signature), outputs=protos_of(outputs))

    def predict_json(self, spec: ModelSpec, body: bytes) -> bytes:
        """`:predict`."""
        request = json_request.parsed(body)
        signature = json_request.signature_of(request, DEFAULT_SIGNATURE)
        model = self.store.get(spec)
        if signature not in model.signatures:
            raise invalid(f'Serving signature name: "{signature}" not found in signature def')
        infos = model.signatures[signature].inputs
        if not infos:
            raise invalid(f"Failed to get input map for signature: {signature}")
        inputs, rows = json_request.inputs_of(request, infos)
        outputs = inference.predict(model, signature, inputs, self._max_batch_size)
        return json_response.predictions(outputs, rows)

    def classify(self, request: ClassificationRequest) -> ClassificationResponse:
        """PredictionService.Classify."""
        model, signature = self._asked(request.model_spec)
        result = inference.classify(model, signature, request.input, self._max_batch_size)
        return ClassificationResponse(model_spec=_answered_by(model, signature), result=result)

    def classify_json(self, spec: ModelSpec, body: bytes) -> bytes:
        """`:classify`."""
        return json_response.classifications(self.classify(_of_examples(ClassificationRequest, spec, body)).result)

    def regress(self, request: RegressionRequest) -> RegressionResponse:
        """PredictionService.Regress."""
        model, signature = self._asked(request.model_spec)
        result = inference.regress(model, signature, request.input, self._max_batch_size)
        return RegressionResponse(model_spec=_answered_by(model, signature), result=result)

    def regress_json(self, spec: ModelSpec, body: bytes) -> bytes:
        """`:regress`."""
        return json_response.regressions(self.regress(_of_examples(RegressionRequest, spec, body)).result)

    def metadata(self, request: GetModelMetadataRequest) -> GetModelMetadataResponse:
        """PredictionService.GetModelMetadata: the signatures of a version."""
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        if not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != "signature_def":
                raise invalid(f"Metadata field {field} is not supported")
        model = self.store.get(request.model_spec)
        response = GetModelMetadataResponse(model_spec=_answered_by(model, ""))
        response.metadata["signature_def"].Pack(SignatureDefMap(signature_def=model.signatures))
        return response

    def status(self, request: GetModelStatusRequest) -> GetModelStatusResponse:
        """ModelService.GetModelStatus."""
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        return self.store.status(request.model_spec)

    def _asked(self, spec: ModelSpec) -> tuple[LoadedModel, str]:
        return self.store.get(spec), spec.signature_name or DEFAULT_SIGNATURE


def _of_examples(kind: Any, spec: ModelSpec, body: bytes) -> Any:
    request = json_request.parsed(body)
    asked = kind(model_spec=spec, input=json_request.examples_of(request))
    asked.model_spec.signature_name = json_request.signature_of(request, "")
    return asked


def _answered_by(model: LoadedModel, signature: str) -> ModelSpec:
    spec = ModelSpec(name=model.name, signature_name=signature)
    spec.version.value = model.version
    return spec


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
