"""The contract of a task: training, scores message by message, an export, and a baseline that is scored alike."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import keras
import numpy as np
import numpy.typing as npt

from supportnet.config import NetworkConfig
from supportnet.data.ticket import TicketDataset
from supportnet.options import split_options
from supportnet.training.config import RunConfig

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Scored:
    """How good a model is on the test split.

    Attributes:
        figures: the means and other figures by name; None where one can't be measured.
        values: what the means are of, by name: one value a message, float `[N]`, NaN where it doesn't count.
        groups: the conversation of each message, N.
        details: what it said, for whoever looks at it; JSON can hold it, and it holds no personal data.
    """

    figures: Mapping[str, float | None]
    values: Mapping[str, Floats]
    groups: list[str]
    details: Mapping[str, Any] = field(default_factory=dict)


class Task(ABC):
    """A task of a comparison.

    Attributes:
        config: the class of its training's configuration.
        defaults: fields of `NetworkConfig` that it chooses otherwise.
        signature: of the export, whose time is taken.
    """

    config: ClassVar[type[RunConfig]]
    defaults: ClassVar[Mapping[str, Any]] = {}
    signature: ClassVar[str]

    def sizes(self, architecture: str, options: Mapping[str, Any]) -> tuple[NetworkConfig, RunConfig]:
        """Return both configurations of a training; a `UserError` says which option is wrong."""
        named = {"architecture": architecture, **options}
        return split_options(named, self.config, self.defaults, named.pop("preset", None))

    @abstractmethod
    def network(self, config: NetworkConfig, dataset: TicketDataset) -> keras.Model:
        """Make a network with the right number of weights outside its tables, to count them."""

    @abstractmethod
    def train(self, dataset: TicketDataset, architecture: str, options: Mapping[str, Any]) -> Any:
        """Train a model; returns what has `model` and `history`."""

    @abstractmethod
    def score(self, model: Any, dataset: TicketDataset) -> Scored:
        """Score a model on the test split."""

    @abstractmethod
    def save(self, model: Any, dataset: TicketDataset, folder: Path) -> Path:
        """Export a model; returns the version's folder."""

    @abstractmethod
    def fit_baseline(self, dataset: TicketDataset, options: Mapping[str, Any]) -> Any:
        """Fit the baseline to the training split."""

    @abstractmethod
    def score_baseline(self, baseline: Any, dataset: TicketDataset) -> Scored:
        """Score the baseline as a model is."""

    @abstractmethod
    def answer_baseline(self, baseline: Any) -> Callable[[list[str]], object]:
        """Return the function whose time is taken."""


def means_of(values: Mapping[str, Floats | None]) -> dict[str, float | None]:
    """Return the mean of each measure; None where there are no values."""
    return {name: None if found is None else float(np.nanmean(found)) for name, found in values.items()}


def known(values: Mapping[str, Floats | None]) -> dict[str, Floats]:
    """Leave out what wasn't measured."""
    return {name: found for name, found in values.items() if found is not None}
