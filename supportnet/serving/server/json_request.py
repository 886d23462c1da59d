"""Parse REST requests: JSON to inputs and examples, checked as in TensorFlow Serving's json_tensor.cc."""

import json
from collections.abc import Mapping
from typing import Any

import numpy.typing as npt
from tensorflow_serving.apis.input_pb2 import Input

from supportnet.serving.server.codes import ServingError, invalid
from supportnet.serving.server.json_values import array_of, example_of, is_base64, leaves_of, shape_of, shown

Inputs = dict[str, npt.NDArray[Any]]


def parsed(body: bytes) -> dict[str, Any]:
    """Return a request's JSON object; bytes that aren't UTF-8 become lone surrogates (`surrogateescape`).

    Raises:
        ServingError: if the body is empty, not JSON, or not an object.
    """
    if not body:
        raise invalid("JSON Parse error: The document is empty")
    try:
        value = json.loads(body.decode("utf-8-sig", "surrogateescape"))
    except json.JSONDecodeError as error:
        raise invalid(f"JSON Parse error: {error.msg} at offset: {error.pos}") from None
    # Nested too deeply, or a number with too many digits.
    except (RecursionError, ValueError) as error:
        raise invalid(f"JSON Parse error: {error}") from None
    if not isinstance(value, dict):
        raise invalid(f"JSON Value: {shown(value)} Is not object")
    return value


def signature_of(request: Mapping[str, Any], default: str) -> str:
    """Return the signature name of a request."""
    name = request.get("signature_name", "")
    if not isinstance(name, str):
        form = "not formatted correctly. 'signature_name' key must be a string value."
        raise invalid(f"JSON Value: {shown(request)} {form}")
    return name or default


def inputs_of(request: Mapping[str, Any], infos: Mapping[str, Any]) -> tuple[Inputs, bool]:
    """Return a predict request's inputs, and whether they are rows (`instances`).

    Args:
        request: the JSON object.
        infos: the signature's inputs, name -> TensorInfo.

    Raises:
        ServingError: if they don't match the signature.
    """
    if "instances" in request and "inputs" in request:
        one = "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "
        raise invalid(f"JSON Value: {shown(request)} {one}")
    if "instances" in request:
        return _from_rows(_listed(request), infos), True
    if "inputs" in request:
        return _from_columns(request["inputs"], infos), False
    raise invalid("Missing 'inputs' or 'instances' key")


def examples_of(request: Mapping[str, Any]) -> Input:
    """Return a classify or regress request's examples.

    Raises:
        ServingError: if they aren't a list of objects, or a value doesn't fit a tf.train.Example.
    """
    if "examples" not in request:
        expected = "When method is classify, key 'examples' is expected and was not found"
        raise invalid(f"JSON Value: {shown(request)} {expected}")
    if not isinstance(request["examples"], list):
        raise invalid(f"JSON Value: {shown(request)} Expecting 'examples' value to be an list/array")
    if not request["examples"]:
        raise invalid(f"JSON Value: {shown(request)} 'examples' value is an empty array")
    asked, listed = Input(), [example_of(value) for value in request["examples"]]
    if "context" in request:
        asked.example_list_with_context.context.CopyFrom(example_of(request["context"]))
        asked.example_list_with_context.examples.extend(listed)
    else:
        asked.example_list.examples.extend(listed)
    return asked


def _listed(request: Mapping[str, Any]) -> list[Any]:
    rows = request["instances"]
    if not isinstance(rows, list):
        raise invalid(f"JSON Value: {shown(request)} Excepting 'instances' to be an list/array")
    if not rows:
        raise invalid(f"JSON Value: {shown(request)} No values in 'instances' array")
    return rows


def _from_rows(rows: list[Any], infos: Mapping[str, Any]) -> Inputs:
    named = _is_object(rows[0])
    if not isinstance(rows[0], dict) and len(infos) > 1:
        raise invalid(f"instances is a plain list, but expecting list of objects {_SEVERAL}")
    for position, row in enumerate(rows):
        if _is_object(row) != named:
            expected = "object but got list" if named else "value/list but got object"
            raise invalid(f"Expecting {expected} at item {position} of input list")
        if named and set(row) != set(infos):
            keys = f"JSON object: {shown(row)} keys must be equal to: {','.join(sorted(infos))}"
            raise invalid(f"Failed to process element: {position} of 'instances' list. {keys}")
    return {name: _column([row[name] if named else row for row in rows], name, infos[name], named) for name in infos}


def _column(rows: list[Any], name: str, info: Any, named: bool) -> npt.NDArray[Any]:
    """Return one input of all rows; errors name the row."""
    leaves: list[Any] = []
    shape = shape_of(rows[0])
    for position, row in enumerate(rows):
        try:
            if shape_of(row) != shape:
                raise invalid(f"Expecting shape {_text(shape)} but got: {_text(shape_of(row))}")
            leaves.extend(leaves_of(row, shape, info.dtype))
        except ServingError as error:
            element = f"{position} key: {name}" if named else f"{position}"
            reason = f"Error: {error.code.name}: {error.message}"
            raise invalid(f"Failed to process element: {element} of 'instances' list. {reason}") from None
    return array_of(leaves, [len(rows), *shape], info.dtype)


def _from_columns(value: Any, infos: Mapping[str, Any]) -> Inputs:
    if not _is_object(value):
        if len(infos) > 1:
            raise invalid(f"inputs is a plain value/list, but expecting an object {_SEVERAL}")
        value = {next(iter(infos)): value}
    for name in infos:
        if name not in value:
            raise invalid(f"Missing named input: {name} in 'inputs' object.")
    shapes = {name: shape_of(value[name]) for name in infos}
    return {
        name: array_of(list(leaves_of(value[name], shapes[name], info.dtype)), shapes[name], info.dtype)
        for name, info in infos.items()
    }


_SEVERAL = "as multiple input tensors required as per tensorinfo_map"


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and not is_base64(value)


def _text(shape: list[int]) -> str:
    return f"[{','.join(map(str, shape))}]"
