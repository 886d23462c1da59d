"""Run an export in a process with TensorFlow's C API: the answers of a server, and their latency."""

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, cast

import numpy.typing as npt

from supportnet.serving.verify.saved_model_files import SavedModelFiles

PROCESS = Path(__file__).with_name("c_process.py")
#: No logging, and no oneDNN, as in the server's release build.
SETTINGS = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}


class Request(NamedTuple):
    """A signature, and its inputs by name, `[B]` each."""

    signature: str
    inputs: Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Answer:
    """The answer to a request.

    Attributes:
        outputs: name -> array `[B, ...]`; strings are `bytes`.
        seconds: wall-clock time.
        cpu_seconds: CPU time of the process, all threads.
    """

    outputs: dict[str, npt.NDArray[Any]]
    seconds: float
    cpu_seconds: float


class CRuntimeError(RuntimeError):
    """The model can't be loaded or a request failed; the message is TensorFlow's."""


class CRuntime:
    """An export that is loaded in a process without supportnet, keras and tensorflow; see `c_process.py`.

    Args:
        model: files of the version to load.
        core: CPU core to pin the process to; None for all.

    Attributes:
        load_seconds: time of loading, without the start of the process.

    Raises:
        CRuntimeError: if it can't be loaded.

    Example:
        >>> with CRuntime(SavedModelFiles("saved_models/support")) as runtime:
        ...     answer, = runtime.ask([Request("embed", {"text": np.array([b"where is my parcel?"], object)})])
        >>> answer.outputs["embedding"].shape
        (1, 768)
    """

    def __init__(self, model: SavedModelFiles, core: int | None = None) -> None:
        self._model, self._core = model, core

    def __enter__(self) -> "CRuntime":
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self._said = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [sys.executable, str(PROCESS), *([] if self._core is None else [str(self._core)])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            cwd=PROCESS.anchor,
            env=environment | SETTINGS,
        )
        try:
            self.load_seconds = float(self._exchange(str(self._model.folder.absolute())))
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()
        self._said.close()

    def ask(self, requests: Sequence[Request]) -> list[Answer]:
        """Run requests one after the other.

        Raises:
            CRuntimeError: if one fails.
        """
        signatures = [self._model.signatures[request.signature] for request in requests]
        runs = [
            (
                {signature.inputs[name].name: values for name, values in request.inputs.items()},
                [info.name for info in signature.outputs.values()],
            )
            for request, signature in zip(requests, signatures, strict=True)
        ]
        return [
            Answer(dict(zip(signature.outputs, outputs, strict=True)), seconds, cpu_seconds)
            for signature, (outputs, seconds, cpu_seconds) in zip(signatures, self._exchange(runs), strict=True)
        ]

    def _exchange(self, message: Any) -> Any:
        try:
            pickle.dump(message, cast(IO[bytes], self._process.stdin))
            cast(IO[bytes], self._process.stdin).flush()
            reply = pickle.load(cast(IO[bytes], self._process.stdout))
        except (EOFError, BrokenPipeError):
            self._process.wait()
            self._said.seek(0)
            said = self._said.read().decode(errors="replace").strip()
            raise CRuntimeError(f"the process ended: {said[-2000:] or 'it said nothing'}") from None
        if isinstance(reply, str):
            raise CRuntimeError(reply)
        return reply
