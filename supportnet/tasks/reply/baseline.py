"""What a user would pick instead to reply: the reply to the most similar earlier message."""

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer

from supportnet.data.ticket import Ticket

#: Messages that are compared with all earlier ones at a time.
BLOCK = 500


class NearestReply:
    """Gives a message the reply to the earlier one that is most similar to it: the largest TF-IDF cosine.

    Of equally similar messages the first one counts, and so where no word of a message is known.

    Args:
        train: earlier messages, all with a reply.
        ngrams: least and most words of what is counted.

    Example:
        >>> train = [Ticket("my parcel", reply="It is on its way."), Ticket("my money", reply="It is refunded.")]
        >>> NearestReply(train).reply(["where is the parcel"])
        ['It is on its way.']
    """

    def __init__(self, train: Sequence[Ticket], ngrams: tuple[int, int] = (1, 1)) -> None:
        self.replies = [str(ticket.reply) for ticket in train]
        self._vectorizer = TfidfVectorizer(ngram_range=ngrams, sublinear_tf=True)
        self._documents = self._vectorizer.fit_transform([without_speakers(ticket.text) for ticket in train]).T.tocsr()

    def reply(self, texts: Sequence[str]) -> list[str]:
        """Return a reply to each message."""
        queries = self._vectorizer.transform([without_speakers(text) for text in texts])
        blocks = [queries[start : start + BLOCK] for start in range(0, queries.shape[0], BLOCK)]
        rows: list[npt.NDArray[np.int64]] = [(block @ self._documents).toarray().argmax(axis=1) for block in blocks]
        return [self.replies[row] for row in np.concatenate(rows)]


def without_speakers(text: str) -> str:
    """Return a context's turns without who speaks: that is the same everywhere, and would only make pairs of words.

    Example:
        >>> without_speakers("customer: hi\\nagent: Hello!")
        'hi\\nHello!'
    """
    return re.sub(r"^(customer|agent): ", "", text, flags=re.MULTILINE)
