"""Objects of JSON as tf.train.Examples: a feature a key, for the Classify and Regress APIs."""

from typing import Any

import numpy as np
from tensorflow.core.example.example_pb2 import Example
from tensorflow.core.example.feature_pb2 import Feature

from supportnet.serving.server.codes import invalid
from supportnet.serving.server.json_values import bytes_of, is_base64, is_exact, kind_of, shown


def example_of(value: Any) -> Example:
    """Return an object as an example; a feature is a value or a list of values of one kind.

    Raises:
        ServingError: it is no object, or a feature holds what an example can't.

    Example:
        >>> example_of({"text": "where is my parcel?"}).features.feature["text"].bytes_list.value
        [b'where is my parcel?']
    """
    if not isinstance(value, dict):
        raise invalid(f"Example must be JSON object but got JSON {kind_of(value)}")
    example = Example()
    for name, content in value.items():
        key = bytes_of(name).decode("utf-8", "replace")
        feature = example.features.feature[key]
        feature.SetInParent()
        for element in content if isinstance(content, list) else [content]:
            _add(element, key, feature)
    return example


def _add(value: Any, name: str, feature: Feature) -> None:
    if value is None or isinstance(value, list) or (isinstance(value, dict) and not is_base64(value)):
        raise invalid(f"Feature: {name} has element with unexpected JSON type: {kind_of(value)}")
    kind = {str: "bytes_list", dict: "bytes_list", float: "float_list"}.get(type(value), "int64_list")
    if feature.WhichOneof("kind") not in (None, kind):
        raise invalid(f"Unexpected element type in feature: {name} expecting type: {feature.WhichOneof('kind')[:-5]}")
    getattr(feature, kind).value.append(_checked(value, name))


def _checked(value: Any, name: str) -> Any:
    if isinstance(value, str | dict):
        return bytes_of(value)
    if isinstance(value, float) and not is_exact(value, np.float32):
        raise invalid(f"Cannot convert JSON value: {shown(value)} to float without loss of precision.")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise invalid(f"Feature: {name} has uint64 element. Only int64 is supported.")
    return int(value) if isinstance(value, bool) else value
