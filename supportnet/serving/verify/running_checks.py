"""Checks that run an export in a process with TensorFlow's C API (`CRuntime`), the loader of TensorFlow Serving."""

import os
import pickle
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from google.protobuf.message import DecodeError

from supportnet.savedmodel.signatures import BATCH_SIZES, inputs_of, read_warmup
from supportnet.serving.verify.static_checks import Check, SavedModelFiles, signature_problems

PROCESS = Path(__file__).with_name("c_process.py")
#: No logging, no path to packages, and no oneDNN, as in the server's release build.
SETTINGS = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": "", "TF_ENABLE_ONEDNN_OPTS": "0"}
#: The message for measuring latency.
TWELVE_WORDS = b"I was charged twice for the same order, please refund it today"
PLAIN = (b"Where is my parcel?", b"refund", TWELVE_WORDS, b"I want my money back, please! " * 30)
#: Messages that a model must survive; `bytes`, because not all are valid UTF-8.
NASTY = {
    "empty": b"",
    "white space": " \t\r\n\u00a0\u3000\u200b".encode(),
    "1 MB": b"where is my parcel? " * 50_000,
    "1 MB in one word": b"a" * 1_000_000,
    "invalid UTF-8": b"caf\xe9 \xff\xfe \xed\xa0\x80 refund",
    "NUL bytes": b"\x00a\x00b\x00",
    "lone combining marks": "\u0301\u0308\u20dd e\u0301\u0301\u0301".encode(),
    "right to left": "أين طردي؟ \u202eהחזר כספי\u202c".encode(),
    "emoji": "👍🏽👨‍👩‍👧‍👦🏳️‍🌈 🇩🇪".encode(),
    "unknown words only": b"zzyzx qwxyzzy vvrkk",
    "only a placeholder": b"{email} <number> ann@example.com",
}
#: Number of calls; latency is their median.
REPEATS = 50
#: Absolute and relative tolerance of numbers.
TOLERANCE = 1e-5


class Request(NamedTuple):
    """A signature, and its inputs by name, `[B]` each."""

    signature: str
    inputs: Mapping[str, npt.NDArray[Any]]


