"""Labelled messages as training examples, and their weights."""

import numpy as np
import pytest

from supportnet.data.ticket import Ticket
from supportnet.tasks.classify.data import labelled_examples
from supportnet.tasks.classify.fit import intent_weights


def test_labels_become_indices_in_the_order_of_the_intents() -> None:
    tickets = [Ticket("where is it", "track"), Ticket("stop", "cancel"), Ticket("where", "track")]
    examples = labelled_examples(tickets, ["cancel", "refund", "track"])
    assert examples.texts == ["where is it", "stop", "where"]
    assert examples.targets.tolist() == [2, 0, 2]
    assert examples.targets.dtype == "int64"
    assert labelled_examples([], ["cancel"]).targets.dtype == "int64"
    with pytest.raises(KeyError, match="sing"):
        labelled_examples([Ticket("la", "sing")], ["cancel"])


def test_intent_weights() -> None:
    weights = intent_weights(np.array([0, 0, 0, 1]))
    assert weights.tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2.0])
    assert weights.dtype == np.float32
    assert intent_weights(np.array([2, 5])).tolist() == [1.0, 1.0]
