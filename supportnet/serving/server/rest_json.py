"""REST's calls of a model in JSON, checked and written as in TensorFlow Serving's json_tensor.cc.

Reading order: the calls, requests to arrays and tf.train.Examples, arrays to responses.
"""

import base64
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.core.example.example_pb2 import Example
from tensorflow.core.example.feature_pb2 import Feature
from tensorflow_serving.apis.classification_pb2 import ClassificationRequest
from tensorflow_serving.apis.input_pb2 import Input
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.apis.regression_pb2 import RegressionRequest

from supportnet.serving.server.codes import Code, ServingError, invalid
from supportnet.serving.server.model import DEFAULT_SIGNATURE, Arrays, type_name
from supportnet.serving.server.store import Store

_TYPES = {type(None): "Null", dict: "Object", list: "Array", str: "String", int: "Number", float: "Number"}
_SEVERAL = "as multiple input tensors required as per tensorinfo_map"
#: Maximum length of a value in an error message.
LONGEST_SHOWN = 200


def predict(store: Store, spec: ModelSpec, body: bytes) -> bytes:
    """Answer `:predict`."""
    request, signature = parsed(body)
    signature = signature or DEFAULT_SIGNATURE
    model = store.get(spec)
    if signature not in model.signatures:
        raise invalid(f'Serving signature name: "{signature}" not found in signature def')
    infos = model.signatures[signature].inputs
    if not infos:
        raise invalid(f"Failed to get input map for signature: {signature}")
    inputs, rows = inputs_of(request, infos)
    return predictions(model.run(signature, inputs), rows)


def classify(store: Store, spec: ModelSpec, body: bytes) -> bytes:
    """Answer `:classify`: for each example, a list of pairs of label and score."""
    request = _of_examples(ClassificationRequest, spec, body)
    result = store.get(spec).classify(request).result
    pairs = [[[one.label, np.float32(one.score)] for one in row.classes] for row in result.classifications]
    return response("results", pairs)


def regress(store: Store, spec: ModelSpec, body: bytes) -> bytes:
    """Answer `:regress`: one number per example."""
    request = _of_examples(RegressionRequest, spec, body)
    result = store.get(spec).regress(request).result
    return response("results", [np.float32(row.value) for row in result.regressions])


#: TensorFlow Serving's calls of a model, as a path ends in them.
CALLS = {":predict": predict, ":classify": classify, ":regress": regress}


def _of_examples(kind: Any, spec: ModelSpec, body: bytes) -> Any:
    request, signature = parsed(body)
    asked = kind(model_spec=spec, input=examples_of(request))
    asked.model_spec.signature_name = signature
    return asked


def parsed(body: bytes) -> tuple[dict[str, Any], str]:
    """Return a request's JSON object, and the name of the signature, empty if it names none.

    Bytes that aren't UTF-8 become lone surrogates (`surrogateescape`).

    Raises:
        ServingError: if the body is empty, not JSON, or not an object, or the name isn't a string.
    """
    if not body:
        raise invalid("JSON Parse error: The document is empty")
    try:
        request = json.loads(body.decode("utf-8-sig", "surrogateescape"))
    except json.JSONDecodeError as error:
        raise invalid(f"JSON Parse error: {error.msg} at offset: {error.pos}") from None
    # Nested too deeply, or a number with too many digits.
    except (RecursionError, ValueError) as error:
        raise invalid(f"JSON Parse error: {error}") from None
    if not isinstance(request, dict):
        raise _wrong(request, "Is not object")
    name = request.get("signature_name", "")
    if not isinstance(name, str):
        raise _wrong(request, "not formatted correctly. 'signature_name' key must be a string value.")
    return request, name


def inputs_of(request: Mapping[str, Any], infos: Mapping[str, Any]) -> tuple[Arrays, bool]:
    """Return a predict request's inputs, and whether they are rows (`instances`).

    Args:
        request: the JSON object.
        infos: the signature's inputs, name -> TensorInfo.

    Raises:
        ServingError: if they don't match the signature.
    """
    if "instances" in request and "inputs" in request:
        one = "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "
        raise _wrong(request, one)
    if "instances" in request:
        if not isinstance(request["instances"], list):
            raise _wrong(request, "Excepting 'instances' to be an list/array")
        if not request["instances"]:
            raise _wrong(request, "No values in 'instances' array")
        return _from_rows(request["instances"], infos), True
    if "inputs" in request:
        return _from_columns(request["inputs"], infos), False
    raise invalid("Missing 'inputs' or 'instances' key")