class Answer(NamedTuple):
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

    Example (needs an export):
        >>> with CRuntime(SavedModelFiles("saved_models/support")) as runtime:
        ...     answer, = runtime.ask([Request("embed", {"text": np.array([b"where is my parcel?"], object)})])
        >>> answer.outputs["embedding"].shape
        (1, 768)
    """

    def __init__(self, model: SavedModelFiles, core: int | None = None) -> None:
        self._model, self._core = model, core

    def __enter__(self) -> "CRuntime":
        self._said = tempfile.TemporaryFile()
        self._process: Any = subprocess.Popen(
            [sys.executable, str(PROCESS), *([] if self._core is None else [str(self._core)])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            cwd=PROCESS.anchor,
            env={**os.environ, **SETTINGS},
        )
        try:
            self.load_seconds = float(self._exchange(str(self._model.folder.absolute())))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()
        self._said.close()

    def ask(self, requests: Sequence[Request]) -> list[Answer]:
        """Run requests one after the other.

        Raises:
            CRuntimeError: if one fails.
        """
        signatures = [self._model.signatures[request.signature] for request in requests]
        runs = []
        for (_, inputs), signature in zip(requests, signatures, strict=True):
            feeds = {signature.inputs[name].name: values for name, values in inputs.items()}
            runs.append((feeds, [info.name for info in signature.outputs.values()]))
        return [
            Answer(dict(zip(signature.outputs, outputs, strict=True)), *seconds)
            for signature, (outputs, *seconds) in zip(signatures, self._exchange(runs), strict=True)
        ]

    def _exchange(self, message: Any) -> Any:
        try:
            pickle.dump(message, self._process.stdin)
            self._process.stdin.flush()
            reply = pickle.load(self._process.stdout)
        except (EOFError, BrokenPipeError):
            self._process.wait()
            self._said.seek(0)
            said = self._said.read().decode(errors="replace").strip()
            raise CRuntimeError(f"the process ended: {said[-2000:] or 'it said nothing'}") from None
        if isinstance(reply, str):
            raise CRuntimeError(reply)
        return reply


def running_checks(model: SavedModelFiles) -> Iterator[Check]:
    """Load the model twice, once for the cold start and once for the checks after a warm-up.

    Signatures that fail the static checks are skipped.
    """
    askable = [name for name, signature in model.signatures.items() if not any(signature_problems(signature))]
    if not askable:
        return
    try:
        with CRuntime(model) as runtime:
            yield _guarded("cold start", cold_start, model, runtime, askable)
        with CRuntime(model) as runtime:
            yield _guarded("warm-up", warm_up, model, runtime)
            for name in askable:
                yield _guarded(f"latency of {name}", latency, model, runtime, name)
            yield _guarded("batch invariance", batch_invariance, model, runtime, askable)
            yield _guarded("nasty strings", nasty_strings, model, runtime, askable)
    except CRuntimeError as error:
        yield Check("load", False, f"TensorFlow's C API can't load it: {_line(error)}")


def request(model: SavedModelFiles, signature: str, texts: Sequence[bytes]) -> Request:
    """Return a request to a signature with messages."""
    inputs = model.signatures[signature].inputs
    return Request(signature, inputs_of({name: tf.as_dtype(info.dtype) for name, info in inputs.items()}, texts))


def cold_start(model: SavedModelFiles, runtime: CRuntime, askable: Sequence[str]) -> Check:
    """Measure the load and the first answer without a warm-up; a server would warm up first."""
    name = "serving_default" if "serving_default" in askable else askable[0]
    (first,) = runtime.ask([request(model, name, [TWELVE_WORDS])])
    seconds = {"load_seconds": runtime.load_seconds, "first_answer_seconds": first.seconds}
    says = f"{sum(seconds.values()):.2f} s: load {runtime.load_seconds:.2f} s, first answer {first.seconds:.2f} s"
    return Check("cold start", None, says, seconds)


def warm_up(model: SavedModelFiles, runtime: CRuntime) -> Check:
    """Check that every warm-up record is answered, and that every signature has records."""
    try:
        requests = [Request(*record) for record in read_warmup(model.folder)]
    except (tf.errors.OpError, DecodeError) as error:
        return Check("warm-up", False, f"the records can't be read ({_line(error)})")
    for name, inputs in requests:
        if name not in model.signatures:
            return Check("warm-up", False, f"the model has no signature {name}")
        if set(inputs) != set(model.signatures[name].inputs):
            return Check("warm-up", False, f"a record gives {name} the inputs {', '.join(sorted(inputs))}")
    seconds = sum(answer.seconds for answer in runtime.ask(requests))
    asked = {(name, len(next(iter(inputs.values())))) for name, inputs in requests}
    lacking = [f"{name} with {size}" for name in model.signatures for size in BATCH_SIZES if (name, size) not in asked]
    says = f"no record for {', '.join(lacking)}" if lacking else f"{len(requests)} records answered in {seconds:.2f} s"
    return Check("warm-up", not lacking, says, {"records": len(requests), "seconds": seconds})


def latency(model: SavedModelFiles, runtime: CRuntime, name: str) -> Check:
    """Measure the first request after the warm-up, and the median of later ones."""
    first, *later = runtime.ask([request(model, name, [TWELVE_WORDS])] * (REPEATS + 1))
    steady = statistics.median(answer.seconds for answer in later)
    cpu = statistics.median(answer.cpu_seconds for answer in later)
    says = f"{1000 * steady:.2f} ms ({1000 * cpu:.2f} ms of CPU time), first {1000 * first.seconds:.2f} ms"
    figures = {"first_seconds": first.seconds, "seconds": steady, "cpu_seconds": cpu}
    return Check(f"latency of {name}", None, says, figures)


def batch_invariance(model: SavedModelFiles, runtime: CRuntime, askable: Sequence[str]) -> Check:
    """Check that the other messages of a batch change nothing: a server batches messages of several users."""
    texts, widest, problems = [*PLAIN, *NASTY.values()], 0.0, []
    for name in askable:
        together = request(model, name, texts)
        alone = [request(model, name, [text]) for text in texts]
        batch, *rows = [answer.outputs for answer in runtime.ask([together, *alone])]
        joined = {key: np.concatenate([row[key] for row in rows]) for key in batch}
        difference, unlike = compare(batch, joined)
        widest = max(widest, difference)
        problems += [f"{name}: {output} differs" for output in unlike]
    fine = f"{len(texts)} messages, one by one as in a batch; numbers differ by {widest:.1e}, at most {TOLERANCE}"
    return Check("batch invariance", not problems, "; ".join(problems) or fine, {"difference": widest})


def nasty_strings(model: SavedModelFiles, runtime: CRuntime, askable: Sequence[str]) -> Check:
    """Check that unusual messages and an empty batch get usable answers."""
    problems = []
    for name in askable:
        for what, texts in {**{what: [text] for what, text in NASTY.items()}, "no message": []}.items():
            try:
                (answer,) = runtime.ask([request(model, name, texts)])
            except CRuntimeError as error:
                problems.append(f"{name}, {what}: {_line(error)}")
                continue
            unusable = [key for key, values in answer.outputs.items() if not _usable(values, len(texts))]
            problems += [f"{name}, {what}: {key} can't be used" for key in unusable]
    fine = f"{', '.join(NASTY)}; and no message at all"
    return Check("nasty strings", not problems, "; ".join(problems[:3]) or fine)


def _usable(values: npt.NDArray[Any], rows: int) -> bool:
    """Return whether there is a row for each message, all numbers are finite and all strings valid UTF-8."""
    if values.shape[:1] != (rows,):
        return False
    if values.dtype != object:
        return bool(np.isfinite(values).all())
    try:
        return all(isinstance(value.decode(), str) for value in values.ravel())
    except UnicodeDecodeError:
        return False


def _guarded(name: str, check: Callable[..., Check], *arguments: Any) -> Check:
    """Run a check, which fails if one of its requests fails."""
    try:
        return check(*arguments)
    except CRuntimeError as error:
        return Check(name, False, _line(error))


def _line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300]


def compare(left: Mapping[str, npt.NDArray[Any]], right: Mapping[str, npt.NDArray[Any]]) -> tuple[float, list[str]]:
    """Compare the outputs of a signature.

    Strings, integers and booleans must be equal. Where strings are ranked by scores in an output of the same shape,
    neighbours whose scores differ by no more than the tolerance may change places.

    Args:
        left, right: name -> array; the names are the same.

    Returns:
        The largest difference between numbers, and the names of the outputs that differ.

    Example:
        >>> compare({"score": np.array([0.5])}, {"score": np.array([0.6])})
        (0.09999999999999998, ['score'])
    """
    widest, unlike = 0.0, []
    for name, values in left.items():
        others = right[name]
        if values.shape != others.shape:
            unlike.append(name)
        elif values.dtype.kind == "f":
            finite = np.isfinite(values) & np.isfinite(others)
            widest = max(widest, float(np.abs(values[finite] - others[finite]).max(initial=0)))
            if not np.allclose(values, others, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
                unlike.append(name)
        elif ((values != others) & ~_tied(values, left.values())).any():
            unlike.append(name)
    return widest, unlike


def _tied(values: npt.NDArray[Any], outputs: Iterable[npt.NDArray[Any]]) -> npt.NDArray[np.bool_]:
    """Return where a neighbour in the ranking has the same score, up to the tolerance."""
    tied = np.zeros(values.shape, bool)
    scores = [output for output in outputs if output.dtype.kind == "f" and output.shape == values.shape]
    if values.dtype == object and values.ndim == 2 and len(scores) == 1:
        near = np.abs(np.diff(scores[0], axis=1)) <= TOLERANCE
        tied[:, 1:] |= near
        tied[:, :-1] |= near
    return tied
