"""Attention and gradients of encoders, against what they are computed from."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from supportnet.api import SupportModel
from supportnet.compare import inspection
from supportnet.compare.inspection import attention_maps, encoder_input, readable_messages
from supportnet.config import NetworkConfig
from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.tasks.classify.model import IntentClassifier
from supportnet.text.vocabulary import Vocabulary

pytestmark = pytest.mark.slow

TEXT = "please write to ann@example.com where my parcel is"
DATASET = TicketDataset("data", {"train": [Ticket(TEXT)], "test": [Ticket("short"), Ticket(TEXT)]})


def classifier(architecture: str, num_layers: int = 2) -> IntentClassifier:
    keras.utils.set_random_seed(0)
    sizes: dict[str, Any] = {"embedding_dim": 8, "hidden_dim": 6, "num_heads": 2, "num_buckets": 50, "max_length": 12}
    config = NetworkConfig(architecture, num_layers=num_layers, **sizes)
    return IntentClassifier(config, Vocabulary.build([TEXT], min_count=1), ["a", "b"])


@pytest.mark.parametrize("architecture", ["bilstm_attention", "transformer"])
def test_attention_is_what_the_encoder_computes(architecture: str) -> None:
    model = classifier(architecture)
    (found,) = attention_maps(model, readable_messages(DATASET, "unicode"))
    assert found["tokens"] == ["please", "write", "to", "<email>", "where", "my", "parcel", "is"]
    np.testing.assert_allclose(np.sum(found["weights"], axis=1), 1, atol=1e-3)
    given = encoder_input(model, [TEXT])
    assert given is not None
    encoder, vectors, mask = given
    first, last = encoder.blocks
    x = first(encoder.before_attention(vectors, mask), mask=mask)
    np.testing.assert_allclose(last.weights_of(x, mask).numpy().mean(axis=1)[0], found["weights"], atol=1e-4)
    ended = encoder.norm(last(x, mask=mask))
    np.testing.assert_allclose(ended, encoder(vectors, mask=mask), atol=1e-6)


def test_attention_of_any_messages() -> None:
    model = classifier("transformer")
    long = " ".join([TEXT, TEXT])
    found = attention_maps(SupportModel(model), ["parcel", long, TEXT])
    assert [len(row["tokens"]) for row in found] == [1, 12, 8]
    assert [np.shape(row["weights"]) for row in found] == [(1, 1), (12, 12), (8, 8)]
    # Padding is no token that is looked at.
    assert found[0]["weights"] == [[1.0]]
    assert attention_maps(model, []) == []


def test_what_has_no_attention_has_no_map() -> None:
    assert attention_maps(classifier("none"), [TEXT]) == []
    assert attention_maps(classifier("bilstm_attention", num_layers=0), [TEXT]) == []
    assert inspection.gradient_norms(classifier("none"), DATASET) == {}


@pytest.mark.parametrize("architecture", ["bilstm_attention", "transformer"])
def test_gradients_have_the_norm_of_the_jacobian(architecture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "DIRECTIONS", 300)
    model = classifier(architecture, num_layers=1)
    dataset = TicketDataset("data", {"train": [Ticket(TEXT)], "test": [Ticket(TEXT)]})
    found = inspection.gradient_norms(model, dataset)
    assert [len(norms) for norms in found.values()] == [12, 12, 12]
    assert (found["without attention"][1] > 0) == (architecture == "bilstm_attention")
    given = encoder_input(model, [inspection.lengthened(dataset, 12)["test"][0].text])
    assert given is not None
    encoder, vectors, mask = given
    x = tf.convert_to_tensor(vectors)
    with tf.GradientTape() as tape:
        tape.watch(x)
        last = encoder(x, mask=mask)[0, -1]
    jacobian = tape.jacobian(last, x)[:, 0]
    exact = np.sqrt(np.sum(np.square(jacobian), axis=(0, 2)))[::-1]
    np.testing.assert_allclose(found["trained"], exact, rtol=0.3)
