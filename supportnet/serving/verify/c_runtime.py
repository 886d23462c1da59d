"""An export in a process of TensorFlow's C API: what a server would answer, and how long it would take."""

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

from supportnet.serving.verify.written import WrittenModel

PROCESS = Path(__file__).with_name("c_process.py")
#: No log; and without oneDNN, as the server's release build is configured.
SETTINGS = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}


class Request(NamedTuple):
    """A signature, and its inputs by name, `[B]` each."""

    signature: str
    inputs: Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Answer:
    """What a request got.

    Attributes:
        outputs: name -> array `[B, ...]`; strings are `bytes`.
        seconds: by the clock.
        cpu_seconds: of the process's CPU time, all its threads.
    """

    outputs: dict[str, npt.NDArray[Any]]
    seconds: float
    cpu_seconds: float


class CRuntimeError(RuntimeError):
    """The model can't be loaded or a request failed; the message is TensorFlow's."""


class CRuntime:
    """An export, loaded in a process that imports neither supportnet, keras nor tensorflow; see `c_process.py`.

    Args:
        model: what is loaded.
        core: the processor that the process is held on; all of them if None.

    Attributes:
        load_seconds: what loading took, without the start of the process.

    Raises:
        CRuntimeError: it can't be loaded.

    Example (needs an export):
        >>> with CRuntime(WrittenModel("saved_models/support")) as runtime:
        ...     answer, = runtime.ask([Request("embed", {"text": np.array([b"where is my parcel?"], object)})])
        >>> answer.outputs["embedding"].shape
        (1, 768)
    """

    def __init__(self, model: WrittenModel, core: int | None = None) -> None:
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
        """Have requests answered, one after the other.

        Raises:
            CRuntimeError: one failed.
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
