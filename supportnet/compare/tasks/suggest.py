"""The task suggest, beside BM25."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from supportnet.compare.tasks.task import Scored, Task, known, means_of
from supportnet.config import NetworkConfig
from supportnet.data.bank import Bank, bank_of_replies, same_text
from supportnet.data.splits import with_reply
from supportnet.data.ticket import TicketDataset, conversations_of
from supportnet.metrics.ranking import draw_candidates, ranks
from supportnet.serving.index import index
from supportnet.tasks.suggest.baseline import Bm25
from supportnet.tasks.suggest.evaluate import CANDIDATES, CANDIDATES_SEED, rank_values, rows_in_bank, suggestion_values
from supportnet.tasks.suggest.learner import NETWORK_DEFAULTS, train_suggester
from supportnet.tasks.suggest.network import build_suggestion_network
from supportnet.text.redaction import redact
from supportnet.training.config import SuggestionConfig

#: Test messages whose first suggestions are kept to be looked at.
SHOWN = 200


class Suggest(Task):
    """See `Task`."""

    config = SuggestionConfig
    defaults = NETWORK_DEFAULTS
    signature = "suggest"

    def network(self, config: NetworkConfig, dataset: TicketDataset) -> keras.Model:
        return build_suggestion_network(config, vocab_size=3)

    def train(self, dataset: TicketDataset, architecture: str, options: Mapping[str, Any]) -> Any:
        return train_suggester(dataset, architecture=architecture, progress_bar=False, **options)

    def score(self, model: Any, dataset: TicketDataset) -> Scored:
        tickets, bank = with_reply(dataset["test"]), _bank(dataset)
        values = suggestion_values(model, tickets, bank)
        first = model.suggest([ticket.text for ticket in tickets[:SHOWN]], model.index(bank), top_k=1)
        said = [redact(row[0].text) if row else "" for row in first]
        return Scored(means_of(values), known(values), conversations_of(tickets), {"said": said})

    def save(self, model: Any, dataset: TicketDataset, folder: Path) -> Path:
        return index(model, _bank(dataset), folder)

    def fit_baseline(self, dataset: TicketDataset, options: Mapping[str, Any]) -> Any:
        return Bm25([answer.text for answer in _bank(dataset).answers])

    def score_baseline(self, baseline: Any, dataset: TicketDataset) -> Scored:
        tickets, bank = with_reply(dataset["test"]), _bank(dataset)
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


def _bank(dataset: TicketDataset) -> Bank:
    return bank_of_replies(dataset.name, dataset["train"])
