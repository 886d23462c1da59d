"""One loaded version of a model: predict, classify and regress, as in TensorFlow Serving, and its warm-up."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from weakref import finalize

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.core.framework.types_pb2 import DataType
from tensorflow_serving.apis.classification_pb2 import ClassificationRequest, ClassificationResponse
from tensorflow_serving.apis.input_pb2 import Input
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.apis.predict_pb2 import PredictRequest, PredictResponse
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog
from tensorflow_serving.apis.regression_pb2 import RegressionRequest, RegressionResponse

from supportnet.savedmodel.signatures import WARMUP
from supportnet.serving.server.codes import Code, ServingError, invalid

DEFAULT_SIGNATURE = "serving_default"
#: The same in TensorFlow Serving's saved_model_warmup_util.h.
MOST_RECORDS = 1000
#: Requests run in parallel on all cores already: handing operations to more threads would only make them wait.
_IN_THIS_THREAD = tf.compat.v1.RunOptions(inter_op_thread_pool=-1)
#: A message with a single value may claim any number of elements, and all would be allocated.
MOST_ELEMENTS = 2**22
#: Field of a TensorProto that TensorFlow Serving writes numbers to, by dtype: kind and bytes.
TYPED_FIELDS = {"f4": "float_val", "f8": "double_val", "i4": "int_val", "i8": "int64_val", "b1": "bool_val"}

Arrays = Mapping[str, npt.NDArray[Any]]


class LoadedModel:
    """A SavedModel with the tag `serve`. Its session closes with the last reference, so after its last request.

    The checks of requests and their messages are those of TensorFlow Serving's predict_util.cc and its like.

    Args:
        name: name in requests.
        version: version number.
        folder: folder of the SavedModel.
        max_batch_size: maximum number of rows of a request.

    Attributes:
        signatures: name -> SignatureDef.

    Raises:
        ServingError: if it can't be loaded. Also by its methods, if there is no such signature, the request doesn't
            match it, or TensorFlow fails.

    Example (needs an export):
        >>> model = LoadedModel("tickets", 1, Path("saved_models/tickets/1"), max_batch_size=100)
        >>> model.run("embed", {"text": np.array([b"hello"], object)})["embedding"].shape
        (1, 768)
    """

    def __init__(self, name: str, version: int, folder: Path, max_batch_size: int) -> None:
        self.name, self.version, self._folder, self._max_batch_size = name, version, folder, max_batch_size
        session = tf.compat.v1.Session(graph=tf.Graph())
        finalize(self, session.close)
        try:
            with session.graph.as_default():
                meta_graph = tf.compat.v1.saved_model.load(session, [tf.saved_model.SERVING], str(folder))
            self.signatures: dict[str, Any] = dict(meta_graph.signature_def)
            self._callables = {key: _callable(session, signature) for key, signature in self.signatures.items()}
        # The loader raises many kinds of errors on a damaged file.
        except Exception as error:
            raise ServingError(Code.INTERNAL, str(error).partition("\n")[0] or type(error).__name__) from None

    def run(self, signature: str, inputs: Arrays, wanted: Sequence[str] = ()) -> dict[str, npt.NDArray[Any]]:
        """Run a signature on inputs by name; strings are `bytes`.

        Args:
            signature: name of the signature.
            inputs: values by name.
            wanted: names of the outputs to return; all if empty.
        """
        definition = self.signatures.get(signature)
        # The initialization is listed among the signatures, and has no inputs.
        if definition is None or not definition.inputs:
            raise ServingError(Code.FAILED_PRECONDITION, f'Serving signature key "{signature}" not found.')
        _check_names(definition, inputs, wanted)
        values = [inputs[name] for name in sorted(definition.inputs)]
        for position, (name, value) in enumerate(zip(sorted(definition.inputs), values, strict=True)):
            self._check_input(position, definition.inputs[name], value)
        try:
            results = self._callables[signature](*values, options=_IN_THIS_THREAD)
        except tf.errors.OpError as error:
            raise ServingError(Code(error.error_code), error.message.partition("\n")[0]) from None
        outputs = dict(zip(sorted(definition.outputs), map(np.asarray, results), strict=True))
        return {name: outputs[name] for name in wanted or outputs}

    def predict(self, request: PredictRequest) -> PredictResponse:
        """Answer PredictionService.Predict."""
        spec = self._answered_by(request)
        inputs = {name: _array(name, proto) for name, proto in request.inputs.items()}
        outputs = self.run(spec.signature_name, inputs, list(request.output_filter))
        return PredictResponse(model_spec=spec, outputs={name: _proto(value) for name, value in outputs.items()})

    def classify(self, request: ClassificationRequest) -> ClassificationResponse:
        """Answer PredictionService.Classify: from the input `inputs`, the outputs `classes`, `scores` or both."""
        outputs = self._run_examples(request, "classification", ["classes", "scores"], rank=2)
        shape = next(iter(outputs.values())).shape
        classes = outputs.get("classes", np.full(shape, b"", object))
        scores = outputs.get("scores", np.zeros(shape))
        listed = [
            [{"label": label.decode("utf-8", "replace"), "score": score} for label, score in zip(*row, strict=True)]
            for row in zip(classes, scores, strict=True)
        ]
        result = {"classifications": [{"classes": row} for row in listed]}
        return ClassificationResponse(model_spec=self._answered_by(request), result=result)

    def regress(self, request: RegressionRequest) -> RegressionResponse:
        """Answer PredictionService.Regress: from the input `inputs`, the output `outputs`, a number a row."""
        values = self._run_examples(request, "regression", ["outputs"], rank=1)["outputs"].reshape(-1)
        listed = [{"value": value} for value in values]
        return RegressionResponse(model_spec=self._answered_by(request), result={"regressions": listed})

    def spec(self, signature: str = "") -> ModelSpec:
        """Return what answers say of where they come from: name, version and signature."""
        return ModelSpec(name=self.name, signature_name=signature, version={"value": self.version})

    def warm_up(self) -> int:
        """Replay the warm-up records, and return how many there are.

        Raises:
            ServingError: if a record fails or there are more than 1000; TensorFlow Serving refuses such a model too.
        """
        path = self._folder / WARMUP
        calls = {"predict_log": self.predict, "classify_log": self.classify, "regress_log": self.regress}
        records = _records(path) if path.exists() else []
        if len(records) > MOST_RECORDS:
            raise invalid(f"Number of warmup records exceeds the maximum ({MOST_RECORDS}) at {path}")
        for record in records:
            kind = record.WhichOneof("log_type")
            if kind not in calls:
                raise ServingError(Code.UNIMPLEMENTED, f"Unsupported log_type for warmup: {kind}")
            calls[kind](getattr(record, kind).request)
        return len(records)

    def _answered_by(self, request: Any) -> ModelSpec:
        return self.spec(request.model_spec.signature_name or DEFAULT_SIGNATURE)

    def _run_examples(self, request: Any, method: str, known: list[str], rank: int) -> dict[str, npt.NDArray[Any]]:
        """Run a signature on tf.train.Examples."""
        signature = self._answered_by(request).signature_name
        definition = self.signatures.get(signature)
        if definition is None:
            raise invalid(f"No signature was found with the name: {signature}")
        if len(definition.inputs) != 1:
            raise invalid("Expected one input Tensor.")
        if len(definition.outputs) > len(known):
            several = f"one or two output Tensors, found {len(definition.outputs)}"
            raise invalid(f"Expected {'one output Tensor.' if len(known) == 1 else several}")
        for side, names in (("inputs", ["inputs"]), ("outputs", known)):
            if not set(getattr(definition, side)) <= set(names):
                raise ServingError(Code.FAILED_PRECONDITION, f"No {method} {side} found in SignatureDef: {definition}")
        outputs = self.run(signature, {"inputs": serialized_examples(request.input)})
        for name, value in outputs.items():
            if value.ndim != rank and not (rank == 1 and value.shape[1:] == (1,)):
                raise invalid(f"Expected {name} of rank {rank} but got the shape {value.shape}")
        return outputs

    def _check_input(self, position: int, expected: Any, value: npt.NDArray[Any]) -> None:
        dtype = tf.dtypes.as_dtype(value.dtype).as_datatype_enum
        if dtype != expected.dtype:
            given, wanted = type_name(dtype), type_name(expected.dtype)
            raise invalid(f"Expects arg[{position}] to be {wanted} but {given} is provided")
        # A kernel may crash the process on a rank that the graph excludes.
        shape = tf.TensorShape(expected.tensor_shape)
        if not shape.is_compatible_with(value.shape):
            raise invalid(f"Expects arg[{position}] to have the shape {shape} but {value.shape} is provided")
        if value.ndim and len(value) > self._max_batch_size:
            raise invalid(f"Task size {len(value)} is larger than maximum input batch size {self._max_batch_size}")


def serialized_examples(asked: Input) -> npt.NDArray[np.object_]:
    """Return a request's examples, each merged with the shared context, as bytes `[B]`."""
    listed = asked.example_list_with_context if asked.HasField("example_list_with_context") else asked.example_list
    # A parser merges two serialized messages that are concatenated.
    context = asked.example_list_with_context.context.SerializeToString()
    if not listed.examples:
        raise invalid("Input is empty.")
    return np.array([context + example.SerializeToString() for example in listed.examples], object)


