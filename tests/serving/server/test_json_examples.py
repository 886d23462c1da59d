"""Objects of JSON as tf.train.Examples."""

from typing import Any

import pytest

from supportnet.serving.server.codes import ServingError
from supportnet.serving.server.json_examples import example_of


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
