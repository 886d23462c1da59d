"""What can be said of an export by asking it, through the loader that TensorFlow Serving uses."""

import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from google.protobuf.message import DecodeError

from supportnet.savedmodel.warmup import BATCH_SIZES, inputs_of, read_warmup
from supportnet.serving.verify.c_runtime import CRuntime, CRuntimeError, Request
from supportnet.serving.verify.saved_model_files import SavedModelFiles
from supportnet.serving.verify.static_checks import Check, signature_problems

#: One of twelve words, by which latency is measured.
TWELVE_WORDS = b"I was charged twice for the same order, please refund it today"
PLAIN = (b"Where is my parcel?", b"refund", TWELVE_WORDS, b"I want my money back, please! " * 30)
#: In `bytes`, because not all of it is Unicode.
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
#: Calls whose median is the steady latency.
REPEATS = 50
#: How far numbers may be apart, absolutely and relatively.
TOLERANCE = 1e-5


def running_checks(model: SavedModelFiles) -> Iterator[Check]:
    """Load the model twice, as each must be new: asked at once, and after its warm-up.

    Signatures that the static checks found fault with aren't asked.
    """
    askable = [name for name, signature in model.signatures.items() if not signature_problems(signature)]
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
    """Ask a signature about messages."""
    inputs = model.signatures[signature].inputs
    return Request(signature, inputs_of({name: tf.as_dtype(info.dtype) for name, info in inputs.items()}, texts))


def cold_start(model: SavedModelFiles, runtime: CRuntime, askable: Sequence[str]) -> Check:
    """Load and first answer, without a warm-up; a server would warm up before."""
    (first,) = runtime.ask([request(model, _first(askable), [TWELVE_WORDS])])
    seconds = {"load_seconds": runtime.load_seconds, "first_answer_seconds": first.seconds}
    says = f"{sum(seconds.values()):.2f} s: load {runtime.load_seconds:.2f} s, first answer {first.seconds:.2f} s"
    return Check("cold start", None, says, seconds)


def warm_up(model: SavedModelFiles, runtime: CRuntime) -> Check:
    """Every record is answered, and every signature is asked."""
    try:
        requests = [Request(*record) for record in read_warmup(model.folder)]
    except (tf.errors.OpError, DecodeError) as error:
        return Check("warm-up", False, f"the records can't be read ({_line(error)})")
    strange = [problem for request in requests for problem in _problems(model, request)]
    if strange:
        return Check("warm-up", False, strange[0])
    seconds = sum(answer.seconds for answer in runtime.ask(requests))
    asked = {(request.signature, len(next(iter(request.inputs.values())))) for request in requests}
    lacking = [f"{name} with {size}" for name in model.signatures for size in BATCH_SIZES if (name, size) not in asked]
    says = f"no record for {', '.join(lacking)}" if lacking else f"{len(requests)} records answered in {seconds:.2f} s"
    return Check("warm-up", not lacking, says, {"records": len(requests), "seconds": seconds})


def _problems(model: SavedModelFiles, request: Request) -> list[str]:
    if request.signature not in model.signatures:
        return [f"the model has no signature {request.signature}"]
    if set(request.inputs) != set(model.signatures[request.signature].inputs):
        return [f"a record gives {request.signature} the inputs {', '.join(sorted(request.inputs))}"]
    return []


def latency(model: SavedModelFiles, runtime: CRuntime, name: str) -> Check:
    """The first request after the warm-up, and later ones: one message of twelve words."""
    first, *later = runtime.ask([request(model, name, [TWELVE_WORDS])] * (REPEATS + 1))
    steady = statistics.median(answer.seconds for answer in later)
    cpu = statistics.median(answer.cpu_seconds for answer in later)
    says = f"{1000 * steady:.2f} ms ({1000 * cpu:.2f} ms of CPU time), first {1000 * first.seconds:.2f} ms"
    figures = {"first_seconds": first.seconds, "seconds": steady, "cpu_seconds": cpu}
    return Check(f"latency of {name}", None, says, figures)


def batch_invariance(model: SavedModelFiles, runtime: CRuntime, askable: Sequence[str]) -> Check:
    """A server puts messages of several users into one batch: the others must change nothing."""
    texts, widest, problems = [*PLAIN, *NASTY.values()], 0.0, []
    for name in askable:
        together = request(model, name, texts)
        alone = [
            Request(name, {key: values[row : row + 1] for key, values in together.inputs.items()})
            for row in range(len(texts))
        ]
        batch, *rows = [answer.outputs for answer in runtime.ask([together, *alone])]
        joined = {key: np.concatenate([row[key] for row in rows]) for key in batch}
        difference, unlike = compare(batch, joined)
        widest = max(widest, difference)
        problems += [f"{name}: {output} differs" for output in unlike]
    fine = f"{len(texts)} messages, one by one as in a batch; numbers differ by {widest:.1e}, at most {TOLERANCE}"
    return Check("batch invariance", not problems, "; ".join(problems) or fine, {"difference": widest})


def nasty_strings(model: SavedModelFiles, runtime: CRuntime, askable: Sequence[str]) -> Check:
    """No message, and no batch without one, breaks a signature."""
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
    """Whether there is a row for each message, every number is one, and every string is Unicode."""
    if values.shape[:1] != (rows,):
        return False
    if values.dtype != object:
        return bool(np.isfinite(values).all())
    try:
        return all(isinstance(value.decode(), str) for value in values.ravel())
    except UnicodeDecodeError:
        return False


def _guarded(name: str, check: Callable[..., Check], *arguments: Any) -> Check:
    """Do a check; a request that fails in it fails it."""
    try:
        return check(*arguments)
    except CRuntimeError as error:
        return Check(name, False, _line(error))


def _first(askable: Sequence[str]) -> str:
    return "serving_default" if "serving_default" in askable else askable[0]


def _line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300]


def compare(left: Mapping[str, npt.NDArray[Any]], right: Mapping[str, npt.NDArray[Any]]) -> tuple[float, list[str]]:
    """Compare the outputs of a signature.

    Strings, whole numbers and decisions must be equal. Where strings are ranked by scores that stand in an output of
    the same shape, those whose scores are as good as equal may change places.

    Args:
        left, right: name -> array; the names are the same.

    Returns:
        The widest difference between numbers, and the names of the outputs that differ.

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
    """Where a neighbour in the ranking has the same score."""
    tied = np.zeros(values.shape, bool)
    scores = [output for output in outputs if output.dtype.kind == "f" and output.shape == values.shape]
    if values.dtype == object and values.ndim == 2 and len(scores) == 1:
        near = np.abs(np.diff(scores[0], axis=1)) <= TOLERANCE
        tied[:, 1:] |= near
        tied[:, :-1] |= near
    return tied