def type_name(dtype: int) -> str:
    """Return the name of a type in error messages: `string`, `float`, `int32`."""
    return str(DataType.Name(dtype)).removeprefix("DT_").lower()


def _callable(session: Any, signature: Any) -> Any:
    """Return a signature as a function of its inputs, sorted by name."""
    fetches = [signature.outputs[name].name for name in sorted(signature.outputs)]
    feeds = [signature.inputs[name].name for name in sorted(signature.inputs)]
    # The initialization is listed among the signatures; its output is an operation.
    return session.make_callable(fetches, feeds, accept_options=True) if feeds else None


def _check_names(definition: Any, inputs: Arrays, wanted: Sequence[str]) -> None:
    given, needed = set(inputs), set(definition.inputs)
    if len(given) != len(needed):
        raise invalid(
            f"input size does not match signature: {len(given)}!={len(needed)} "
            f"len({_set(given)}) != len({_set(needed)}). "
            f"Sent extra: {_set(given - needed)}. Missing but required: {_set(needed - given)}."
        )
    unknown = "tensor alias not found in signature:"
    for name in sorted(given - needed):
        raise invalid(f"input {unknown} {name}. Inputs expected to be in the set {_set(needed)}.")
    for name in wanted:
        if name not in definition.outputs:
            raise invalid(f"output {unknown} {name} Outputs expected to be in the set {_set(definition.outputs)}.")
    for name in wanted:
        if wanted.count(name) > 1:
            raise invalid(f"duplicate output tensor alias: {name}")


