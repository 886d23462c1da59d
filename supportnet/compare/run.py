"""One run of a comparison: what makes it, and the name that it is kept by."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from supportnet.version import __version__

#: What `Run.model` says of a baseline.
BASELINE = "baseline"


@dataclass(frozen=True)
class Run:
    """One model that is trained and measured.

    Attributes:
        data: arguments of `supportnet.load`.
        fingerprint: of the messages, see `supportnet.compare.messages.fingerprint_of`.
        task: `classify`, `suggest` or `reply`.
        model: an architecture, or `BASELINE`.
        seed: of training; 0 for a baseline, which has none.
        options: of the training.
        messages: see `supportnet.compare.messages.prepare`.
        weights: how many the network shall have (see `supportnet.compare.matching`); None where nothing is promised.
        study: of `supportnet.compare.plan.STUDIES`; `timing`, where only an epoch's time is wanted; or empty.
        share: share of the training messages, for the study `size`.
        length: tokens of every message, for the study `length`.
    """

    data: Mapping[str, Any]
    fingerprint: str
    task: str
    model: str
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    messages: int | None = None
    weights: int | None = None
    study: str = ""
    share: float = 1.0
    length: int | None = None

    @property
    def name(self) -> str:
        """The data set, as the user named it."""
        return str(self.data["name_or_path"])

    @property
    def key(self) -> str:
        """A hash of all that makes the run, and of the package's version."""
        # Where the data lie changes nothing: the fingerprint tells them.
        made = {**asdict(self), "data": self.name, "supportnet": __version__}
        return hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()[:16]

    def __str__(self) -> str:
        parts = [self.task, self.model, "" if self.model == BASELINE else f"seed {self.seed}", f"on {self.name}"]
        if self.study:
            parts.append(f"({self.study}{'' if self.length is None else f' {self.length}'}{self._of_all})")
        return " ".join(part for part in parts if part)

    @property
    def _of_all(self) -> str:
        return f" {self.share:.0%}" if self.study == "size" else ""
