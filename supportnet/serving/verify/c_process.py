"""Process that loads an export as TensorFlow Serving does, without tensorflow and keras: `c_process.py [CORE]`.

`TF_LoadSessionFromSavedModel` uses the server's loader, `tensorflow::LoadSavedModel`, with XLA off as in the server;
HTTP, batching and the server's own build are not covered. Messages are pickles on standard input and output: first the
folder, answered with the seconds that loading took, then requests, each a list of runs. A run is feeds (tensor name ->
array) and fetches (tensor names), and is answered with the outputs, one array a fetch, its wall-clock seconds and the
process's CPU seconds. An error is answered as a string. `c_runtime.py` is the other end.

TensorFlow's C API is called through ctypes, and nothing of this package is imported, as in a server written in C++.
Functions and structures are those of c_api.h, tf_tensor.h and tf_tstring.h in tensorflow/c.
"""

import ctypes
import os
import pickle
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from ctypes import POINTER, c_char_p, c_int, c_int64, c_size_t, c_void_p
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

TF_STRING = 7
#: NumPy dtypes of TF_FLOAT, TF_INT32, TF_INT64, TF_BOOL.
DTYPES: dict[int, np.dtype[Any]] = {
    kind: np.dtype(dtype) for kind, dtype in ((1, "float32"), (3, "int32"), (9, "int64"), (10, "bool"))
}
#: Size of a `TF_TString` in bytes.
TSTRING_SIZE = 24
#: Tensors and statuses are in the first library, sessions in the second, which loads the first by itself.
FILES = {
    "linux": ("libtensorflow_framework.so.2", "libtensorflow_cc.so.2"),
    "darwin": ("libtensorflow_framework.2.dylib", "libtensorflow_cc.2.dylib"),
}


class Output(ctypes.Structure):
    """`TF_Output`: one of the outputs of an operation."""

    _fields_ = (("operation", c_void_p), ("index", c_int))


_MANY, _OUTPUTS = POINTER(c_void_p), POINTER(Output)
#: name -> result type and argument types; opaque pointers are void pointers.
_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "TF_NewStatus": (c_void_p, []),
    "TF_GetCode": (c_int, [c_void_p]),
    "TF_Message": (c_char_p, [c_void_p]),
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
        # options; run options, folder, tags, their number; graph, the serialized MetaGraphDef, status
        [c_void_p, c_void_p, c_char_p, POINTER(c_char_p), c_int, c_void_p, c_void_p, c_void_p],
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
    """A status isn't OK."""


class Library:
    """The C API of the installed wheel: its functions by name, and their shared status. XLA is switched off.

    Raises:
        OSError: if the wheel has no such library.
    """

    def __init__(self) -> None:
        spec = PathFinder.find_spec("tensorflow")
        if spec is None or sys.platform not in FILES:
            raise OSError(f"TensorFlow for {sys.platform} isn't here, or has no C library")
        folder = Path(next(iter(spec.submodule_search_locations or ())))
        libraries = [ctypes.CDLL(str(folder / name)) for name in FILES[sys.platform]]
        self.call: dict[str, Any] = {}
        for name, (result, arguments) in _FUNCTIONS.items():
            function = next(getattr(library, name) for library in libraries if hasattr(library, name))
            function.restype, function.argtypes = result, arguments
            self.call[name] = function
        self.status = self.call["TF_NewStatus"]()
        self.call["_ZN10tensorflow21DisableXlaCompilationEv"]()

    def check(self) -> None:
        """Raise TensorFlowError if the status of the last call isn't OK."""
        if self.call["TF_GetCode"](self.status):
            raise TensorFlowError(self.call["TF_Message"](self.status).decode(errors="replace"))

    def tensor(self, values: npt.NDArray[Any]) -> int:
        """Return a new tensor of an array: numbers, or objects that are `bytes`, `[B]`; `delete` frees it."""
        if values.dtype == object:
            return self._string_tensor(values.tolist())
        kind = next(kind for kind, dtype in DTYPES.items() if dtype == values.dtype)
        shape = (c_int64 * values.ndim)(*values.shape)
        tensor: int = self.call["TF_AllocateTensor"](kind, shape, values.ndim, values.nbytes)
        ctypes.memmove(self.call["TF_TensorData"](tensor), values.tobytes(), values.nbytes)
        return tensor

    def _string_tensor(self, values: Sequence[bytes]) -> int:
        size = TSTRING_SIZE * len(values)
        tensor: int = self.call["TF_AllocateTensor"](TF_STRING, (c_int64 * 1)(len(values)), 1, size)
        for place, value in zip(self._places(tensor), values, strict=True):
            self.call["TF_StringInit"](place)
            self.call["TF_StringCopy"](place, value, len(value))
        return tensor

    def delete(self, tensor: int) -> None:
        """Free a tensor that `tensor` made, and its strings."""
        if self.call["TF_TensorType"](tensor) == TF_STRING:
            for place in self._places(tensor):
                self.call["TF_StringDealloc"](place)
        self.call["TF_DeleteTensor"](tensor)

    def to_numpy(self, tensor: int) -> npt.NDArray[Any]:
        """Copy a tensor to an array: numbers, or objects that are `bytes`."""
        shape = [self.call["TF_Dim"](tensor, axis) for axis in range(self.call["TF_NumDims"](tensor))]
        kind = self.call["TF_TensorType"](tensor)
        if kind == TF_STRING:
            return np.array([self._bytes_at(place) for place in self._places(tensor)], object).reshape(shape)
        size = DTYPES[kind].itemsize * self.call["TF_TensorElementCount"](tensor)
        data = ctypes.string_at(self.call["TF_TensorData"](tensor) or 0, size)
        return np.frombuffer(data, DTYPES[kind]).reshape(shape)

    def _places(self, tensor: int) -> range:
        start = self.call["TF_TensorData"](tensor) or 0
        return range(start, start + TSTRING_SIZE * self.call["TF_TensorElementCount"](tensor), TSTRING_SIZE)

    def _bytes_at(self, place: int) -> bytes:
        return ctypes.string_at(self.call["TF_StringGetDataPointer"](place), self.call["TF_StringGetSize"](place))


