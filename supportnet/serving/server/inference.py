"""Inference on a loaded model, for all protocols: predict, classify, regress, and the warm-up requests."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow_serving.apis.classification_pb2 import ClassificationResult
from tensorflow_serving.apis.input_pb2 import Input
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog
from tensorflow_serving.apis.regression_pb2 import RegressionResult

from supportnet.savedmodel.warmup import WARMUP
from supportnet.serving.server.codes import Code, ServingError, invalid
from supportnet.serving.server.model import Arrays, LoadedModel, arrays_of, type_name

DEFAULT_SIGNATURE = "serving_default"
#: The same in TensorFlow Serving's saved_model_warmup_util.h.
MOST_RECORDS = 1000


def predict(
    model: LoadedModel, signature: str, inputs: Arrays, max_batch_size: int, wanted: Sequence[str] = ()
) -> dict[str, npt.NDArray[Any]]:
    """Run a signature; the checks and their messages are those of TensorFlow Serving's predict_util.cc.

    Args:
        model: the model.
        signature: name of the signature.
        inputs: values by name.
        max_batch_size: maximum number of rows of a request.
        wanted: names of the outputs to return; all if empty.

    Raises:
        ServingError: if there is no such signature, inputs or outputs don't match it, or TensorFlow fails.
    """
    definition = model.signatures.get(signature)
    # The initialization is listed among the signatures, and has no inputs.
    if definition is None or not definition.inputs:
        raise ServingError(Code.FAILED_PRECONDITION, f'Serving signature key "{signature}" not found.')
    _check_names(definition, inputs, wanted)
    for position, name in enumerate(sorted(definition.inputs)):
        _check_input(position, definition.inputs[name], inputs[name], max_batch_size)
    outputs = model.run(signature, inputs)
    return {name: outputs[name] for name in wanted or outputs}


def classify(model: LoadedModel, signature: str, asked: Input, max_batch_size: int) -> ClassificationResult:
    """Run a signature with the input `inputs`, and `classes`, `scores` or both for outputs, on tf.train.Examples."""
    outputs = _outputs_of_examples(model, signature, asked, max_batch_size, "classification", ["classes", "scores"])
    rows, columns = next(iter(outputs.values())).shape
    classes = outputs.get("classes", np.full((rows, columns), b"", object))
    scores = outputs.get("scores", np.zeros((rows, columns)))
    result = ClassificationResult()
    for labels, values in zip(classes, scores, strict=True):
        row = result.classifications.add()
        for label, value in zip(labels, values, strict=True):
            row.classes.add(label=label.decode("utf-8", "replace"), score=value)
    return result


def regress(model: LoadedModel, signature: str, asked: Input, max_batch_size: int) -> RegressionResult:
    """Run a signature with the input `inputs` and the output `outputs`, a number a row, on tf.train.Examples."""
    outputs = _outputs_of_examples(model, signature, asked, max_batch_size, "regression", ["outputs"])
    result = RegressionResult()
    for value in outputs["outputs"].reshape(-1):
        result.regressions.add(value=value)
    return result


def _outputs_of_examples(
    model: LoadedModel, signature: str, asked: Input, max_batch_size: int, method: str, known: list[str]
) -> dict[str, npt.NDArray[Any]]:
    definition = model.signatures.get(signature)
    if definition is None:
        raise invalid(f"No signature was found with the name: {signature}")
    if len(definition.inputs) != 1:
        raise invalid("Expected one input Tensor.")
    if len(definition.outputs) > len(known):
        how_many = "one output Tensor." if len(known) == 1 else "one or two output Tensors, found"
        raise invalid(f"Expected {how_many}" + (f" {len(definition.outputs)}" if len(known) > 1 else ""))
    if "inputs" not in definition.inputs:
        raise ServingError(Code.FAILED_PRECONDITION, f"No {method} inputs found in SignatureDef: {definition}")
    if not set(definition.outputs) <= set(known):
        raise ServingError(Code.FAILED_PRECONDITION, f"No {method} outputs found in SignatureDef: {definition}")
    outputs = predict(model, signature, {"inputs": serialized_examples(asked)}, max_batch_size)
    for name, value in outputs.items():
        _check_output(name, value, 2 if method == "classification" else 1)
    return outputs


def serialized_examples(asked: Input) -> npt.NDArray[np.object_]:
    """Return a request's examples, each merged with the shared context, as bytes `[B]`."""
    listed = asked.example_list_with_context if asked.HasField("example_list_with_context") else asked.example_list
    # A parser merges two serialized messages that are concatenated.
    context = asked.example_list_with_context.context.SerializeToString()
    if not listed.examples:
        raise invalid("Input is empty.")
    values = np.empty(len(listed.examples), object)
    values[:] = [context + example.SerializeToString() for example in listed.examples]
    return values


