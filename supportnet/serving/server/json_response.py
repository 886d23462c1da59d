"""REST responses: arrays and results to JSON, with numbers formatted as in TensorFlow Serving's json_tensor.cc."""

import base64
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from tensorflow_serving.apis.classification_pb2 import ClassificationResult
from tensorflow_serving.apis.regression_pb2 import RegressionResult

from supportnet.serving.server.codes import Code, ServingError, invalid

Outputs = Mapping[str, npt.NDArray[Any]]


def predictions(outputs: Outputs, rows: bool) -> bytes:
    """Return the response to a predict request: `predictions` by row, or `outputs` by name.

    Raises:
        ServingError: if `rows`, and the outputs have different batch sizes or none.
    """
    if not rows:
        return _object("outputs", _named({name: _written(value, name) for name, value in outputs.items()}))
    for name, value in outputs.items():
        if not value.ndim:
            raise invalid(f"Tensor name: {name} has no shape information ")
    sizes = {len(value) for value in outputs.values()}
    if len(sizes) > 1:
        raise invalid(f"Tensors have inconsistent batch sizes: {sorted(sizes)}")
    columns = {name: [_written(row, name) for row in value] for name, value in outputs.items()}
    listed = [_named({name: columns[name][row] for name in columns}) for row in range(sizes.pop())]
    return _object("predictions", _list(listed))


def classifications(result: ClassificationResult) -> bytes:
    """Return the response to a classify request: for each example, a list of pairs of label and score."""
    rows = [
        _list([_list([_string(label.label), decimal(np.float32(label.score))]) for label in row.classes])
        for row in result.classifications
    ]
    return _object("results", _list(rows))


def regressions(result: RegressionResult) -> bytes:
    """Return the response to a regress request: one number per example."""
    return _object("results", _list([decimal(np.float32(row.value)) for row in result.regressions]))


def error_response(error: ServingError) -> bytes:
    """Return the response to a failed request."""
    return json.dumps({"error": error.message}).encode()


def decimal(value: Any) -> str:
    """Format a floating-point number: with six digits if they identify it, else with as many as it takes.

    Example:
        >>> decimal(np.float32(0.1)), decimal(np.float32(1 / 3)), decimal(np.float32(2)), decimal(np.float32("nan"))
        ('0.1', '0.333333343', '2.0', 'NaN')
    """
    number = float(value)
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    text = f"{number:.6g}"
    if type(value)(text) != value:
        text = f"{number:.{17 if value.dtype.itemsize == 8 else 9}g}"
    return text if "." in text or "e" in text else f"{text}.0"


def _written(value: Any, name: str) -> str:
    """Format an array or one of its values."""
    if isinstance(value, np.ndarray) and value.ndim:
        return _list([_written(element, name) for element in value])
    value = value[()] if isinstance(value, np.ndarray) else value
    if isinstance(value, bytes):
        return _bytes(value) if name.endswith("_bytes") else _string(value.decode("utf-8", "surrogateescape"))
    if value.dtype.kind == "f":
        return decimal(value)
    if value.dtype.kind in "iub":
        return json.dumps(value.item())
    raise ServingError(Code.INVALID_ARGUMENT, f"Failed to write JSON value for tensor type: {value.dtype.name}")


def _bytes(value: bytes) -> str:
    return '{"b64": "' + base64.b64encode(value).decode() + '"}'


def _string(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _named(values: Mapping[str, str]) -> str:
    """Return a single output as it is, several as an object."""
    if len(values) == 1:
        return next(iter(values.values()))
    return "{" + ", ".join(f"{_string(name)}: {value}" for name, value in values.items()) + "}"


def _list(values: list[str]) -> str:
    return "[" + ", ".join(values) + "]"


def _object(key: str, value: str) -> bytes:
    # Bytes that aren't UTF-8 pass through unchanged.
    return f'{{"{key}": {value}}}'.encode("utf-8", "surrogateescape")
