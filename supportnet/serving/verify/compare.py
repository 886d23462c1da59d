"""Whether two answers of a signature are the same."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

#: How far numbers may be apart, absolutely and relatively.
TOLERANCE = 1e-5


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
