"""TensorFlow's C API through ctypes: run an exported model in a Python that never imports tensorflow.

`TF_LoadSessionFromSavedModel` reaches the same loader, `tensorflow::LoadSavedModel`, as TensorFlow Serving does. XLA
is switched off first, as it is in the server. Functions and structures: c_api.h, tf_tensor.h and tf_tstring.h, all
in tensorflow/c.

    >>> texts = np.array([b"where is my parcel?"], object)
    >>> SavedModel("saved_models/tiny/1", Library()).run("classify", text=texts)["intents"]
    array([[b'track_order', b'refund']], dtype=object)
"""

import ctypes
from collections.abc import Iterator, Sequence
from ctypes import POINTER, c_char_p, c_int, c_int64, c_size_t, c_void_p
from importlib.machinery import PathFinder
from pathlib import Path

import numpy as np
import numpy.typing as npt

TF_FLOAT, TF_INT32, TF_STRING, TF_BOOL = 1, 3, 7, 10
#: What numbers are in an array.
DTYPES = {TF_FLOAT: np.dtype(np.float32), TF_INT32: np.dtype(np.int32), TF_BOOL: np.dtype(np.bool_)}
#: Size of a `TF_TString` in bytes.
TSTRING_SIZE = 24


class Output(ctypes.Structure):
    """`TF_Output`: one of the outputs of an operation."""

    _fields_ = (("operation", c_void_p), ("index", c_int))


class Buffer(ctypes.Structure):
    """`TF_Buffer`: bytes, here of a serialized message."""

    _fields_ = (("data", c_void_p), ("length", c_size_t), ("deallocator", c_void_p))


_MANY, _OUTPUTS = POINTER(c_void_p), POINTER(Output)
#: name -> what it returns and takes; pointers to what C keeps to itself are void pointers.
_FUNCTIONS = {
    "TF_NewStatus": (c_void_p, []),
    "TF_DeleteStatus": (None, [c_void_p]),
    "TF_GetCode": (c_int, [c_void_p]),
    "TF_Message": (c_char_p, [c_void_p]),
    "TF_NewBuffer": (POINTER(Buffer), []),
    "TF_DeleteBuffer": (None, [POINTER(Buffer)]),
    "TF_AllocateTensor": (c_void_p, [c_int, POINTER(c_int64), c_int, c_size_t]),
    "TF_DeleteTensor": (None, [c_void_p]),
    "TF_TensorType": (c_int, [c_void_p]),
    "TF_NumDims": (c_int, [c_void_p]),
    "TF_Dim": (c_int64, [c_void_p, c_int]),
    "TF_TensorElementCount": (c_int64, [c_void_p]),
    "TF_TensorData": (c_void_p, [c_void_p]),
    "TF_StringInit": (None, [c_void_p]),
    "TF_StringCopy": (None, [c_void_p, c_char_p, c_size_t]),
    "TF_StringGetDataPointer": (c_void_p, [c_void_p]),
    "TF_StringGetSize": (c_size_t, [c_void_p]),
    "TF_StringDealloc": (None, [c_void_p]),
    "TF_NewGraph": (c_void_p, []),
    "TF_DeleteGraph": (None, [c_void_p]),
    "TF_GraphOperationByName": (c_void_p, [c_void_p, c_char_p]),
    "TF_NewSessionOptions": (c_void_p, []),
    "TF_DeleteSessionOptions": (None, [c_void_p]),
    "TF_LoadSessionFromSavedModel": (
        c_void_p,
        [c_void_p, c_void_p, c_char_p, POINTER(c_char_p), c_int, c_void_p, POINTER(Buffer), c_void_p],
    ),
    "TF_SessionRun": (
        None,
        # session, options; inputs, their values, number; outputs likewise; targets, number; metadata, status
        [c_void_p, c_void_p, _OUTPUTS, _MANY, c_int, _OUTPUTS, _MANY, c_int, c_void_p, c_int, c_void_p, c_void_p],
    ),
    "TF_DeleteSession": (None, [c_void_p, c_void_p]),
    # tensorflow::DisableXlaCompilation(), which the server calls when it starts
    "_ZN10tensorflow21DisableXlaCompilationEv": (None, []),
}


class TensorFlowError(RuntimeError):
    """What a status says that isn't OK."""


