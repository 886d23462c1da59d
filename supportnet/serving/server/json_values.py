"""JSON values as arrays and as tf.train.Examples, checked as in TensorFlow Serving's json_tensor.cc."""

import base64
import binascii
import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.core.example.example_pb2 import Example
from tensorflow.core.example.feature_pb2 import Feature

from supportnet.serving.server.codes import Code, ServingError, invalid
from supportnet.serving.server.model import type_name

_TYPES = {type(None): "Null", dict: "Object", list: "Array", str: "String", int: "Number", float: "Number"}
#: Maximum length of a value in an error message.
LONGEST_SHOWN = 200


def shape_of(value: Any) -> list[int]:
    """Return the shape of nested lists, going by the first element of each."""
    return [len(value), *shape_of(value[0])] if isinstance(value, list) and value else [0] * isinstance(value, list)


def array_of(leaves: list[Any], shape: Sequence[int], dtype: int) -> npt.NDArray[Any]:
    """Return the values from `leaves_of` as an array of the given shape; strings are `bytes`."""
    array = np.empty(len(leaves), tf.dtypes.as_dtype(dtype).as_numpy_dtype)
    array[:] = leaves
    return array.reshape(shape)


def leaves_of(value: Any, shape: Sequence[int], dtype: int, level: int = 0) -> Iterator[Any]:
    """Yield the values of nested lists, checked against a TensorFlow dtype.

    Raises:
        ServingError: if the lists don't have the shape, or a value doesn't have the type.
    """
    if not isinstance(value, list):
        if level != len(shape):
            place = f"incorrect level: {level + 1} in the JSON DOM. Expected at level: {len(shape)}"
            raise invalid(f"JSON Value: {shown(value)} found at {place}")
        yield _leaf(value, dtype)
        return
    if level >= len(shape):
        raise invalid(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        raise invalid(
            f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {shape[level]}"
        )
    for element in value:
        yield from leaves_of(element, shape, dtype, level + 1)


def is_base64(value: Any) -> bool:
    """Return whether a value is base64, `{"b64": "..."}`."""
    return isinstance(value, dict) and list(value) == ["b64"] and isinstance(value["b64"], str)


def bytes_of(value: Any) -> bytes:
    """Return the UTF-8 bytes of a string, or the decoded bytes of a `{"b64": "..."}`."""
    if not isinstance(value, str):
        return _decoded(value["b64"])
    try:
        # Bytes that weren't UTF-8 were parsed to lone surrogates, and are restored here.
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise invalid("JSON Parse error: The surrogate pair in string is invalid.") from None


def shown(value: Any) -> str:
    """Return a value for an error message, truncated."""
    text = json.dumps(value[:LONGEST_SHOWN] if isinstance(value, str) else value)
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "..."


def kind_of(value: Any) -> str:
    """Return the name of a value's JSON type, as error messages write it."""
    return str(value) if isinstance(value, bool) else _TYPES[type(value)]


def is_exact(value: float, dtype: Any) -> bool:
    """Return whether a JSON number fits a floating-point type without loss, up to rounding."""
    if isinstance(value, int):
        return abs(value) < 2 ** (np.finfo(dtype).nmant + 1)
    return not math.isfinite(value) or abs(value) <= float(np.finfo(dtype).max)


def _leaf(value: Any, dtype: int) -> Any:
    kind = tf.dtypes.as_dtype(dtype)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind == tf.string and isinstance(value, str | dict):
        if isinstance(value, dict) and not is_base64(value):
            raise invalid(f"JSON Value: {shown(value)} not formatted correctly for base64 data")
        return bytes_of(value)
    if kind in (tf.float32, tf.float64) and number:
        if not is_exact(value, kind.as_numpy_dtype):
            raise invalid(f"Cannot convert JSON value: {shown(value)} to {type_name(dtype)} without loss of precision.")
        return value
    if kind == tf.bool and isinstance(value, bool):
        return value
    if kind.is_integer and isinstance(value, int) and number and kind.min <= value <= kind.max:
        return value
    if kind not in (tf.string, tf.float32, tf.float64, tf.bool) and not kind.is_integer:
        message = f"Conversion of JSON Value: {shown(value)} to type: {type_name(dtype)}"
        raise ServingError(Code.UNIMPLEMENTED, message)
    raise invalid(f"JSON Value: {shown(value)} Type: {kind_of(value)} is not of expected type: {type_name(dtype)}")


def _decoded(text: str) -> bytes:
    """Decode base64, with or without padding."""
    text = text.rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise invalid("Unable to base64 decode") from None


def example_of(value: Any) -> Example:
    """Return a JSON object as a tf.train.Example; a feature is a value or a list of values of one kind.

    Raises:
        ServingError: if it isn't an object, or a feature has a value that an example can't hold.

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
