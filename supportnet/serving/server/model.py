"""One loaded version of a model, run through a session as in TensorFlow Serving; tensor messages as arrays."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from weakref import finalize

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.core.framework.types_pb2 import DataType

from supportnet.serving.server.codes import Code, ServingError, invalid

#: Requests run in parallel on all cores already: handing operations to more threads would only make them wait.
_IN_THIS_THREAD = tf.compat.v1.RunOptions(inter_op_thread_pool=-1)
#: A message with a single value may claim any number of elements, and all would be allocated.
MOST_ELEMENTS = 2**22
#: Field of a TensorProto that TensorFlow Serving writes numbers to, by dtype.
TYPED_FIELDS = {
    "float32": "float_val",
    "float64": "double_val",
    "int32": "int_val",
    "int64": "int64_val",
    "bool": "bool_val",
}

Arrays = Mapping[str, npt.NDArray[Any]]


class LoadedModel:
    """A SavedModel with the tag `serve`. Its session closes with the last reference, so after its last request.

    Args:
        name: name in requests.
        version: version number.
        folder: folder of the SavedModel.

    Attributes:
        signatures: name -> SignatureDef.

    Raises:
        ServingError: if it can't be loaded.

    Example (needs an export):
        >>> model = LoadedModel("tickets", 1, Path("saved_models/tickets/1"))
        >>> model.run("embed", {"text": np.array([b"hello"], object)})["embedding"].shape
        (1, 768)
    """

    def __init__(self, name: str, version: int, folder: Path) -> None:
        self.name, self.version, self.folder = name, version, folder
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

    def run(self, signature: str, inputs: Arrays) -> dict[str, npt.NDArray[Any]]:
        """Run an existing signature on matching inputs; strings are `bytes`.

        Raises:
            ServingError: if TensorFlow fails.
        """
        definition = self.signatures[signature]
        try:
            values = (inputs[name] for name in sorted(definition.inputs))
            outputs = self._callables[signature](*values, options=_IN_THIS_THREAD)
        except tf.errors.OpError as error:
            raise ServingError(Code(error.error_code), error.message.partition("\n")[0]) from None
        return dict(zip(sorted(definition.outputs), map(np.asarray, outputs), strict=True))


def _callable(session: Any, signature: Any) -> Any:
    """Return a signature as a function of its inputs, sorted by name."""
    fetches = [signature.outputs[name].name for name in sorted(signature.outputs)]
    feeds = [signature.inputs[name].name for name in sorted(signature.inputs)]
    # The initialization is listed among the signatures; its output is an operation.
    return session.make_callable(fetches, feeds, accept_options=True) if feeds else None


def arrays_of(protos: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]]:
    """Return TensorProtos as arrays; strings are `bytes`.

    Raises:
        ServingError: if one is malformed.
    """
    return {name: _array(name, proto) for name, proto in protos.items()}


def protos_of(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:
    """Return arrays as TensorProtos, with values in the typed fields, as TensorFlow Serving writes them."""
    return {name: _proto(value) for name, value in arrays.items()}


def type_name(dtype: int) -> str:
    """Return the name of a type in error messages: `string`, `float`, `int32`."""
    return str(DataType.Name(dtype)).removeprefix("DT_").lower()


def _array(name: str, proto: Any) -> npt.NDArray[Any]:
    sizes = [dim.size for dim in proto.tensor_shape.dim]
    try:
        if min(sizes, default=0) < 0 or math.prod(sizes) > MOST_ELEMENTS:
            raise ValueError(f"its shape is {sizes}")
        return np.asarray(tf.make_ndarray(proto))
    except (TypeError, ValueError, KeyError) as error:
        raise invalid(f"Tensor proto of input {name} can't be parsed: {error}") from None


def _proto(value: npt.NDArray[Any]) -> Any:
    proto = tf.make_tensor_proto(value)
    field = TYPED_FIELDS.get(value.dtype.name)
    if proto.tensor_content and field:
        # A client may read only the typed field.
        proto.ClearField("tensor_content")
        getattr(proto, field).extend(value.reshape(-1).tolist())
    return proto
