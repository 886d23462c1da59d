"""Process that loads an export as TensorFlow Serving does, without tensorflow and keras: `c_process.py [CORE]`.

`TF_LoadSessionFromSavedModel` uses the server's loader, `tensorflow::LoadSavedModel`, with XLA off as in the server;
HTTP, batching and the server's own build are not covered. Messages are pickles on standard input and output: first the
folder, answered with the seconds that loading took, then requests, each a list of runs. A run is feeds (tensor name ->
array) and fetches (tensor names), and is answered with the outputs, one array a fetch, its wall-clock seconds and the
process's CPU seconds. An error is answered as a string. `running_checks.py` is the other end.

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
from ctypes import c_char_p, c_int, c_int64, c_size_t, c_void_p
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

TF_STRING = 7
#: NumPy dtypes of TF_FLOAT, TF_INT32, TF_INT64, TF_BOOL.
DTYPES: dict[int, Any] = {1: np.dtype("float32"), 3: np.dtype("int32"), 9: np.dtype("int64"), 10: np.dtype("bool")}
#: Size of a `TF_TString` in bytes.
TSTRING_SIZE = 24
#: It loads libtensorflow_framework, which holds tensors and statuses, by itself.
FILES = {"linux": "libtensorflow_cc.so.2", "darwin": "libtensorflow_cc.2.dylib"}


class Pointer(c_void_p):
    """An opaque pointer. ctypes makes plain void pointers to numbers, which it would pass on as 32-bit integers."""


class Output(ctypes.Structure):
    """`TF_Output`: one of the outputs of an operation."""

    _fields_ = (("operation", c_void_p), ("index", c_int))


#: What functions return, unless it is an int or nothing. Arguments that are no pointers, arrays or ints are wrapped.
RESULTS: dict[Any, str] = {
    Pointer: "TF_NewStatus TF_NewGraph TF_NewSessionOptions TF_LoadSessionFromSavedModel TF_GraphOperationByName "
    "TF_AllocateTensor TF_TensorData TF_StringGetDataPointer",
    c_int64: "TF_Dim TF_TensorElementCount",
    c_size_t: "TF_StringGetSize",
    c_char_p: "TF_Message",
}


class TensorFlowError(RuntimeError):
    """A status isn't OK."""


class Library:
    """The C API of the installed wheel, and the status that its functions share. XLA is switched off.

    Attributes:
        api: the functions by name.
        status: see `check`.

    Raises:
        OSError: if the wheel has no such library.
    """

    def __init__(self) -> None:
        spec = PathFinder.find_spec("tensorflow")
        if spec is None or sys.platform not in FILES:
            raise OSError(f"TensorFlow for {sys.platform} isn't here, or has no C library")
        folder = Path(next(iter(spec.submodule_search_locations or ())))
        self.api = ctypes.CDLL(str(folder / FILES[sys.platform]))
        for result, names in RESULTS.items():
            for name in names.split():
                getattr(self.api, name).restype = result
        self.status = self.api.TF_NewStatus()
        # tensorflow::DisableXlaCompilation(), which the server calls when it starts.
        self.api._ZN10tensorflow21DisableXlaCompilationEv()

    def check(self) -> None:
        """Raise TensorFlowError if the status of the last call isn't OK."""
        if self.api.TF_GetCode(self.status):
            raise TensorFlowError(self.api.TF_Message(self.status).decode(errors="replace"))

    def tensor(self, values: npt.NDArray[Any]) -> Pointer:
        """Return a new tensor of an array: numbers, or objects that are `bytes`, `[B]`; `delete` frees it."""
        text = values.dtype == object
        kind = TF_STRING if text else next(kind for kind, dtype in DTYPES.items() if dtype == values.dtype)
        size = TSTRING_SIZE * values.size if text else values.nbytes
        shape = (c_int64 * values.ndim)(*values.shape)
        tensor: Pointer = self.api.TF_AllocateTensor(kind, shape, values.ndim, c_size_t(size))
        if text:
            for place, value in zip(self._places(tensor), values.ravel(), strict=True):
                self.api.TF_StringInit(place)
                self.api.TF_StringCopy(place, value, c_size_t(len(value)))
        else:
            ctypes.memmove(self.api.TF_TensorData(tensor), values.tobytes(), values.nbytes)
        return tensor

    def delete(self, tensor: Pointer) -> None:
        """Free a tensor that `tensor` made, and its strings."""
        if self.api.TF_TensorType(tensor) == TF_STRING:
            for place in self._places(tensor):
                self.api.TF_StringDealloc(place)
        self.api.TF_DeleteTensor(tensor)

    def to_numpy(self, tensor: Pointer) -> npt.NDArray[Any]:
        """Copy a tensor to an array: numbers, or objects that are `bytes`."""
        shape = [self.api.TF_Dim(tensor, axis) for axis in range(self.api.TF_NumDims(tensor))]
        kind = self.api.TF_TensorType(tensor)
        if kind == TF_STRING:
            return np.array([self._bytes_at(place) for place in self._places(tensor)], object).reshape(shape)
        size = DTYPES[kind].itemsize * self.api.TF_TensorElementCount(tensor)
        return np.frombuffer(ctypes.string_at(self.api.TF_TensorData(tensor), size), DTYPES[kind]).reshape(shape)

    def _places(self, tensor: Pointer) -> list[Pointer]:
        start, count = self.api.TF_TensorData(tensor).value or 0, self.api.TF_TensorElementCount(tensor)
        return [Pointer(start + TSTRING_SIZE * position) for position in range(count)]

    def _bytes_at(self, place: Pointer) -> bytes:
        return ctypes.string_at(self.api.TF_StringGetDataPointer(place), self.api.TF_StringGetSize(place))


class Session:
    """A SavedModel with the tag `serve`, loaded and initialised; freed when the process ends.

    Args:
        folder: of the version.
        library: the C API.

    Raises:
        TensorFlowError: if it can't be loaded.
    """

    def __init__(self, folder: str, library: Library) -> None:
        self._library, api = library, library.api
        self._graph, options, tags = api.TF_NewGraph(), api.TF_NewSessionOptions(), (c_char_p * 1)(b"serve")
        self._session = api.TF_LoadSessionFromSavedModel(
            options, None, folder.encode(), tags, 1, self._graph, None, library.status
        )
        library.check()

    def run(self, feeds: Mapping[str, npt.NDArray[Any]], fetches: Sequence[str]) -> tuple[list[Any], float, float]:
        """Return the outputs of a run, its wall-clock seconds and its CPU seconds.

        Only `TF_SessionRun` is timed, which a server calls as well.
        """
        library = self._library
        sources = (Output * len(feeds))(*map(self._output, feeds))
        wanted = (Output * len(fetches))(*map(self._output, fetches))
        tensors, results = [library.tensor(values) for values in feeds.values()], (Pointer * len(fetches))()
        values = (Pointer * len(feeds))(*tensors)
        try:
            wall, cpu = time.perf_counter(), time.process_time()
            library.api.TF_SessionRun(
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
                library.api.TF_DeleteTensor(result)

    def _output(self, tensor_name: str) -> Output:
        operation, _, index = tensor_name.rpartition(":")
        return Output(self._library.api.TF_GraphOperationByName(self._graph, operation.encode()), int(index))


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
            runs = pickle.load(sys.stdin.buffer)
            try:
                send([session.run(*run) for run in runs])
            except TensorFlowError as error:
                send(str(error))


def send(reply: Any) -> None:
    """Write to standard output at once."""
    pickle.dump(reply, sys.stdout.buffer)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
