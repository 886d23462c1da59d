"""What a client may rely on, held against the stand-in, and against TensorFlow Serving where there is one.

    python tests/serving/toy_model.py "$PWD/toy_models/toy"
    docker run --rm -p 8500:8500 -p 8501:8501 -v "$PWD/toy_models:/models" \
        -v "$PWD/tests/serving/toy.config:/toy.config" tensorflow/serving:2.21.0 \
        --model_config_file=/toy.config --allow_version_labels_for_unavailable_models
    export SUPPORTNET_TFSERVING_URL=http://localhost:8501 SUPPORTNET_TFSERVING_GRPC=localhost:8500
    pytest tests/serving/server/test_contract.py

Where messages are compared, it is by what both say.
"""

import base64
import json
import math
import os
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import grpc
import numpy as np
import pytest
import tensorflow as tf
from served import Served
from tensorflow_serving.apis.classification_pb2 import ClassificationRequest
from tensorflow_serving.apis.get_model_metadata_pb2 import GetModelMetadataRequest, SignatureDefMap
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest, ModelVersionStatus
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceStub
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub
from tensorflow_serving.apis.regression_pb2 import RegressionRequest
from toy_model import INTENTS

REAL = os.environ.get("SUPPORTNET_TFSERVING_URL")


@pytest.fixture(params=["stand-in", *(["TensorFlow Serving"] if REAL else [])])
def target(request: pytest.FixtureRequest) -> Served:
    if request.param == "stand-in":
        return request.getfixturevalue("toy_server")
    return Served(str(REAL), os.environ.get("SUPPORTNET_TFSERVING_GRPC", "localhost:8500"), "toy")


@pytest.fixture
def channel(target: Served) -> Any:
    with grpc.insecure_channel(target.grpc) as channel:
        yield channel


# REST


def test_rows_of_one_input_are_values(target: Served) -> None:
    status, reply = target.predict({"instances": ["where is my parcel", "?"]})
    assert status == 200
    assert reply["predictions"][1] == {
        "intents": INTENTS,
        "intent_scores": [0.5, 0.333333343, 0.166666672],
        "in_scope": False,
        "in_scope_score": 0.0,
        "route": False,
        "version": 2,
    }
    assert reply["predictions"][0]["route"] is True


@pytest.mark.parametrize("row", [{"text": "a1"}, {"text": {"b64": "YTE="}}, {"b64": "YTE="}])
def test_rows_may_be_named_and_encoded(target: Served, row: Any) -> None:
    assert target.predict({"signature_name": "redact", "instances": [row]}) == (200, {"predictions": ["a{number}"]})


@pytest.mark.parametrize("inputs", [["a1", "b"], {"text": ["a1", "b"]}])
def test_columns(target: Served, inputs: Any) -> None:
    assert target.predict({"signature_name": "redact", "inputs": inputs}) == (200, {"outputs": ["a{number}", "b"]})


def test_several_inputs(target: Served) -> None:
    rows = [{"text": "a", "temperature": 1, "seed": 7}, {"text": "b", "temperature": 0.5, "seed": -1}]
    status, reply = target.predict({"signature_name": "reply_sample", "instances": rows})
    assert (status, reply["predictions"][1]) == (200, {"reply": "b", "reply_score": 0.5, "seed": -1})
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    status, reply = target.predict({"signature_name": "reply_sample", "inputs": columns})
    assert (status, reply["outputs"]["reply_score"]) == (200, [1.0, 0.5])


def test_no_rows_in_columns_are_no_rows(target: Served) -> None:
    assert target.predict({"signature_name": "redact", "inputs": []}) == (200, {"outputs": []})


def test_numbers_and_bytes(target: Served) -> None:
    invalid_utf8 = base64.b64encode(b"\xff\x00").decode()
    status, reply = target.predict({"signature_name": "numbers", "instances": [{"b64": invalid_utf8}]})
    (row,) = reply["predictions"]
    assert status == 200
    assert row["floats"][:5] == [0.1, 0.333333343, 2.0, 9e6, 3e-5]
    assert math.isnan(row["floats"][5])
    assert row["floats"][6:] == [math.inf, -math.inf]
    assert row["long"] == [2**53 + 1]
    assert row["raw_bytes"] == {"b64": invalid_utf8}


