"""BM25 beside the models."""

import numpy as np

from supportnet.tasks.suggest.comparison import Bm25


def test_the_document_with_the_same_words_is_first_and_none_is_for_unknown_words() -> None:
    index = Bm25(["Your parcel is fine.", "Your flight is fine.", "About what?"])
    scores = index.scores(["my flight", "zebra", ""])
    assert scores.shape == (3, 3)
    assert scores[0].argmax() == 1
    np.testing.assert_array_equal(scores[1:], 0)
