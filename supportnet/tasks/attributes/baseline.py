"""What a user would pick instead: TF-IDF with a linear SVM for each attribute."""

from collections.abc import Sequence

from supportnet.data.ticket import Ticket
from supportnet.tasks.attributes.data import values_of
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
