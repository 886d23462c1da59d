"""Suggesters in a comparison, beside BM25."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import keras
import numpy as np

from supportnet.backbones.backbone import Backbone
from supportnet.config import NetworkConfig
from supportnet.data.bank import Bank, bank_of_replies, same_text
from supportnet.data.splits import with_reply
from supportnet.data.ticket import Ticket, TicketDataset, conversations_of
from supportnet.metrics.ranking import draw_candidates, ranks
from supportnet.tasks.comparison import Compared, Scored, known, means_of
from supportnet.tasks.suggest.baseline import Bm25
from supportnet.tasks.suggest.config import SuggestConfig
from supportnet.tasks.suggest.evaluate import CANDIDATES, CANDIDATES_SEED, rank_values, rows_in_bank, suggestion_values
from supportnet.tasks.suggest.network import build_network
from supportnet.text.redaction import redact

#: Test messages whose first suggestions are kept to be looked at.
SHOWN = 200


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
        tickets, bank = with_reply(dataset["test"]), self.bank(dataset)
        values = suggestion_values(model, tickets, bank)
        first = model.suggest([ticket.text for ticket in tickets[:SHOWN]], model.index(bank), top_k=1)
        said = [redact(row[0].text) if row else "" for row in first]
        return Scored(means_of(values), known(values), conversations_of(tickets), {"said": said})

    def bank(self, dataset: TicketDataset) -> Bank:
        return bank_of_replies(dataset.name, dataset["train"])

    def fit_baseline(self, dataset: TicketDataset, config: SuggestConfig) -> Any:
        return Bm25([answer.text for answer in self.bank(dataset).answers])

    def score_baseline(self, baseline: Any, dataset: TicketDataset) -> Scored:
        tickets, bank = with_reply(dataset["test"]), self.bank(dataset)
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
        return Scored(means_of(values), known(values), conversations_of(tickets), {"said": said})

    def answer_baseline(self, baseline: Any) -> Callable[[list[str]], object]:
        return lambda texts: baseline.scores(texts).argmax(axis=1)

    def examples(self, dataset: TicketDataset) -> tuple[Sequence[Ticket], list[str]]:
        tickets = with_reply(dataset["test"])
        return tickets, [redact(ticket.reply or "") for ticket in tickets]

    def said(self, found: Mapping[str, Any]) -> list[str]:
        return list(found["details"]["said"])


COMPARED = ComparedSuggesters()