def examples_of(request: Mapping[str, Any]) -> Input:
    """Return a classify or regress request's examples.

    Raises:
        ServingError: if they aren't a list of objects, or a value doesn't fit a tf.train.Example.
    """
    if "examples" not in request:
        raise _wrong(request, "When method is classify, key 'examples' is expected and was not found")
    if not isinstance(request["examples"], list):
        raise _wrong(request, "Expecting 'examples' value to be an list/array")
    if not request["examples"]:
        raise _wrong(request, "'examples' value is an empty array")
    examples = [example_of(value) for value in request["examples"]]
    if "context" in request:
        return Input(example_list_with_context={"context": example_of(request["context"]), "examples": examples})
    return Input(example_list={"examples": examples})


def _from_rows(rows: list[Any], infos: Mapping[str, Any]) -> Arrays:
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
    arrays, shape = [], shape_of(rows[0])
    for position, row in enumerate(rows):
        try:
            if shape_of(row) != shape:
                expected, given = (str(sizes).replace(" ", "") for sizes in (shape, shape_of(row)))
                raise invalid(f"Expecting shape {expected} but got: {given}")
            arrays.append(array_of(row, info.dtype))
        except ServingError as error:
            element = f"{position} key: {name}" if named else f"{position}"
            reason = f"Error: {error.code.name}: {error.message}"
            raise invalid(f"Failed to process element: {element} of 'instances' list. {reason}") from None
    return np.stack(arrays)


def _from_columns(value: Any, infos: Mapping[str, Any]) -> Arrays:
    if not _is_object(value):
        if len(infos) > 1:
            raise invalid(f"inputs is a plain value/list, but expecting an object {_SEVERAL}")
        value = {next(iter(infos)): value}
    for name in infos:
        if name not in value:
            raise invalid(f"Missing named input: {name} in 'inputs' object.")
    return {name: array_of(value[name], info.dtype) for name, info in infos.items()}


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and not is_base64(value)


def shape_of(value: Any) -> list[int]:
    """Return the shape of nested lists, going by the first element of each."""
    return [len(value), *shape_of(value[0])] if isinstance(value, list) and value else [0] * isinstance(value, list)


def array_of(value: Any, dtype: int) -> npt.NDArray[Any]:
    """Return nested lists as an array of a TensorFlow dtype; strings are `bytes`.

    Raises:
        ServingError: if the lists don't have the same lengths, or a value doesn't have the type.
    """
    shape = shape_of(value)
    return np.array(list(_leaves(value, shape, dtype)), tf.dtypes.as_dtype(dtype).as_numpy_dtype).reshape(shape)


