"""Suggesters in a comparison; the baseline is BM25 (Robertson & Zaragoza 2009), by bm25s."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import bm25s
import keras
import numpy as np
import numpy.typing as npt

from supportnet.backbones.backbone import Backbone
from supportnet.config import NetworkConfig
from supportnet.data.bank import Bank, bank_of_replies
from supportnet.data.splits import with_reply
from supportnet.data.ticket import Ticket, TicketDataset, conversations_of, same_text
from supportnet.metrics.ranking import draw_candidates, ranks
from supportnet.tasks.comparison import Compared, Scored
from supportnet.tasks.suggest.config import SuggestConfig
from supportnet.tasks.suggest.evaluate import CANDIDATES, CANDIDATES_SEED, rank_values, rows_in_bank, suggestion_values
from supportnet.tasks.suggest.network import build_network
from supportnet.text.redaction import redact

#: Test messages whose first suggestions are kept to be looked at.
SHOWN = 200


class Bm25:
    """An index of documents.

    Args:
        documents: M texts. English stop words aren't counted.

    Example:
        >>> Bm25(["Your parcel is on its way.", "Goodbye."]).scores(["my parcel"]).argmax(axis=1)
        array([0])
    """

    def __init__(self, documents: Sequence[str]) -> None:
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
    return bm25s.tokenize(list(texts), stopwords="en", return_ids=False, show_progress=False)


class ComparedSuggesters(Compared):
    """See `Compared`."""

    figures: ClassVar[Mapping[str, str]] = {
        "mrr": "MRR of 100",
        "recall_at_1": "R@1 of 100",
        "recall_at_10": "R@10 of 100",
        "bank_mrr": "MRR in bank",
        "bank_recall_at_1": "R@1 in bank",
        "label_accuracy": "right label",
    }
    decisive = ("mrr", "bank_mrr")
    meaning: ClassVar[Mapping[str, str]] = {
        "mrr": "ranks the right reply, among 100, on average as if it stood at place {place}",
        "bank_mrr": "finds the right reply, among all that are known, on average as if it stood at place {place}",
    }
    baseline = "BM25"

    def network(self, config: NetworkConfig, dataset: TicketDataset) -> keras.Model:
        return build_network(config, Backbone(config, vocab_size=3))

    def score(self, model: Any, dataset: TicketDataset) -> Scored:
        tickets, bank = self.messages(dataset), self.bank(dataset)
        values = suggestion_values(model, tickets, bank)
        first = model.suggest([ticket.text for ticket in tickets[:SHOWN]], model.index(bank), top_k=1)
        said = [redact(row[0].text) if row else "" for row in first]
        return Scored.of(values, conversations_of(tickets), said)

    def bank(self, dataset: TicketDataset) -> Bank:
        return bank_of_replies(dataset.name, dataset["train"])

    def fit_baseline(self, dataset: TicketDataset, config: SuggestConfig) -> Any:
        return Bm25([answer.text for answer in self.bank(dataset).answers])

    def score_baseline(self, baseline: Any, dataset: TicketDataset) -> Scored:
        tickets, bank = self.messages(dataset), self.bank(dataset)
        texts, replies = [ticket.text for ticket in tickets], [ticket.reply or "" for ticket in tickets]
        values: dict[str, Any] = {}
        if len(set(map(same_text, replies))) >= CANDIDATES:
            candidates = draw_candidates(replies, CANDIDATES, CANDIDATES_SEED)
            scores = np.take_along_axis(Bm25(replies).scores(texts), candidates, axis=1)
            values = rank_values(ranks(scores, np.zeros(len(scores), "int64")), "")
        right, scores = rows_in_bank(tickets, bank), baseline.scores(texts)
        found = np.where(right >= 0, ranks(scores, np.maximum(right, 0)), np.inf)
        values |= rank_values(found, "bank_")
        said = [redact(bank.answers[row].text) for row in scores[:SHOWN].argmax(axis=1).tolist()]
        return Scored.of(values, conversations_of(tickets), said)

    def answer_baseline(self, baseline: Any) -> Any:
        return lambda texts: baseline.scores(texts).argmax(axis=1)

    def messages(self, dataset: TicketDataset) -> list[Ticket]:
        return with_reply(dataset["test"])

    def right(self, ticket: Ticket) -> str:
        return redact(ticket.reply or "")


COMPARED = ComparedSuggesters()
