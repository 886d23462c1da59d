"""How models are compared: the contract between a task and a comparison of architectures, and the time of a message.

Scores are message by message, and a baseline, what a user would pick instead, is scored alike.
"""

import statistics
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import keras
import numpy as np
import numpy.typing as npt

from supportnet.config import NetworkConfig
from supportnet.data.bank import Bank
from supportnet.data.ticket import Ticket, TicketDataset

Floats = npt.NDArray[np.floating]

#: Messages that the latency is measured on, and that run before, unmeasured.
TIMED_MESSAGES, UNTIMED_MESSAGES = 100, 5


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

    @classmethod
    def of(cls, values: Mapping[str, Floats | None], groups: list[str], said: list[str]) -> Self:
        """Take the means of values, of which None stands for what wasn't measured; `said` are the answers."""
        means = {name: None if found is None else float(np.nanmean(found)) for name, found in values.items()}
        return cls(means, {name: found for name, found in values.items() if found is not None}, groups, {"said": said})


class Compared(ABC):
    """What a comparison needs of a task.

    Attributes:
        figures: figure -> its label in tables; the first ones are the decisive ones.
        decisive: the figures that decide, the first one that is measured, message by message.
        meaning: decisive figure -> a sentence about a model for who leads a support team, with `{share}` of 100,
            `{place}` or `{points}`.
        baseline: name of the baseline in tables.
        is_binary: the decisive figure is the mean of right and wrong, 1 and 0.
        has_confidence: its runs have the details that the charts of confidence are drawn from.
    """

    figures: ClassVar[Mapping[str, str]]
    decisive: ClassVar[Sequence[str]]
    meaning: ClassVar[Mapping[str, str]]
    baseline: ClassVar[str]
    has_confidence: ClassVar[bool] = False
    is_binary: ClassVar[bool] = False

    @abstractmethod
    def network(self, config: NetworkConfig, dataset: TicketDataset) -> keras.Model:
        """Make a network with the right number of weights outside its tables, to count them."""

    @abstractmethod
    def score(self, model: Any, dataset: TicketDataset) -> Scored:
        """Score a model on the test split."""

    def bank(self, dataset: TicketDataset) -> Bank | None:
        """Return the bank that an export needs; None for none."""
        return None

    @abstractmethod
    def fit_baseline(self, dataset: TicketDataset, config: Any) -> Any:
        """Fit the baseline to the training split; `config` is the task's configuration."""

    @abstractmethod
    def score_baseline(self, baseline: Any, dataset: TicketDataset) -> Scored:
        """Score the baseline as a model is."""

    @abstractmethod
    def answer_baseline(self, baseline: Any) -> Any:
        """Return the function of a list of messages whose time is taken."""

    @abstractmethod
    def messages(self, dataset: TicketDataset) -> list[Ticket]:
        """Return the test messages that are scored."""

    @abstractmethod
    def right(self, ticket: Ticket) -> str:
        """Return the right answer to a message, without personal data."""

    def examples(self, dataset: TicketDataset) -> tuple[Sequence[Ticket], list[str]]:
        """Return the test messages that are scored, and the right answer to each."""
        tickets = self.messages(dataset)
        return tickets, [self.right(ticket) for ticket in tickets]

    def said(self, found: Mapping[str, Any]) -> list[str]:
        """Return what a run answered to each of them, or to the first of them."""
        return list(found["details"]["said"])

    def is_good(self, found: Mapping[str, Any], row: int) -> bool:
        """Tell whether a run's answer to a message is right."""
        metric = next(name for name in reversed(self.decisive) if name in found["values"])
        return bool(found["values"][metric][row] == 1)


def median_milliseconds(run: Callable[[str], object], texts: Sequence[str]) -> float:
    """Return the median time that `run` takes for one text, in milliseconds; the first few count for nothing."""
    times = []
    for text in texts[: UNTIMED_MESSAGES + TIMED_MESSAGES]:
        start = time.perf_counter()
        run(text)
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times[UNTIMED_MESSAGES:] or times)
