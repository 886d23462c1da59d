"""Models of attributes in a comparison, beside TF-IDF with a linear SVM for each attribute."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, cast

import keras
import numpy as np

from supportnet.backbones.backbone import Backbone
from supportnet.config import NetworkConfig
from supportnet.data.ticket import Ticket, TicketDataset, conversations_of
from supportnet.tasks.attributes.baseline import AttributeSvms
from supportnet.tasks.attributes.config import AttributesConfig
from supportnet.tasks.attributes.data import values_of, with_attributes
from supportnet.tasks.attributes.network import build_network
from supportnet.tasks.comparison import Compared, Scored


class ComparedAttributes(Compared):
    """See `Compared`."""

    figures: ClassVar[Mapping[str, str]] = {"accuracy": "accuracy"}
    decisive = ("accuracy",)
    meaning: ClassVar[Mapping[str, str]] = {"accuracy": "gets {share} of 100 attributes right"}
    baseline = "TF-IDF + linear SVM"

    def network(self, config: NetworkConfig, dataset: TicketDataset) -> keras.Model:
        counts = [len(own) for own in values_of(with_attributes(dataset["train"])).values()]
        return build_network(config, Backbone(config, vocab_size=3), counts)

    def score(self, model: Any, dataset: TicketDataset) -> Scored:
        texts = [ticket.text for ticket in with_attributes(dataset["test"])]
        return _scored([answer.values for answer in model.attributes(texts)], dataset)

    def fit_baseline(self, dataset: TicketDataset, config: AttributesConfig) -> AttributeSvms:
        return AttributeSvms(with_attributes(dataset["train"]))

    def score_baseline(self, baseline: AttributeSvms, dataset: TicketDataset) -> Scored:
        found = baseline.predict([ticket.text for ticket in with_attributes(dataset["test"])])
        return _scored([dict(zip(found, values, strict=True)) for values in zip(*found.values(), strict=True)], dataset)

    def answer_baseline(self, baseline: AttributeSvms) -> Callable[[list[str]], object]:
        return cast(Callable[[list[str]], object], baseline.predict)

    def examples(self, dataset: TicketDataset) -> tuple[Sequence[Ticket], list[str]]:
        tickets = with_attributes(dataset["test"])
        return tickets, [_listed(ticket.labels) for ticket in tickets]

    def said(self, found: Mapping[str, Any]) -> list[str]:
        return list(found["details"]["said"])


def _scored(predicted: Sequence[Mapping[str, str]], dataset: TicketDataset) -> Scored:
    """Score the share of a message's labels that are right."""
    tickets = with_attributes(dataset["test"])
    shares = [
        np.mean([own.get(name) == value for name, value in ticket.labels.items()])
        for own, ticket in zip(predicted, tickets, strict=True)
    ]
    values = {"accuracy": np.array(shares, dtype="float64")}
    figures = {"accuracy": float(values["accuracy"].mean())}
    return Scored(figures, values, conversations_of(tickets), {"said": [_listed(own) for own in predicted]})


def _listed(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in values.items())


COMPARED = ComparedAttributes()
