"""A picture of the report: what it shows, said in words too."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

# Not pyplot, which keeps every figure and chooses a backend for the whole process.
from matplotlib.figure import Figure

#: Colours that people tell apart who see fewer of them (Okabe & Ito 2008).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
MARKERS = ("o", "s", "^", "D", "v", "P")


@dataclass(frozen=True)
class Chart:
    """A picture.

    Attributes:
        name: of its file, without `.png`.
        title: what it is about.
        text: what it shows, for who can't see it, and for all others below it.
        figure: the picture itself.
    """

    name: str
    title: str
    text: str
    figure: Figure

    def png(self) -> bytes:
        """Return the picture as PNG."""
        buffer = BytesIO()
        self.figure.savefig(buffer, format="png", dpi=130, facecolor="white")
        return buffer.getvalue()

    def data_url(self) -> str:
        """Return the picture as an address that holds it: the report needs no other file."""
        return "data:image/png;base64," + base64.b64encode(self.png()).decode()


def style(models: Sequence[str], model: str) -> dict[str, Any]:
    """Return colour and marker of a model, the same in every picture."""
    place = list(models).index(model) % len(COLOURS)
    return {"color": COLOURS[place], "marker": MARKERS[place]}


def file_name(*parts: str) -> str:
    """Return a name that every file system takes.

    Example:
        >>> file_name("latency", "classify", "data/tickets.csv")
        'latency-classify-data_tickets_csv'
    """
    return "-".join("".join(c if c.isalnum() else "_" for c in part) for part in parts)
