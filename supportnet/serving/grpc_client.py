"""Requests over gRPC. TensorFlow Serving's messages contain TensorFlow's and can't be imported without it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import grpc
import tensorflow as tf
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest, ModelVersionStatus
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceStub
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from supportnet.serving.client import RequestError
from supportnet.serving.server.codes import Code

#: gRPC's maximum number of attempts.
MOST_ATTEMPTS = 5


class GrpcClient:
    """gRPC requests to one version of a model; see `Client` for the arguments."""

    def __init__(
        self, url: str, model: str, version: int | None, label: str | None, timeout: float, retries: int, backoff: float
    ) -> None:
        scheme, _, address = url.partition("://")
        options = [("grpc.max_receive_message_length", -1), *_retrying(retries, backoff)]
        if scheme == "grpcs":
            self._channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(), options)
        else:
            self._channel = grpc.insecure_channel(address, options)
        self._prediction, self._models = PredictionServiceStub(self._channel), ModelServiceStub(self._channel)
        number = None if version is None else {"value": version}
        self._spec = ModelSpec(name=model, version_label=label or None, version=number)
        self._timeout = timeout

    def predict(self, signature: str, inputs: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
        """Run a signature and return its outputs by name, a value or a list for each row."""
        protos = {name: tf.make_tensor_proto(_values(values)) for name, values in inputs.items()}
        request = PredictRequest(model_spec=self._spec, inputs=protos)
        request.model_spec.signature_name = signature
        outputs = self._ask(self._prediction.Predict, request).outputs
        return {name: _text(tf.make_ndarray(proto).tolist()) for name, proto in outputs.items()}

    def states(self) -> dict[int, str]:
        """Return the state of each version."""
        response = self._ask(self._models.GetModelStatus, GetModelStatusRequest(model_spec=self._spec))
        names = ModelVersionStatus.State.Name
        return {status.version: names(status.state) for status in response.model_version_status}

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def _ask(self, call: Any, request: Any) -> Any:
        try:
            return call(request, timeout=self._timeout)
        except grpc.RpcError as error:
            raise RequestError(Code(error.code().value[0]).http_status, error.details()) from None


def _retrying(retries: int, backoff: float) -> list[tuple[str, Any]]:
    """Return gRPC's retry policy: for the codes that are 503 and 429 in REST."""
    if not retries:
        return [("grpc.enable_retries", 0)]
    times = {"initialBackoff": f"{backoff}s", "maxBackoff": f"{backoff * 2**retries}s", "backoffMultiplier": 2}
    codes = ["UNAVAILABLE", "RESOURCE_EXHAUSTED"]
    policy = {"maxAttempts": min(retries + 1, MOST_ATTEMPTS), "retryableStatusCodes": codes, **times}
    return [("grpc.service_config", json.dumps({"methodConfig": [{"name": [{}], "retryPolicy": policy}]}))]


def _values(values: Sequence[Any]) -> Any:
    """Return values as an array with the dtype that signatures take."""
    kinds = {type(value) for value in values}
    dtype = tf.float32 if float in kinds else tf.int32 if int in kinds else tf.string
    return tf.constant(values, dtype).numpy()


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return [_text(element) for element in value]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