def _set(names: Iterable[str]) -> str:
    return "{" + ",".join(sorted(names)) + "}"


def _array(name: str, proto: Any) -> npt.NDArray[Any]:
    sizes = [dim.size for dim in proto.tensor_shape.dim]
    try:
        if min(sizes, default=0) < 0 or math.prod(sizes) > MOST_ELEMENTS:
            raise ValueError(f"its shape is {sizes}")
        return np.asarray(tf.make_ndarray(proto))
    except (TypeError, ValueError, KeyError) as error:
        raise invalid(f"Tensor proto of input {name} can't be parsed: {error}") from None


def _proto(value: npt.NDArray[Any]) -> Any:
    """Return an array as a TensorProto, with values in the typed field, as TensorFlow Serving writes them."""
    proto = tf.make_tensor_proto(value)
    field = TYPED_FIELDS.get(value.dtype.str[1:])
    if proto.tensor_content and field:
        # A client may read only the typed field.
        proto.ClearField("tensor_content")
        getattr(proto, field).extend(value.reshape(-1).tolist())
    return proto


def _records(path: Path) -> list[PredictionLog]:
    try:
        return [PredictionLog.FromString(data) for data in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()]
    # protobuf's error has no public name.
    except Exception as error:
        raise ServingError(Code.DATA_LOSS, f"{path} can't be read: {str(error).partition(' [Op:')[0]}") from None
