"""The network of attributes, its loss, and figures worked by hand."""

import numpy as np
import pytest
from keras import ops

from supportnet.backbones.backbone import Backbone
from supportnet.config import NetworkConfig
from supportnet.data.ticket import Ticket
from supportnet.errors import UserError
from supportnet.tasks.attributes.config import AttributesConfig
from supportnet.tasks.attributes.evaluate import attribute_figures, evaluate
from supportnet.tasks.attributes.fit import AttributeModel, masked_loss
from supportnet.tasks.attributes.model import AttributeClassifier
from supportnet.tasks.attributes.network import build_network
from supportnet.text.vocabulary import Vocabulary

CONFIG = NetworkConfig(embedding_dim=8, hidden_dim=8, num_heads=2, num_layers=1, num_buckets=100, num_pairs=50)


@pytest.fixture(scope="module")
def untrained() -> AttributeClassifier:
    values = {"channel": ["chat", "mail"], "priority": ["high", "low", "normal"]}
    return AttributeClassifier(CONFIG, Vocabulary(["where", "parcel"]), values)


def test_shapes(untrained: AttributeClassifier) -> None:
    outputs = untrained.network(untrained.preprocessor(["where is my parcel", "hi"]))
    shapes = {name: tuple(tensor.shape) for name, tensor in outputs.items()}
    own = {"logits_0": (2, 2), "logits_1": (2, 3), "branch_logits_0": (2, 3, 2), "branch_logits_1": (2, 3, 3)}
    assert shapes == {**own, "embedding": (2, 48)}


def test_an_attribute_without_a_value() -> None:
    with pytest.raises(UserError, match="num_values must be at least 1"):
        build_network(CONFIG, Backbone(CONFIG, vocab_size=3), [2, 0])


def test_untrained_answers(untrained: AttributeClassifier) -> None:
    answer = untrained.attributes(["where is it"])[0]
    assert list(answer.values) == list(answer.scores) == ["channel", "priority"]
    found = untrained.probabilities(["where is it"])
    assert {name: values.shape for name, values in found.items()} == {"channel": (1, 2), "priority": (1, 3)}


def test_what_has_no_label_says_nothing() -> None:
    logits = np.random.default_rng(0).normal(size=(4, 3, 2)).astype("float32")
    targets = np.array([1, -1, 0, -1])
    alone = masked_loss(ops.array(targets[[0, 2]]), ops.array(logits[[0, 2]]), 0.1)
    assert float(masked_loss(ops.array(targets), ops.array(logits), 0.1)) == pytest.approx(float(alone))
    assert float(masked_loss(ops.array([-1, -1]), ops.array(logits[:2]))) == 0.0
    shifted = logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))
    by_hand = -np.mean([shifted[0, :, 1].mean(), shifted[2, :, 0].mean()])
    assert float(masked_loss(ops.array(targets), ops.array(logits))) == pytest.approx(by_hand, rel=1e-5)


def test_loss_is_the_sum_over_attributes(untrained: AttributeClassifier) -> None:
    network = untrained.network
    names = ["branch_logits_0", "branch_logits_1"]
    training = AttributeModel.of(network, AttributesConfig(), {name: network.output[name] for name in names})
    outputs = training(untrained.preprocessor(["where is my parcel", "hi"]))
    targets = ops.array([[0, -1], [1, 2]])
    each = [masked_loss(targets[:, i], outputs[name], 0.1) for i, name in enumerate(names)]
    assert float(training.compute_loss(y=targets, y_pred=outputs)) == pytest.approx(float(sum(each)))
    text = ["where is my parcel"]
    best = [int(np.argmax(untrained.network(untrained.preprocessor(text))[f"logits_{i}"])) for i in (0, 1)]
    right = ops.array([best])
    assert training.compute_metrics(None, right, training(untrained.preprocessor(text)))["accuracy"] == 1.0


def test_figures_by_hand() -> None:
    found = attribute_figures(np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.7, 0.3]]), np.array([0, 1, 1, 1]))
    # F1: 2 (1/3) (1) / (4/3) = 1/2 of the first value, 2 (1) (1/3) / (4/3) = 1/2 of the second.
    assert 0 < found.pop("ece") < 1
    assert found == {"accuracy": 0.5, "macro_f1": 0.5, "num_examples": 4, "majority": 0.75}


def test_nothing_to_score(untrained: AttributeClassifier) -> None:
    """No message has a value that training has seen."""
    with pytest.raises(UserError, match="no message has an attribute of channel, priority"):
        evaluate(untrained, [Ticket("hi", labels={"priority": "urgent"}), Ticket("hi")])


def test_attributes_that_no_message_has_are_left_out(untrained: AttributeClassifier) -> None:
    figures = evaluate(untrained, [Ticket("hi", labels={"channel": "mail"})])
    assert list(figures["attributes"]) == ["channel"]
    assert figures["accuracy"] == figures["attributes"]["channel"]["accuracy"]
