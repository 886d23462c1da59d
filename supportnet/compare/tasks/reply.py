"""The task reply, beside the reply to the nearest message."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import keras

from supportnet.compare.tasks.task import Scored, Task
from supportnet.config import NetworkConfig
from supportnet.data.splits import with_reply
from supportnet.data.ticket import TicketDataset, conversations_of
from supportnet.serving.export import export
from supportnet.tasks.reply.baseline import NearestReply
from supportnet.tasks.reply.evaluate import filled, perplexity
from supportnet.tasks.reply.learner import NETWORK_DEFAULTS, train_replier
from supportnet.tasks.reply.network import build_reply_network
from supportnet.tasks.reply.scores import exact_matches, reply_scores
from supportnet.text.redaction import redact
from supportnet.text.rouge import rouge_l
from supportnet.training.config import ReplyConfig

#: Test messages whose replies are kept to be looked at.
SHOWN = 200


class WriteReplies(Task):
    """See `Task`."""

    config = ReplyConfig
    defaults = NETWORK_DEFAULTS
    signature = "reply"

    def network(self, config: NetworkConfig, dataset: TicketDataset) -> keras.Model:
        return build_reply_network(config, vocab_size=3, num_pieces=3)

    def train(self, dataset: TicketDataset, architecture: str, options: Mapping[str, Any]) -> Any:
        return train_replier(dataset, architecture=architecture, progress_bar=False, **options)

    def score(self, model: Any, dataset: TicketDataset) -> Scored:
        tickets = with_reply(dataset["test"])
        answers = model.write([ticket.text for ticket in tickets])
        written = [reply.decode() for reply in answers["reply"]]
        more = {
            "perplexity": perplexity(model, tickets),
            "handoff_rate": float(model.handoff.applies_to(answers["reply_score"], answers["complete"]).mean()),
        }
        return _scored(written, dataset, model.config.max_length, more)

    def save(self, model: Any, dataset: TicketDataset, folder: Path) -> Path:
        return export(model, folder)

    def fit_baseline(self, dataset: TicketDataset, options: Mapping[str, Any]) -> Any:
        return NearestReply(with_reply(dataset["train"]))

    def score_baseline(self, baseline: Any, dataset: TicketDataset) -> Scored:
        texts = [ticket.text for ticket in with_reply(dataset["test"])]
        max_length = NetworkConfig().max_length
        return _scored(filled(baseline.reply(texts), texts, max_length), dataset, max_length, {})

    def answer_baseline(self, baseline: Any) -> Callable[[list[str]], object]:
        return cast(Callable[[list[str]], object], baseline.reply)


def _scored(written: Sequence[str], dataset: TicketDataset, max_length: int, more: Mapping[str, float]) -> Scored:
    tickets = with_reply(dataset["test"])
    texts, groups = [ticket.text for ticket in tickets], conversations_of(tickets)
    references = filled([ticket.reply or "" for ticket in tickets], texts, max_length)
    figures = {**reply_scores(written, references, groups), **more}
    values = {
        "rouge_l": 100 * rouge_l(written, references),
        "exact_match": exact_matches(written, references).astype(float),
    }
    del figures["intervals"], figures["bleu_signature"]
    return Scored(figures, values, groups, {"said": [redact(text) for text in written[:SHOWN]]})
