"""What a user would pick instead to reply: the most frequent reply, or that of the most similar earlier message.

On STAR. A ticket's text is the context, its reply the reference.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from supportnet.data.ticket import Ticket, TicketDataset, conversations_of
from supportnet.tasks.reply.comparison import NearestReply
from supportnet.tasks.reply.evaluate import reply_scores

#: Words that TF-IDF counts: single ones, or pairs too. On STAR single ones find the better replies.
NGRAMS = {"words": (1, 1), "words and pairs": (1, 2)}


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
    texts = [ticket.text for ticket in scored]
    makers: dict[str, Callable[[], list[str]]] = {"most frequent reply": lambda: most_frequent(train, len(scored))}
    for words, ngrams in NGRAMS.items():
        makers[f"nearest message, TF-IDF of {words}"] = lambda ngrams=ngrams: NearestReply(train, ngrams).reply(texts)
    return [{"name": name, **_scored(make, scored)} for name, make in makers.items()]


def most_frequent(train: Sequence[Ticket], count: int) -> list[str]:
    """Return the most frequent reply of `train`, `count` times."""
    ((reply, _),) = Counter(str(ticket.reply) for ticket in train).most_common(1)
    return [reply] * count


def _scored(make: Callable[[], list[str]], scored: Sequence[Ticket]) -> dict[str, Any]:
    started = time.process_time()
    written = make()
    seconds = time.process_time() - started
    groups = conversations_of(scored)
    figures = reply_scores(written, [str(ticket.reply) for ticket in scored], groups)
    return {**figures, "cpu_seconds": seconds, "milliseconds_per_reply": 1000 * seconds / len(scored)}
