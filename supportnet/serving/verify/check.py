"""One line of a verification."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Check:
    """What was found of one thing.

    Attributes:
        name: what was looked at.
        passed: whether it is as it must be; None for a figure that has no limit.
        says: the finding, one line.
        figures: its numbers by name; seconds, bytes and ratios.
    """

    name: str
    passed: bool | None
    says: str
    figures: dict[str, float] = field(default_factory=dict)