class Library:
    """The C API of the installed wheel: its functions by name, and a status that they share."""

    def __init__(self) -> None:
        folder = Path(next(iter(PathFinder.find_spec("tensorflow").submodule_search_locations)))
        # Tensors and statuses live in the first, sessions in the second, which finds the first by itself.
        names = ("libtensorflow_framework.so.2", "libtensorflow_cc.so.2")
        libraries = [ctypes.CDLL(str(folder / name)) for name in names]
        for name, (result, arguments) in _FUNCTIONS.items():
            function = next(getattr(library, name) for library in libraries if hasattr(library, name))
            function.restype, function.argtypes = result, arguments
            setattr(self, name, function)
        self.status = self.TF_NewStatus()
        self._ZN10tensorflow21DisableXlaCompilationEv()

    def check(self) -> None:
        """Raise what the last call left in the status, unless it is OK."""
        if code := self.TF_GetCode(self.status):
            raise TensorFlowError(f"{code}: {self.TF_Message(self.status).decode(errors='replace')}")

    def tensor(self, values: npt.NDArray[np.generic]) -> int:
        """Return a new tensor of an array: float32, int32, bool, or objects that are `bytes`; `delete` frees it."""
        if values.dtype == object:
            return self._string_tensor(values.tolist())
        kind = next(kind for kind, dtype in DTYPES.items() if dtype == values.dtype)
        tensor = self.TF_AllocateTensor(kind, (c_int64 * values.ndim)(*values.shape), values.ndim, values.nbytes)
        ctypes.memmove(self.TF_TensorData(tensor), values.tobytes(), values.nbytes)
        return tensor

    def _string_tensor(self, values: Sequence[bytes]) -> int:
        size = TSTRING_SIZE * len(values)
        tensor = self.TF_AllocateTensor(TF_STRING, (c_int64 * 1)(len(values)), 1, size)
        for i, value in enumerate(values):
            place = self.TF_TensorData(tensor) + TSTRING_SIZE * i
            self.TF_StringInit(place)
            self.TF_StringCopy(place, value, len(value))
        return tensor

    def delete(self, tensor: int) -> None:
        """Free a tensor, and its strings."""
        if self.TF_TensorType(tensor) == TF_STRING:
            for place in self._places(tensor):
                self.TF_StringDealloc(place)
        self.TF_DeleteTensor(tensor)

    def to_numpy(self, tensor: int) -> npt.NDArray[np.generic]:
        """Copy a tensor to an array: float32, int32, bool, or objects that are `bytes`."""
        shape = [self.TF_Dim(tensor, axis) for axis in range(self.TF_NumDims(tensor))]
        if self.TF_TensorType(tensor) == TF_STRING:
            array = np.array([self._bytes_at(place) for place in self._places(tensor)], object)
        else:
            dtype = DTYPES[self.TF_TensorType(tensor)]
            size = dtype.itemsize * self.TF_TensorElementCount(tensor)
            array = np.frombuffer(ctypes.string_at(self.TF_TensorData(tensor) or 0, size), dtype)
        return array.reshape(shape)

    def _places(self, tensor: int) -> range:
        start, count = self.TF_TensorData(tensor) or 0, self.TF_TensorElementCount(tensor)
        return range(start, start + TSTRING_SIZE * count, TSTRING_SIZE)

    def _bytes_at(self, place: int) -> bytes:
        return ctypes.string_at(self.TF_StringGetDataPointer(place), self.TF_StringGetSize(place))


class SavedModel:
    """A SavedModel with the tag `serve`, loaded and initialised.

    Attributes:
        signatures: name -> (inputs, outputs), each name -> name of the tensor.
    """

    def __init__(self, folder: str, library: Library) -> None:
        self._library, self._graph = library, library.TF_NewGraph()
        options, buffer = library.TF_NewSessionOptions(), library.TF_NewBuffer()
        tags = (c_char_p * 1)(b"serve")
        self._session = library.TF_LoadSessionFromSavedModel(
            options, None, folder.encode(), tags, 1, self._graph, buffer, library.status
        )
        library.TF_DeleteSessionOptions(options)
        try:
            library.check()
            self.signatures = signatures(ctypes.string_at(buffer.contents.data, buffer.contents.length))
        finally:
            library.TF_DeleteBuffer(buffer)

    def run(self, signature: str, **given: npt.NDArray[np.generic]) -> dict[str, npt.NDArray[np.generic]]:
        """Run a signature, and return its outputs by name."""
        library = self._library
        inputs, outputs = self.signatures[signature]
        sources = (Output * len(given))(*(self._output(inputs[name]) for name in given))
        wanted = (Output * len(outputs))(*map(self._output, outputs.values()))
        tensors, results = [library.tensor(values) for values in given.values()], (c_void_p * len(outputs))()
        try:
            library.TF_SessionRun(
                self._session,
                None,
                *(sources, (c_void_p * len(given))(*tensors), len(given)),
                *(wanted, results, len(outputs)),
                *(None, 0, None, library.status),
            )
            library.check()
            return {name: library.to_numpy(result) for name, result in zip(outputs, results, strict=True)}
        finally:
            for tensor in tensors:
                library.delete(tensor)
            for result in filter(None, results):
                library.TF_DeleteTensor(result)

    def close(self) -> None:
        """Free the session and the graph."""
        self._library.TF_DeleteSession(self._session, self._library.status)
        self._library.TF_DeleteGraph(self._graph)

    def _output(self, tensor_name: str) -> Output:
        operation, index = tensor_name.rsplit(":", 1)
        return Output(self._library.TF_GraphOperationByName(self._graph, operation.encode()), int(index))


def signatures(meta_graph: bytes) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
    """Read the signatures of a serialized `MetaGraphDef`; field numbers are those of meta_graph.proto."""
    found = {}
    for entry in _messages(meta_graph, 5):
        name, signature = _entry(entry)
        inputs, outputs = (dict(map(_tensor_name, _messages(signature, field))) for field in (1, 2))
        found[name] = (inputs, outputs)
    return found


def _tensor_name(entry: bytes) -> tuple[str, str]:
    key, tensor_info = _entry(entry)
    return key, next(_messages(tensor_info, 1)).decode()


def _entry(entry: bytes) -> tuple[str, bytes]:
    """Return the key and the value of one entry of a map."""
    return next(_messages(entry, 1)).decode(), next(_messages(entry, 2))


def _messages(message: bytes, wanted: int) -> Iterator[bytes]:
    """Yield the length-delimited fields of a serialized message that have the number `wanted`."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        number, wire_type = key >> 3, key & 7
        if wire_type == 0:
            _, position = _varint(message, position)
            continue
        if wire_type == 2:
            length, position = _varint(message, position)
        else:
            length = {1: 8, 5: 4}[wire_type]
        if number == wanted and wire_type == 2:
            yield message[position : position + length]
        position += length


def _varint(message: bytes, position: int) -> tuple[int, int]:
    """Return the integer that begins at `position`, and where it ends."""
    value = shift = 0
    while True:
        byte = message[position]
        value |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            return value, position
