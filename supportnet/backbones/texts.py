"""Plain strings in front of a model: checked, encoded, and run in batches."""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from supportnet.checks import check_positive, checked_texts
from supportnet.text.graph import are_cut, as_strings


def warn_if_cut(texts: Sequence[str], mode: str, max_length: int, stacklevel: int = 2) -> None:
    """Warn about messages longer than `max_length` tokens; the rest is truncated.

    Args:
        texts: the messages.
        mode: how they become tokens.
        max_length: tokens that are read of each.
        stacklevel: whose line is warned of; 2 is that of the caller.

    Warns:
        UserWarning: there are such messages.

    Example:
        >>> warn_if_cut(["where is my parcel"], "unicode", max_length=128)
    """
    # A token is one character at least: most messages needn't be read a second time.
    long = [text for text in texts if len(text) > max_length]
    batches = (long[i : i + 1024] for i in range(0, len(long), 1024))
    count = sum(int(are_cut(batch, mode, max_length).numpy().sum()) for batch in batches)
    if count:
        warnings.warn(
            f"Of {count} of {len(texts)} messages only the first {max_length} tokens are read (--max-length): a "
            "conversation loses its oldest turns.",
            stacklevel=stacklevel,
        )


def run_in_batches(
    serve: Callable[[Any], Mapping[str, Any]],
    texts: Iterable[str],
    outputs: Sequence[str],
    batch_size: int,
    what: str = "",
) -> dict[str, npt.NDArray[Any]]:
    """Run `serve` on all texts, in batches of similar length: padding costs as much as words do.

    Args:
        serve: string `[B]` -> tensors by name, `[B, ...]`.
        texts: N strings.
        outputs: names of the tensors that are wanted.
        batch_size: texts a batch, at most.
        what: label of a progress bar on standard error; none by default.

    Returns:
        Arrays by name, `[N, ...]`, rows in the order of the texts.

    Raises:
        UserError: see `checked_texts`; or `batch_size` is below 1.
    """
    texts = checked_texts(texts)
    check_positive("batch_size", batch_size)
    order = np.argsort([len(text) for text in texts], kind="stable")
    batches = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    shown = tqdm(batches, what, unit="batch", mininterval=0.5, disable=not what)
    served = (serve(as_strings([texts[i] for i in batch])) for batch in shown)
    rows = [{name: batch[name].numpy() for name in outputs} for batch in served]
    if not rows:
        # The shapes and dtypes of no rows. TensorFlow's kernels by oneDNN fail on empty batches now and then.
        nothing = serve(as_strings([""]))
        return {name: nothing[name].numpy()[:0] for name in outputs}
    back = np.argsort(order)
    return {name: np.concatenate([row[name] for row in rows])[back] for name in outputs}
