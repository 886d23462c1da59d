"""Numbers, strings and examples in JSON, as TensorFlow Serving reads and writes them."""

import json
import math
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from supportnet.serving.server.codes import Code, ServingError
from supportnet.serving.server.rest_json import (
    array_of,
    bytes_of,
    decimal,
    example_of,
    predictions,
)


def array(value: Any, dtype: Any) -> Any:
    return array_of(value, dtype.as_datatype_enum)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (np.float32(0.1), "0.1"),
        (np.float32(1 / 3), "0.333333343"),
        (np.float32(2), "2.0"),
        (np.float32(9e6), "9e+06"),
        (np.float32(-0.0), "-0.0"),
        (np.float64(0.1), "0.1"),
        (np.float64(1 / 3), "0.33333333333333331"),
        (np.float32("nan"), "NaN"),
        (np.float32("inf"), "Infinity"),
        (np.float64("-inf"), "-Infinity"),
    ],
)
def test_decimals(number: Any, text: str) -> None:
    assert decimal(number) == text


@given(st.floats(width=32))
def test_a_decimal_is_read_as_the_same_number(value: float) -> None:
    read = np.float32(json.loads(decimal(np.float32(value))))
    assert read == np.float32(value) or (math.isnan(read) and math.isnan(value))


@given(st.binary())
def test_bytes_leave_as_they_came(value: bytes) -> None:
    body = predictions({"text": np.array([value], object)}, rows=True)
    (text,) = json.loads(body.decode("utf-8", "surrogateescape"))["predictions"]
    assert bytes_of(text) == value


@pytest.mark.parametrize(
    ("value", "dtype", "values"),
    [
        ([[1, 2], [3, 4]], tf.int64, [[1, 2], [3, 4]]),
        ([1, 0.5], tf.float32, [1.0, 0.5]),
        ([True], tf.bool, [True]),
        (7, tf.uint8, 7),
        ([], tf.string, []),
        (["é", {"b64": "YQ"}, {"b64": "YQ=="}], tf.string, ["é".encode(), b"a", b"a"]),
    ],
)
def test_values(value: Any, dtype: Any, values: Any) -> None:
    made = array(value, dtype)
    assert made.dtype == dtype.as_numpy_dtype
    assert made.tolist() == values


@pytest.mark.parametrize(
    ("value", "dtype", "message"),
    [
        ([True], tf.int32, "JSON Value: true Type: True is not of expected type: int32"),
        ([2**31], tf.int32, "is not of expected type: int32"),
        ([-1], tf.uint8, "is not of expected type: uint8"),
        ([1.0], tf.int64, "Type: Number is not of expected type: int64"),
        (["1"], tf.float32, 'JSON Value: "1" Type: String is not of expected type: float'),
        ([{"b64": "YQ"}], tf.float32, "Type: Object is not of expected type: float"),
        ([2**24 + 1], tf.float32, "Cannot convert JSON value: 16777217 to float without loss of precision."),
        ([1e39], tf.float32, "to float without loss of precision."),
        ([2**53 + 1], tf.float64, "to double without loss of precision."),
        ([{"b64": "a", "c": 1}], tf.string, "not formatted correctly for base64 data"),
        ([[1], [1, 2]], tf.int32, "Encountered list at unexpected size: 2 at level: 1 expected size: 1"),
        ([[1], 1], tf.int32, "JSON Value: 1 found at incorrect level: 2 in the JSON DOM. Expected at level: 2"),
        (["x" * 1000], tf.int32, f'JSON Value: "{"x" * 199}... Type: String'),
    ],
)
def test_wrong_values(value: Any, dtype: Any, message: str) -> None:
    with pytest.raises(ServingError) as caught:
        array(value, dtype)
    assert message in caught.value.message
    assert caught.value.http_status == 400


def test_types_that_json_has_no_values_for() -> None:
    with pytest.raises(ServingError) as caught:
        array([1], tf.complex64)
    assert (caught.value.code, caught.value.http_status) == (Code.UNIMPLEMENTED, 501)


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({"a": np.float32(1)}, "Tensor name: a has no shape information"),
        ({"a": np.zeros(1), "b": np.zeros(2)}, "inconsistent batch sizes: [1, 2]"),
        ({"a": np.zeros(1, np.complex64)}, "Failed to write JSON value for tensor type: complex64"),
    ],
)
def test_outputs_that_are_no_rows(outputs: Any, message: str) -> None:
    with pytest.raises(ServingError) as caught:
        predictions({name: np.asarray(value) for name, value in outputs.items()}, rows=True)
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("value", "kind", "values"),
    [
        ("é", "bytes_list", ["é".encode()]),
        ({"b64": "/w=="}, "bytes_list", [b"\xff"]),
        ([1, True], "int64_list", [1, 1]),
        ([0.5, 2.0], "float_list", [0.5, 2.0]),
        ([], None, []),
    ],
)
def test_features(value: Any, kind: str | None, values: list[Any]) -> None:
    feature = example_of({"a": value}).features.feature["a"]
    assert feature.WhichOneof("kind") == kind
    assert (list(getattr(feature, kind).value) if kind else []) == values


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("a", "Example must be JSON object but got JSON String"),
        ({"a": [["b"]]}, "Feature: a has element with unexpected JSON type: Array"),
        ({"a": {"b": 1}}, "Feature: a has element with unexpected JSON type: Object"),
        ({"a": [1, 0.5]}, "Unexpected element type in feature: a expecting type: int64"),
        ({"a": 2**63}, "Feature: a has uint64 element. Only int64 is supported."),
        ({"a": 1e39}, "to float without loss of precision."),
        ({"a": "\ud800"}, "The surrogate pair in string is invalid."),
    ],
)
def test_what_an_example_cannot_hold(value: Any, message: str) -> None:
    with pytest.raises(ServingError) as caught:
        example_of(value)
    assert message in caught.value.message