@pytest.mark.parametrize("body", [b'{"instances": ["\xff"]}', b'{"instances": [{"b64": "/w=="}]}'])
def test_what_is_not_utf8_is_answered(target: Served, body: bytes) -> None:
    assert target.predict(body)[0] == 200


def test_10_megabytes_are_answered(target: Served) -> None:
    status, reply = target.predict({"instances": ["a" * 10_000_000]})
    assert (status, reply["predictions"][0]["in_scope_score"]) == (200, 1e6)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "JSON Parse error: The document is empty"),
        (b'{"instances": [', "JSON Parse error: "),
        (b'{"instances": ["a"]} x', "JSON Parse error: "),
        (b'{"instances": ["\\ud800"]}', "JSON Parse error: "),
        (b'["a"]', "Is not object"),
        ({}, "Missing 'inputs' or 'instances' key"),
        ({"instance": ["a"]}, "Missing 'inputs' or 'instances' key"),
        ({"instances": ["a"], "inputs": ["a"]}, "expecting only one of 'inputs' or 'instances' keys"),
        ({"instances": "a"}, "Excepting 'instances' to be an list/array"),
        ({"instances": []}, "No values in 'instances' array"),
        ({"instances": [1]}, "JSON Value: 1 Type: Number is not of expected type: string"),
        ({"instances": [None]}, "Type: Null is not of expected type: string"),
        ({"instances": ["a", {"text": "b"}]}, "Expecting value/list but got object at item 1 of input list"),
        ({"instances": [{"text": "b"}, "a"]}, "Expecting object but got list at item 1 of input list"),
        ({"instances": ["a", ["b"]]}, "Failed to process element: 1 of 'instances' list."),
        ({"instances": [{"txt": "a"}]}, "Failed to process element: 0"),
        ({"instances": [{"b64": "?"}]}, "Unable to base64 decode"),
        ({"inputs": {"txt": ["a"]}}, "Missing named input: text in 'inputs' object."),
        ({"inputs": ["a", ["b"]]}, "Encountered list at unexpected level: 1 expected < 1"),
        ({"signature_name": 1, "instances": ["a"]}, "'signature_name' key must be a string value."),
        (
            {"signature_name": "x", "instances": ["a"]},
            'Serving signature name: "x" not found in signature def',
        ),
        ({"signature_name": "reply_sample", "instances": ["a"]}, "instances is a plain list, but expecting list of"),
        (
            {"signature_name": "slow", "instances": [{"text": "a", "steps": 0.5}]},
            "JSON Value: 0.5 Type: Number is not of expected type: int32",
        ),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_a_wrong_request_is_400_and_says_why(target: Served, body: Any, message: str) -> None:
    status, reply = target.predict(body)
    assert status == 400
    assert list(reply) == ["error"]
    assert message in reply["error"]


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("x:predict", 404, "Servable not found for request: Latest(x)"),
        ("toy/versions/9:predict", 404, "Servable not found for request: Specific(toy, 9)"),
        (
            "toy/versions/99999999999999999999:predict",
            400,
            "Failed to convert version: 99999999999999999999 to numeric.",
        ),
        ("toy/labels/x:predict", 400, "Unrecognized servable version label: x"),
        ("toy:explain", 400, "Malformed request: POST /v1/models/toy:explain"),
        ("toy/versions/one:predict", 400, "Malformed request: POST /v1/models/toy/versions/one:predict"),
        ("toy", 400, "Malformed request: POST /v1/models/toy"),
    ],
)
def test_a_wrong_path(target: Served, path: str, status: int, message: str) -> None:
    assert target.post(path, {"instances": ["a"]}) == (status, {"error": message})


@pytest.mark.parametrize(
    ("path", "version"), [("toy", 2), ("toy/versions/1", 1), ("toy/labels/stable", 1), ("toy/labels/canary", 2)]
)
def test_versions_and_labels(target: Served, path: str, version: int) -> None:
    status, reply = target.post(f"{path}:predict", {"instances": ["a"]})
    assert (status, reply["predictions"][0]["version"]) == (200, version)


