"""What a user would pick instead to reply: the most frequent reply, or that of the most similar earlier message.

On STAR. A ticket's text is the context, its reply the reference.
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer

from supportnet.data.ticket import Ticket, TicketDataset, conversations_of
from supportnet.evaluation.reply_scores import reply_scores

#: Words that TF-IDF counts: single ones, or pairs too. On STAR single ones find the better replies.
NGRAMS = {"words": (1, 1), "words and pairs": (1, 2)}
#: Messages that are compared with all of the training split at a time.
BLOCK = 500


def peers(dataset: TicketDataset, split: str = "test") -> list[dict[str, Any]]:
    """Reply to the messages of `split` by what the training split holds.

    Args:
        dataset: STAR, or any other with replies.
        split: the split that is scored.

    Returns:
        One row a peer: its name, what `reply_scores` measures, and the CPU time: `cpu_seconds`, of counting and of all
        replies, and `milliseconds_per_reply`.
    """
    train, scored = dataset["train"], dataset[split]
    makers: dict[str, Callable[[], list[str]]] = {"most frequent reply": lambda: most_frequent(train, len(scored))}
    for words, ngrams in NGRAMS.items():
        makers[f"nearest message, TF-IDF of {words}"] = lambda ngrams=ngrams: nearest(train, scored, ngrams)
    return [{"name": name, **_scored(make, scored)} for name, make in makers.items()]


def most_frequent(train: Sequence[Ticket], count: int) -> list[str]:
    """Return the most frequent reply of `train`, `count` times."""
    ((reply, _),) = Counter(str(ticket.reply) for ticket in train).most_common(1)
    return [reply] * count


def nearest(train: Sequence[Ticket], scored: Sequence[Ticket], ngrams: tuple[int, int] = (1, 1)) -> list[str]:
    """Return the reply to the training message that is most similar to each message: the largest TF-IDF cosine.

    Of equally similar messages the first one counts, and so where no word of a message is known.

    Args:
        train: messages with replies.
        scored: the messages to reply to.
        ngrams: least and most words of what is counted.
    """
    vectorizer = TfidfVectorizer(ngram_range=ngrams, sublinear_tf=True)
    documents = vectorizer.fit_transform([without_speakers(ticket.text) for ticket in train]).T.tocsr()
    queries = vectorizer.transform([without_speakers(ticket.text) for ticket in scored])
    blocks = [queries[start : start + BLOCK] for start in range(0, queries.shape[0], BLOCK)]
    rows: npt.NDArray[np.int64] = np.concatenate([(block @ documents).toarray().argmax(axis=1) for block in blocks])
    return [str(train[row].reply) for row in rows]


def without_speakers(text: str) -> str:
    """Return a context's turns without who speaks: that is the same everywhere, and would only make pairs of words.

    Example:
        >>> without_speakers("customer: hi\\nagent: Hello!")
        'hi\\nHello!'
    """
    return re.sub(r"^(customer|agent): ", "", text, flags=re.MULTILINE)


def _scored(make: Callable[[], list[str]], scored: Sequence[Ticket]) -> dict[str, Any]:
    started = time.process_time()
    written = make()
    seconds = time.process_time() - started
    groups = conversations_of(scored)
    figures = reply_scores(written, [str(ticket.reply) for ticket in scored], groups)
    return {**figures, "cpu_seconds": seconds, "milliseconds_per_reply": 1000 * seconds / len(scored)}
