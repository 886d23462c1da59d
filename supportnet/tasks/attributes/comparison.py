"""Models of attributes in a comparison; the baseline is TF-IDF with a linear SVM for each attribute."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras
import numpy as np

from supportnet.backbones.backbone import Backbone
from supportnet.config import NetworkConfig
from supportnet.data.ticket import Ticket, TicketDataset, conversations_of
from supportnet.tasks.attributes.config import AttributesConfig
from supportnet.tasks.attributes.data import values_of, with_attributes
from supportnet.tasks.attributes.network import build_network
from supportnet.tasks.comparison import Compared, Scored
from supportnet.training.svm import fit_svm


class AttributeSvms:
    """A linear SVM for each attribute.

    Args:
        tickets: with labels; each SVM is fitted to those that have its attribute.

    Example:
        >>> high, low = Ticket("it is urgent", labels={"priority": "high"}), Ticket("ty", labels={"priority": "low"})
        >>> AttributeSvms([high, low]).predict(["very urgent"])
        {'priority': ['high']}
    """

    def __init__(self, tickets: Sequence[Ticket]) -> None:
        self.pipelines = {}
        for name in values_of(tickets):
            labelled = [ticket for ticket in tickets if name in ticket.labels]
            self.pipelines[name] = fit_svm([t.text for t in labelled], [t.labels[name] for t in labelled])

    def predict(self, texts: Sequence[str]) -> dict[str, list[str]]:
        """Return attribute -> a value for each message."""
        return {name: pipeline.predict(list(texts)).tolist() for name, pipeline in self.pipelines.items()}


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
        tickets = self.messages(dataset)
        return _scored([answer.values for answer in model.attributes([ticket.text for ticket in tickets])], tickets)

    def fit_baseline(self, dataset: TicketDataset, config: AttributesConfig) -> AttributeSvms:
        return AttributeSvms(with_attributes(dataset["train"]))

    def score_baseline(self, baseline: AttributeSvms, dataset: TicketDataset) -> Scored:
        tickets = self.messages(dataset)
        found = baseline.predict([ticket.text for ticket in tickets])
        return _scored([dict(zip(found, values, strict=True)) for values in zip(*found.values(), strict=True)], tickets)

    def answer_baseline(self, baseline: AttributeSvms) -> Any:
        return baseline.predict

    def messages(self, dataset: TicketDataset) -> list[Ticket]:
        return with_attributes(dataset["test"])

    def right(self, ticket: Ticket) -> str:
        return _listed(ticket.labels)


def _scored(predicted: Sequence[Mapping[str, str]], tickets: Sequence[Ticket]) -> Scored:
    """Score the share of a message's labels that are right."""
    shares = [
        np.mean([own.get(name) == value for name, value in ticket.labels.items()])
        for own, ticket in zip(predicted, tickets, strict=True)
    ]
    values = {"accuracy": np.array(shares, dtype="float64")}
    return Scored.of(values, conversations_of(tickets), [_listed(own) for own in predicted])


def _listed(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in values.items())


COMPARED = ComparedAttributes()
