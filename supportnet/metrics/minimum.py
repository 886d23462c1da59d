"""The search for a few numbers that make a loss small, without its gradient."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize


def minimum(
    loss: Callable[[npt.NDArray[np.floating]], float],
    start: npt.NDArray[np.floating],
    steps: Sequence[float],
    bounds: Sequence[tuple[float | None, float | None]],
    max_calls: int | None = None,
) -> npt.NDArray[np.floating]:
    """Return the N numbers at which a loss is smallest, to about a hundredth (Nelder & Mead 1965).

    Args:
        loss: of the numbers, `[N]`.
        start: where the search begins.
        steps: how far it goes at first, number by number. SciPy's own steps from 0 are tiny, and would end it where it
            begins.
        bounds: lowest and highest value of each number, None for neither.
        max_calls: of the loss, about; 200 a number if not given.

    Example:
        >>> minimum(lambda x: float(np.square(x - 2).sum()), np.zeros(1), [0.5], [(None, None)]).round(1)
        array([2.])
    """
    simplex = start + np.stack([np.zeros(len(start)), *np.diag(steps)])
    options = {"maxfev": max_calls, "xatol": 0.01, "fatol": 1e-4, "initial_simplex": simplex}
    return np.asarray(minimize(loss, start, method="Nelder-Mead", bounds=bounds, options=options).x)