Feeds = Mapping[str, npt.NDArray[Any]]
Fetches = Sequence[str]
#: Outputs, wall-clock seconds and CPU seconds of a run.
Ran = tuple[list[npt.NDArray[Any]], float, float]


class Session:
    """A SavedModel with the tag `serve`, loaded and initialised.

    Args:
        folder: of the version.
        library: the C API.

    Raises:
        TensorFlowError: if it can't be loaded.
    """

    def __init__(self, folder: str, library: Any) -> None:
        self._library, self._graph = library, library.call["TF_NewGraph"]()
        options, tags = library.call["TF_NewSessionOptions"](), (c_char_p * 1)(b"serve")
        self._session = library.call["TF_LoadSessionFromSavedModel"](
            options, None, folder.encode(), tags, 1, self._graph, None, library.status
        )
        library.call["TF_DeleteSessionOptions"](options)
        library.check()

    def run(self, feeds: Feeds, fetches: Fetches) -> Ran:
        """Run once; only `TF_SessionRun` is timed, which a server calls as well."""
        library = self._library
        sources = (Output * len(feeds))(*map(self._output, feeds))
        wanted = (Output * len(fetches))(*map(self._output, fetches))
        tensors, results = [library.tensor(values) for values in feeds.values()], (c_void_p * len(fetches))()
        values = (c_void_p * len(feeds))(*tensors)
        try:
            wall, cpu = time.perf_counter(), time.process_time()
            library.call["TF_SessionRun"](
                *(self._session, None),
                *(sources, values, len(feeds)),
                *(wanted, results, len(fetches)),
                *(None, 0, None, library.status),
            )
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            library.check()
            return [library.to_numpy(result) for result in results], wall, cpu
        finally:
            for tensor in tensors:
                library.delete(tensor)
            for result in filter(None, results):
                library.call["TF_DeleteTensor"](result)

    def close(self) -> None:
        """Free the session and the graph."""
        self._library.call["TF_DeleteSession"](self._session, self._library.status)
        self._library.call["TF_DeleteGraph"](self._graph)

    def _output(self, tensor_name: str) -> Any:
        operation, _, index = tensor_name.rpartition(":")
        return Output(self._library.call["TF_GraphOperationByName"](self._graph, operation.encode()), int(index))


def answer(session: Session, runs: list[tuple[Feeds, Fetches]]) -> list[Ran] | str:
    """Return the results of the runs, or an error message."""
    try:
        return [session.run(*run) for run in runs]
    except TensorFlowError as error:
        return str(error)


def main() -> None:
    """Load the model, then answer requests until standard input ends."""
    if sys.argv[1:]:
        os.sched_setaffinity(0, {int(sys.argv[1])})
    blocked = ("supportnet", "keras", "tensorflow")
    # Python refuses to import modules that are None here, and their submodules.
    sys.modules.update(dict.fromkeys(blocked))  # type: ignore[arg-type]
    folder, started = pickle.load(sys.stdin.buffer), time.perf_counter()
    try:
        session = Session(folder, Library())
    except (TensorFlowError, OSError) as error:
        send(str(error))
        return
    send(time.perf_counter() - started)
    with suppress(EOFError):
        while True:
            send(answer(session, pickle.load(sys.stdin.buffer)))
    session.close()


def send(reply: Any) -> None:
    """Write to standard output at once."""
    pickle.dump(reply, sys.stdout.buffer)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