def test_status(target: Served) -> None:
    good = {"state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    assert target.get("toy") == (200, {"model_version_status": [{"version": "2", **good}, {"version": "1", **good}]})
    assert target.get("toy/versions/1") == (200, {"model_version_status": [{"version": "1", **good}]})
    assert target.get("x") == (404, {"error": "Could not find any versions of model x"})
    assert target.get("toy/versions/9") == (404, {"error": "Could not find version 9 of model toy"})


def test_metadata(target: Served) -> None:
    status, reply = target.get("toy/versions/1/metadata")
    assert (status, reply["model_spec"]) == (200, {"name": "toy", "signature_name": "", "version": "1"})
    signature = reply["metadata"]["signature_def"]["signature_def"]["redact"]
    assert signature["inputs"]["text"]["dtype"] == "DT_STRING"
    assert signature["inputs"]["text"]["tensor_shape"]["dim"] == [{"size": "-1", "name": ""}]
    assert list(signature["outputs"]) == ["redacted"]


def test_classify_and_regress(target: Served) -> None:
    examples = [{"text": "hello"}, {"text": ["bye"]}]
    status, reply = target.post("toy:classify", {"signature_name": "classify_examples", "examples": examples})
    assert status == 200
    assert reply == {"results": [[["hello!", 0.5], ["refund", 0.333333343]], [["bye!", 0.5], ["refund", 0.333333343]]]}
    asked = {"signature_name": "regress", "context": {"text": "hello"}, "examples": [{}]}
    assert target.post("toy:regress", asked) == (200, {"results": [5.0]})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"examples": [{"text": "a"}]}, "Expected one or two output Tensors, found 6"),
        ({"signature_name": "x", "examples": [{"text": "a"}]}, "No signature was found with the name: x"),
        ({"signature_name": "classify_examples"}, "key 'examples' is expected and was not found"),
        ({"examples": {}}, "Expecting 'examples' value to be an list/array"),
        ({"examples": []}, "'examples' value is an empty array"),
        ({"examples": ["a"]}, "Example must be JSON object but got JSON String"),
        ({"examples": [{"text": None}]}, "Feature: text has element with unexpected JSON type: Null"),
        ({"examples": [{"text": ["a", 1]}]}, "Unexpected element type in feature: text"),
    ],
)
def test_a_wrong_classify_request(target: Served, body: Any, message: str) -> None:
    status, reply = target.post("toy:classify", body)
    assert (status, list(reply)) == (400, ["error"])
    assert message in reply["error"]


# gRPC


def predict_request(texts: Any = ("a",), **spec: Any) -> PredictRequest:
    version = spec.pop("version", None)
    request = PredictRequest(model_spec=ModelSpec(name="toy", **spec))
    if version:
        request.model_spec.version.value = version
    request.inputs["text"].CopyFrom(tf.make_tensor_proto(list(texts)))
    return request


def failure(call: Any, request: Any) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=30)
    return caught.value.code().name, caught.value.details()


def test_grpc_predict(channel: Any) -> None:
    response = PredictionServiceStub(channel).Predict(
        predict_request(["a", "?"], signature_name="classify"), timeout=30
    )
    assert (response.model_spec.version.value, response.model_spec.signature_name) == (2, "classify")
    assert tf.make_ndarray(response.outputs["intents"]).tolist()[1] == [name.encode() for name in INTENTS]
    assert tf.make_ndarray(response.outputs["in_scope"]).tolist() == [True, False]
    np.testing.assert_allclose(response.outputs["intent_scores"].float_val, [0.5, 1 / 3, 1 / 6] * 2, rtol=1e-6)


def test_grpc_output_filter_and_version(channel: Any) -> None:
    request = predict_request(version=1)
    request.output_filter.append("version")
    response = PredictionServiceStub(channel).Predict(request, timeout=30)
    assert list(response.outputs) == ["version"]
    assert list(response.outputs["version"].int_val) == [1]


def test_grpc_predict_errors(channel: Any) -> None:
    predict = PredictionServiceStub(channel).Predict
    missing = PredictRequest(model_spec=ModelSpec(name="x"))
    assert failure(predict, missing) == ("NOT_FOUND", "Servable not found for request: Latest(x)")
    assert failure(predict, predict_request(version=9)) == (
        "NOT_FOUND",
        "Servable not found for request: Specific(toy, 9)",
    )
    assert failure(predict, predict_request(version_label="x")) == (
        "INVALID_ARGUMENT",
        "Unrecognized servable version label: x",
    )
    for name in ("x", "__saved_model_init_op"):
        assert failure(predict, predict_request(signature_name=name))[0] in ("FAILED_PRECONDITION", "INVALID_ARGUMENT")


