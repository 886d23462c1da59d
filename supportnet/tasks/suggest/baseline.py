"""What a user would pick instead to suggest replies: BM25 (Robertson & Zaragoza 2009), by bm25s."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


class Bm25:
    """An index of documents.

    Args:
        documents: M texts. English stop words aren't counted.

    Example:
        >>> Bm25(["Your parcel is on its way.", "Goodbye."]).scores(["my parcel"]).argmax(axis=1)
        array([0])
    """

    def __init__(self, documents: Sequence[str]) -> None:
        import bm25s

        self._index = bm25s.BM25(k1=1.5, b=0.75)
        self._index.index(_tokens(documents), show_progress=False)

    def scores(self, queries: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return the score of every document for every query, float32 `[N, M]`.

        A query without a word of the documents has the score 0 with all of them.
        """
        # By ids, as a query may have no word of the index.
        ids = (self._index.get_tokens_ids(query) for query in _tokens(queries))
        return np.stack([self._index.get_scores_from_ids(query) for query in ids])


def _tokens(texts: Sequence[str]) -> Any:
    import bm25s

    return bm25s.tokenize(list(texts), stopwords="en", return_ids=False, show_progress=False)
