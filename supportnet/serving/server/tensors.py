"""TensorFlow's own messages for tensors, as arrays and back."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.core.framework.types_pb2 import DataType

from supportnet.serving.server.codes import invalid

#: A message with one value may claim any number of elements, and each would be written out.
MOST_ELEMENTS = 2**22
#: Where TensorFlow Serving writes numbers.
TYPED_FIELDS = {
    "float32": "float_val",
    "float64": "double_val",
    "int32": "int_val",
    "int64": "int64_val",
    "bool": "bool_val",
}


def arrays_of(protos: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]]:
    """Return TensorProtos as arrays; strings are `bytes`.

    Raises:
        ServingError: one can't be an array.
    """
    return {name: _array(name, proto) for name, proto in protos.items()}


def protos_of(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:
    """Return arrays as TensorProtos, their values in the typed fields, as TensorFlow Serving writes them."""
    return {name: _proto(value) for name, value in arrays.items()}


def type_name(dtype: int) -> str:
    """Return what messages call a type: `string`, `float`, `int32`."""
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
        # A client may read only one of the two forms that a message has.
        proto.ClearField("tensor_content")
        getattr(proto, field).extend(value.reshape(-1).tolist())
    return proto
