"""The process that loads an export as TensorFlow Serving does, without tensorflow and keras: `c_process.py [CORE]`.

`TF_LoadSessionFromSavedModel` reaches the same loader, `tensorflow::LoadSavedModel`, as the server does, with XLA off
as in the server; HTTP, batching and the server's own build are not here. Pickles come on standard input and go to
standard output: first the folder, which is answered with the seconds of the load, then requests, each a list of runs.
A run is feeds (name of a tensor -> array) and fetches (names of tensors), and is answered with the outputs, an array a
fetch, and the seconds that it took by the clock and of the process's CPU time. What goes wrong is answered as a string.
See `c_runtime.py`, which asks.
"""

import os
import pickle
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from ctypes import c_char_p, c_void_p
from typing import Any

import numpy.typing as npt

# By its own name: this file is started by its path, so that nothing of the package around it is imported.
from c_library import Library, Output, TensorFlowError  # type: ignore[import-not-found]

Feeds = Mapping[str, npt.NDArray[Any]]
Fetches = Sequence[str]
#: Outputs, and the seconds of the run: by the clock, and of the CPU.
Ran = tuple[list[npt.NDArray[Any]], float, float]


class Session:
    """A SavedModel with the tag `serve`, loaded and initialised.

    Args:
        folder: of the version.
        library: the C API.

    Raises:
        TensorFlowError: it can't be loaded.
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
        """Run once; what is timed is `TF_SessionRun`, which a server calls as well."""
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
    """Do the runs, or say what went wrong."""
    try:
        return [session.run(*run) for run in runs]
    except TensorFlowError as error:
        return str(error)


def main() -> None:
    """Load, and answer until standard input ends."""
    if sys.argv[1:]:
        os.sched_setaffinity(0, {int(sys.argv[1])})
    blocked = ("supportnet", "keras", "tensorflow")
    # Python refuses to import what stands as None here, and its parts.
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
