"""What a report is made of: the results, the runs behind them, and the messages."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from supportnet.compare.results import Outcome
from supportnet.compare.run import BASELINE
from supportnet.compare.table import model_name
from supportnet.data.ticket import TicketDataset


@dataclass(frozen=True)
class Part:
    """One data set and task of a comparison.

    Attributes:
        data: the data set's name.
        task: the task.
        dataset: its messages.
        outcomes: the runs that are done, the comparison's and no study's.
    """

    data: str
    task: str
    dataset: TicketDataset
    outcomes: Sequence[Outcome]

    @property
    def models(self) -> list[str]:
        """The models, in the order of the tables."""
        names = dict.fromkeys(outcome.run.model for outcome in self.outcomes)
        return sorted(names, key=lambda name: name == BASELINE)

    def label(self, model: str) -> str:
        """Return what a model is called."""
        return model_name(self.task, model)

    def of(self, model: str) -> list[Mapping[str, Any]]:
        """Return what a model's runs found, seed by seed."""
        return [outcome.found for outcome in self.outcomes if outcome.run.model == model and outcome.found is not None]

    def first(self) -> dict[str, Mapping[str, Any]]:
        """Return what the first seed of each model found."""
        return {model: self.of(model)[0] for model in self.models}


def parts_of(outcomes: Sequence[Outcome], datasets: Mapping[str, TicketDataset]) -> Iterator[Part]:
    """Return the parts that have a run that is done."""
    done = [outcome for outcome in outcomes if outcome.found is not None and not outcome.run.study]
    for data, task in dict.fromkeys((outcome.run.name, outcome.run.task) for outcome in done):
        same = [outcome for outcome in done if (outcome.run.name, outcome.run.task) == (data, task)]
        yield Part(data, task, datasets[data], same)
