"""Repliers in a comparison; the baseline is the reply to the most similar earlier message."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras
import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer

from supportnet.backbones.backbone import Backbone
from supportnet.config import NetworkConfig
from supportnet.data.splits import with_reply
from supportnet.data.ticket import Ticket, TicketDataset, conversations_of
from supportnet.tasks.comparison import Compared, Scored
from supportnet.tasks.reply.config import ReplyConfig
from supportnet.tasks.reply.data import filled
from supportnet.tasks.reply.evaluate import exact_matches, perplexity, reply_scores
from supportnet.tasks.reply.network import build_network
from supportnet.text.redaction import redact
from supportnet.text.rouge import rouge_l

#: Messages that are compared with all earlier ones at a time.
BLOCK = 500


#: Test messages whose replies are kept to be looked at.
SHOWN = 200


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


class ComparedRepliers(Compared):
    """See `Compared`."""

    figures: ClassVar[Mapping[str, str]] = {
        "rouge_l": "ROUGE-L",
        "bleu": "BLEU",
        "exact_match": "exact",
        "perplexity": "perplexity",
        "handoff_rate": "handed off",
    }
    decisive = ("rouge_l",)
    meaning: ClassVar[Mapping[str, str]] = {
        "rouge_l": "writes replies that share {points}% of their words with what the agent wrote"
    }
    baseline = "nearest message's reply"

    def network(self, config: NetworkConfig, dataset: TicketDataset) -> keras.Model:
        return build_network(config, Backbone(config, vocab_size=3), num_pieces=3)

    def score(self, model: Any, dataset: TicketDataset) -> Scored:
        tickets = self.messages(dataset)
        answers = model.write([ticket.text for ticket in tickets])
        written = [reply.decode() for reply in answers["reply"]]
        more = {
            "perplexity": perplexity(model, tickets),
            "handoff_rate": float(model.handoff.applies_to(answers["reply_score"], answers["complete"]).mean()),
        }
        return _scored(written, tickets, model.config.max_length, more)

    def fit_baseline(self, dataset: TicketDataset, config: ReplyConfig) -> Any:
        return NearestReply(with_reply(dataset["train"]))

    def score_baseline(self, baseline: Any, dataset: TicketDataset) -> Scored:
        tickets = self.messages(dataset)
        texts = [ticket.text for ticket in tickets]
        max_length = NetworkConfig().max_length
        return _scored(filled(baseline.reply(texts), texts, max_length), tickets, max_length, {})

    def answer_baseline(self, baseline: Any) -> Any:
        return baseline.reply

    def messages(self, dataset: TicketDataset) -> list[Ticket]:
        return with_reply(dataset["test"])

    def right(self, ticket: Ticket) -> str:
        return redact(ticket.reply or "")

    def is_good(self, found: Mapping[str, Any], row: int) -> bool:
        return bool(found["values"]["exact_match"][row] == 1)


def _scored(written: Sequence[str], tickets: Sequence[Ticket], max_length: int, more: Mapping[str, float]) -> Scored:
    texts, groups = [ticket.text for ticket in tickets], conversations_of(tickets)
    references = filled([ticket.reply or "" for ticket in tickets], texts, max_length)
    figures = {**reply_scores(written, references, groups), **more}
    values = {
        "rouge_l": 100 * rouge_l(written, references),
        "exact_match": exact_matches(written, references).astype(float),
    }
    del figures["intervals"], figures["bleu_signature"]
    return Scored(figures, values, groups, {"said": [redact(text) for text in written[:SHOWN]]})


COMPARED = ComparedRepliers()
