"""ROUGE-L of written replies."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from supportnet.errors import UserError


def rouge_l(written: Sequence[str], references: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return the ROUGE-L F1 of each reply, 0 to 1: the longest common subsequence of words (Lin 2004).

    Computed by rouge-score, without a stemmer. Words are lower-cased ASCII letters and digits: a reply without any,
    such as one in Cyrillic, gets 0.

    Returns:
        float64 `[N]`.

    Raises:
        UserError: if there are no replies, or not as many references.

    Example:
        >>> rouge_l(["Your parcel was sent.", ""], ["The parcel was sent today.", "Hello"]).round(3).tolist()
        [0.667, 0.0]
    """
    from rouge_score.rouge_scorer import RougeScorer

    check_pairs(written, references)
    scorer = RougeScorer(["rougeL"], use_stemmer=False)
    pairs = list(zip(written, references, strict=True))
    # Frequent replies repeat, also as pairs.
    found = {pair: scorer.score(target=pair[1], prediction=pair[0])["rougeL"].fmeasure for pair in dict.fromkeys(pairs)}
    return np.array([found[pair] for pair in pairs], dtype="float64")


def check_pairs(written: Sequence[str], references: Sequence[str]) -> None:
    """Raise a `UserError` unless there are replies, and as many references."""
    if not 0 < len(written) == len(references):
        raise UserError(
            "There must be at least one written reply, and as many references. "
            f"Received: {len(written)} written replies, {len(references)} references"
        )
