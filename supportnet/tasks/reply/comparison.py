"""Repliers in a comparison, beside the reply to the nearest message."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, cast

import keras

from supportnet.backbones.backbone import Backbone
from supportnet.config import NetworkConfig
from supportnet.data.splits import with_reply
from supportnet.data.ticket import Ticket, TicketDataset, conversations_of
from supportnet.tasks.comparison import Compared, Scored
from supportnet.tasks.reply.baseline import NearestReply
from supportnet.tasks.reply.config import ReplyConfig
from supportnet.tasks.reply.evaluate import filled, perplexity
from supportnet.tasks.reply.network import build_network
from supportnet.tasks.reply.scores import exact_matches, reply_scores
from supportnet.text.redaction import redact
from supportnet.text.rouge import rouge_l

#: Test messages whose replies are kept to be looked at.
SHOWN = 200


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
        tickets = with_reply(dataset["test"])
        answers = model.write([ticket.text for ticket in tickets])
        written = [reply.decode() for reply in answers["reply"]]
        more = {
            "perplexity": perplexity(model, tickets),
            "handoff_rate": float(model.handoff.applies_to(answers["reply_score"], answers["complete"]).mean()),
        }
        return _scored(written, dataset, model.config.max_length, more)

    def fit_baseline(self, dataset: TicketDataset, config: ReplyConfig) -> Any:
        return NearestReply(with_reply(dataset["train"]))

    def score_baseline(self, baseline: Any, dataset: TicketDataset) -> Scored:
        texts = [ticket.text for ticket in with_reply(dataset["test"])]
        max_length = NetworkConfig().max_length
        return _scored(filled(baseline.reply(texts), texts, max_length), dataset, max_length, {})

    def answer_baseline(self, baseline: Any) -> Callable[[list[str]], object]:
        return cast(Callable[[list[str]], object], baseline.reply)

    def examples(self, dataset: TicketDataset) -> tuple[Sequence[Ticket], list[str]]:
        tickets = with_reply(dataset["test"])
        return tickets, [redact(ticket.reply or "") for ticket in tickets]

    def said(self, found: Mapping[str, Any]) -> list[str]:
        return list(found["details"]["said"])

    def is_good(self, found: Mapping[str, Any], row: int) -> bool:
        return bool(found["values"]["exact_match"][row] == 1)


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


COMPARED = ComparedRepliers()