def _leaves(value: Any, shape: Sequence[int], dtype: int, level: int = 0) -> Iterator[Any]:
    if not isinstance(value, list):
        if level != len(shape):
            place = f"incorrect level: {level + 1} in the JSON DOM. Expected at level: {len(shape)}"
            raise _wrong(value, f"found at {place}")
        yield _leaf(value, dtype)
        return
    if level >= len(shape):
        raise invalid(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        expected = f"at level: {level} expected size: {shape[level]}"
        raise invalid(f"Encountered list at unexpected size: {len(value)} {expected}")
    for element in value:
        yield from _leaves(element, shape, dtype, level + 1)


def is_base64(value: Any) -> bool:
    """Return whether a value is base64, `{"b64": "..."}`."""
    return isinstance(value, dict) and list(value) == ["b64"] and isinstance(value["b64"], str)


def bytes_of(value: Any) -> bytes:
    """Return the UTF-8 bytes of a string, or the decoded bytes of a `{"b64": "..."}`, with or without padding."""
    try:
        if isinstance(value, str):
            # Bytes that weren't UTF-8 were parsed to lone surrogates, and are restored here.
            return value.encode("utf-8", "surrogateescape")
        text = value["b64"].rstrip("=")
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except UnicodeEncodeError:
        raise invalid("JSON Parse error: The surrogate pair in string is invalid.") from None
    # That of base64, binascii's, is one.
    except ValueError:
        raise invalid("Unable to base64 decode") from None


def shown(value: Any) -> str:
    """Return a value for an error message, truncated."""
    text = json.dumps(value[:LONGEST_SHOWN] if isinstance(value, str) else value)
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "..."


def _wrong(value: Any, reason: str) -> ServingError:
    return invalid(f"JSON Value: {shown(value)} {reason}")


def kind_of(value: Any) -> str:
    """Return the name of a value's JSON type, as error messages write it."""
    return str(value) if isinstance(value, bool) else _TYPES[type(value)]


def _checked_float(value: float, dtype: Any) -> float:
    """Return a JSON number that fits a floating-point type without loss, up to rounding."""
    limits = np.finfo(tf.dtypes.as_dtype(dtype).as_numpy_dtype)
    most = 2 ** (limits.nmant + 1) - 1 if isinstance(value, int) else float(limits.max)
    if abs(value) > most and (isinstance(value, int) or math.isfinite(value)):
        raise invalid(f"Cannot convert JSON value: {shown(value)} to {type_name(dtype)} without loss of precision.")
    return value


def _leaf(value: Any, dtype: int) -> Any:
    kind = tf.dtypes.as_dtype(dtype)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind == tf.string and isinstance(value, str | dict):
        if _is_object(value):
            raise _wrong(value, "not formatted correctly for base64 data")
        return bytes_of(value)
    if kind in (tf.float32, tf.float64) and number:
        return _checked_float(value, dtype)
    if kind == tf.bool and isinstance(value, bool):
        return value
    if kind.is_integer and isinstance(value, int) and number and kind.min <= value <= kind.max:
        return value
    if kind not in (tf.string, tf.float32, tf.float64, tf.bool) and not kind.is_integer:
        message = f"Conversion of JSON Value: {shown(value)} to type: {type_name(dtype)}"
        raise ServingError(Code.UNIMPLEMENTED, message)
    raise _wrong(value, f"Type: {kind_of(value)} is not of expected type: {type_name(dtype)}")


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
    if value is None or isinstance(value, list) or _is_object(value):
        raise invalid(f"Feature: {name} has element with unexpected JSON type: {kind_of(value)}")
    kind = {str: "bytes_list", dict: "bytes_list", float: "float_list"}.get(type(value), "int64_list")
    if feature.WhichOneof("kind") not in (None, kind):
        raise invalid(f"Unexpected element type in feature: {name} expecting type: {feature.WhichOneof('kind')[:-5]}")
    if kind == "bytes_list":
        value = bytes_of(value)
    elif kind == "float_list":
        value = _checked_float(value, tf.float32.as_datatype_enum)
    elif not -(2**63) <= value < 2**63:
        raise invalid(f"Feature: {name} has uint64 element. Only int64 is supported.")
    getattr(feature, kind).value.append(int(value) if isinstance(value, bool) else value)


def predictions(outputs: Arrays, rows: bool) -> bytes:
    """Return the response to a predict request: `predictions` by row, or `outputs` by name.

    Raises:
        ServingError: if `rows`, and the outputs have different batch sizes or none.
    """
    columns = {name: _base64(value) if name.endswith("_bytes") else value for name, value in outputs.items()}
    if not rows:
        return response("outputs", _named(columns))
    for name, value in columns.items():
        if not value.ndim:
            raise invalid(f"Tensor name: {name} has no shape information ")
    sizes = {len(value) for value in columns.values()}
    if len(sizes) > 1:
        raise invalid(f"Tensors have inconsistent batch sizes: {sorted(sizes)}")
    listed = [_named({name: value[row] for name, value in columns.items()}) for row in range(sizes.pop())]
    return response("predictions", listed)


def response(key: str, value: Any) -> bytes:
    """Return an object with one key; `value` may hold arrays, whose bytes pass through even if they aren't UTF-8."""
    return _written({key: value}).encode("utf-8", "surrogateescape")


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


def _base64(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if values.dtype != object:
        return values
    return np.vectorize(lambda value: {"b64": base64.b64encode(value).decode()}, [object])(values)


def _named(values: Arrays) -> Any:
    """Return a single output as it is, several as an object."""
    return next(iter(values.values())) if len(values) == 1 else values


def _written(value: Any) -> str:
    """Return JSON; Python's encoder can't be told how to format numbers."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_written(name)}: {_written(content)}" for name, content in value.items()) + "}"
    if isinstance(value, list) or (isinstance(value, np.ndarray) and value.ndim):
        return "[" + ", ".join(map(_written, value)) + "]"
    if isinstance(value, np.ndarray):
        return _written(value[()])
    if isinstance(value, str | bytes):
        text = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
        return json.dumps(text, ensure_ascii=False)
    if value.dtype.kind == "f":
        return decimal(value)
    if value.dtype.kind in "iub":
        return json.dumps(value.item())
    raise ServingError(Code.INVALID_ARGUMENT, f"Failed to write JSON value for tensor type: {value.dtype.name}")