@pytest.mark.parametrize("change", ["type", "name", "more", "filter", "shape"])
def test_grpc_wrong_inputs(channel: Any, change: str) -> None:
    request = predict_request()
    if change in ("name", "more"):
        request.inputs["txt"].CopyFrom(request.inputs["text"])
    if change == "name":
        del request.inputs["text"]
    elif change == "type":
        request.inputs["text"].CopyFrom(tf.make_tensor_proto([1]))
    elif change == "filter":
        request.output_filter.append("x")
    elif change == "shape":
        request.inputs["text"].tensor_shape.dim[0].size = -2
    code, message = failure(PredictionServiceStub(channel).Predict, request)
    assert code == "INVALID_ARGUMENT"
    said = {
        "type": "to be string but int32 is provided",
        "name": "input tensor alias not found in signature: txt. Inputs expected to be in the set {text}.",
        "more": "input size does not match signature: 2!=1",
        "filter": "output tensor alias not found in signature: x",
        "shape": "",
    }
    assert said[change] in message


def test_grpc_classify_and_regress(channel: Any) -> None:
    stub = PredictionServiceStub(channel)
    request = ClassificationRequest(model_spec=ModelSpec(name="toy", signature_name="classify_examples"))
    assert failure(stub.Classify, request) == ("INVALID_ARGUMENT", "Input is empty.")
    example = request.input.example_list.examples.add()
    example.features.feature["text"].bytes_list.value.append(b"hello")
    (row,) = stub.Classify(request, timeout=30).result.classifications
    assert [(label.label, round(label.score, 3)) for label in row.classes] == [("hello!", 0.5), ("refund", 0.333)]
    regression = RegressionRequest(model_spec=ModelSpec(name="toy", signature_name="regress"), input=request.input)
    assert [row.value for row in stub.Regress(regression, timeout=30).result.regressions] == [5.0]


def test_grpc_status_and_metadata(channel: Any) -> None:
    status = ModelServiceStub(channel).GetModelStatus
    found = status(GetModelStatusRequest(model_spec=ModelSpec(name="toy")), timeout=30).model_version_status
    assert {entry.version: entry.state for entry in found} == dict.fromkeys((1, 2), ModelVersionStatus.AVAILABLE)
    asked = GetModelStatusRequest(model_spec=ModelSpec(name="x"))
    assert failure(status, asked) == ("NOT_FOUND", "Could not find any versions of model x")
    assert failure(status, GetModelStatusRequest()) == ("INVALID_ARGUMENT", "Missing ModelSpec")
    metadata = PredictionServiceStub(channel).GetModelMetadata
    request = GetModelMetadataRequest(model_spec=ModelSpec(name="toy"), metadata_field=["signature_def"])
    signatures = SignatureDefMap()
    metadata(request, timeout=30).metadata["signature_def"].Unpack(signatures)
    assert "redact" in signatures.signature_def
    assert failure(metadata, GetModelMetadataRequest(model_spec=ModelSpec(name="toy")))[0] == "INVALID_ARGUMENT"


# Clients that don't behave


def connected(target: Served) -> socket.socket:
    parts = urlsplit(target.rest)
    return socket.create_connection((parts.hostname, parts.port), timeout=30)


def test_slow_and_dropped_clients_keep_nobody_waiting(target: Served) -> None:
    begun = b"POST /v1/models/toy:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"
    slow = [connected(target) for _ in range(20)]
    for number, client in enumerate(slow):
        client.sendall(begun if number % 2 else begun[:30])
    for client in slow[::4]:
        client.close()
    started = time.monotonic()
    assert target.predict({"instances": ["a"]})[0] == 200
    assert time.monotonic() - started < 10
    for client in slow:
        client.close()
    assert target.predict({"instances": ["a"]})[0] == 200


def test_a_client_that_leaves_before_the_answer_harms_nobody(target: Served) -> None:
    row = {"text": "a", "steps": 50}
    body = json.dumps({"signature_name": "slow", "instances": [row]}).encode()
    for _ in range(5):
        with connected(target) as client:
            head = f"POST /v1/models/toy:predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            client.sendall(head.encode() + body)
    assert target.predict({"instances": ["a"]})[0] == 200