def _check_names(definition: Any, inputs: Arrays, wanted: Sequence[str]) -> None:
    given, needed = set(inputs), set(definition.inputs)
    if len(given) != len(needed):
        raise invalid(
            f"input size does not match signature: {len(given)}!={len(needed)} "
            f"len({_set(given)}) != len({_set(needed)}). "
            f"Sent extra: {_set(given - needed)}. Missing but required: {_set(needed - given)}."
        )
    for name in sorted(given - needed):
        raise invalid(
            f"input tensor alias not found in signature: {name}. Inputs expected to be in the set {_set(needed)}."
        )
    for name in wanted:
        if name not in definition.outputs:
            known = _set(definition.outputs)
            raise invalid(
                f"output tensor alias not found in signature: {name} Outputs expected to be in the set {known}."
            )
    if len(set(wanted)) < len(wanted):
        raise invalid("duplicate output tensor alias: " + next(name for name in wanted if wanted.count(name) > 1))


def _check_input(position: int, expected: Any, value: npt.NDArray[Any], max_batch_size: int) -> None:
    dtype = tf.dtypes.as_dtype(expected.dtype)
    if tf.dtypes.as_dtype(value.dtype) != dtype:
        given = type_name(tf.dtypes.as_dtype(value.dtype).as_datatype_enum)
        raise invalid(f"Expects arg[{position}] to be {type_name(expected.dtype)} but {given} is provided")
    # A kernel may crash the process on a rank that the graph excludes.
    if not tf.TensorShape(expected.tensor_shape).is_compatible_with(value.shape):
        wanted = tf.TensorShape(expected.tensor_shape)
        raise invalid(f"Expects arg[{position}] to have the shape {wanted} but {tuple(value.shape)} is provided")
    if value.ndim and value.shape[0] > max_batch_size:
        raise invalid(f"Task size {value.shape[0]} is larger than maximum input batch size {max_batch_size}")


def _check_output(name: str, value: npt.NDArray[Any], rank: int) -> None:
    if value.ndim != rank and not (rank == 1 and value.shape[1:] == (1,)):
        raise invalid(f"Expected {name} of rank {rank} but got the shape {value.shape}")


def _set(names: Any) -> str:
    return "{" + ",".join(sorted(names)) + "}"


def warm_up(model: LoadedModel, max_batch_size: int) -> int:
    """Replay a model's warm-up records, and return how many it has.

    Raises:
        ServingError: if a record fails or there are more than 1000; TensorFlow Serving refuses such a model too.
    """
    path = model.folder / WARMUP
    if not path.exists():
        return 0
    records = _records(path)
    if len(records) > MOST_RECORDS:
        raise invalid(f"Number of warmup records exceeds the maximum ({MOST_RECORDS}) at {path}")
    for record in records:
        _replay(model, record, max_batch_size)
    return len(records)


def _records(path: Path) -> list[PredictionLog]:
    try:
        return [PredictionLog.FromString(data) for data in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()]
    # protobuf's error has no public name.
    except Exception as error:
        raise ServingError(Code.DATA_LOSS, f"{path} can't be read: {str(error).partition(' [Op:')[0]}") from None


def _replay(model: LoadedModel, record: PredictionLog, max_batch_size: int) -> None:
    kind = record.WhichOneof("log_type")
    if kind == "predict_log":
        request = record.predict_log.request
        predict(model, _signature(request), arrays_of(request.inputs), max_batch_size, list(request.output_filter))
    elif kind in ("classify_log", "regress_log"):
        request = getattr(record, kind).request
        run = classify if kind == "classify_log" else regress
        run(model, _signature(request), request.input, max_batch_size)
    else:
        raise ServingError(Code.UNIMPLEMENTED, f"Unsupported log_type for warmup: {kind}")


def _signature(request: Any) -> str:
    return request.model_spec.signature_name or DEFAULT_SIGNATURE
