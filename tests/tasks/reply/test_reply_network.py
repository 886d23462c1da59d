"""The network that writes replies: what it sees, what it doesn't, and what it gives."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from supportnet.architectures import ARCHITECTURES, encoder_names
from supportnet.backbones.backbone import Backbone
from supportnet.config import PRESETS, NetworkConfig
from supportnet.errors import UserError
from supportnet.layers import PrefixDecoder, RecurrentDecoder, TransformerDecoder
from supportnet.tasks.reply.network import build_network
from supportnet.tasks.reply.writer import build_memory
from supportnet.text.byte_pairs import START_ID
from supportnet.text.preprocessor import TextFrontEnd

SMALL: dict[str, Any] = {"embedding_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_buckets": 500}
NUM_PIECES = 30
MESSAGES = ["where is my parcel", "", "is it late?"]
PIECES = [[START_ID, 7, 20, 9], [START_ID, 8, 8, 8], [START_ID, 29, 3, 0]]
FRONT_END = TextFrontEnd(["where", "is", "my", "parcel", "it", "on", "its", "way"], num_buckets=500)


def untrained(config: NetworkConfig, vocab_size: int = len(FRONT_END.vocabulary), num_pieces: int = NUM_PIECES) -> Any:
    return build_network(config, Backbone(config, vocab_size), num_pieces)


def build(architecture: str) -> keras.Model:
    """A network whose weights are all random, biases too."""
    keras.utils.set_random_seed(0)
    network = untrained(NetworkConfig(architecture, **SMALL))
    random = np.random.default_rng(0)
    for weight in network.weights:
        weight.assign_add(random.normal(scale=0.3, size=weight.shape))
    return network


@pytest.fixture(scope="module", params=[*encoder_names(), "gpt"])
def architecture(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def network(architecture: str) -> keras.Model:
    return build(architecture)


def as_tensor(pieces: Sequence[Sequence[int]]) -> Any:
    return keras.ops.convert_to_tensor(pieces, "int32")


def outputs(
    network: keras.Model, messages: Sequence[str] = MESSAGES, pieces: Sequence[Sequence[int]] = PIECES
) -> dict[str, Any]:
    result = network({**FRONT_END(list(messages)), "pieces": as_tensor(pieces)}, training=False)
    return {name: keras.ops.convert_to_numpy(value) for name, value in result.items()}


def padded(features: dict[str, Any], count: int) -> dict[str, Any]:
    """The front end's dictionary with more padding behind every message."""
    sequences = ("token_ids", "mask", "word_index")
    return features | {name: keras.ops.pad(features[name], ((0, 0), (0, count))) for name in sequences}


def test_shapes(network: keras.Model) -> None:
    """For a message without words too."""
    result = outputs(network)
    assert {name: value.shape for name, value in result.items()} == {
        "logits": (3, 4, NUM_PIECES),
        "memory": (3, 4, SMALL["embedding_dim"]),
    }
    assert all(np.isfinite(value).all() for value in result.values())
    assert result["logits"].dtype == np.float32
    assert network.output["logits"].shape == (None, None, NUM_PIECES)


def test_every_encoder_has_a_decoder(network: keras.Model, architecture: str) -> None:
    # A pretrained encoder has none.
    assert set(ARCHITECTURES) == {*encoder_names(), "gpt", "pretrained"}
    kinds = dict.fromkeys(("transformer", "conv", "none"), TransformerDecoder)
    kinds |= {"bilstm_attention": RecurrentDecoder, "gpt": PrefixDecoder}
    assert type(network.get_layer("head").get_layer("decoder")) is kinds[architecture]


def test_more_padding_changes_nothing(network: keras.Model) -> None:
    before = outputs(network)
    after = network({**padded(FRONT_END(MESSAGES), 5), "pieces": as_tensor(PIECES)}, training=False)
    np.testing.assert_allclose(after["logits"], before["logits"], atol=1e-5)


def test_longer_messages_and_replies_beside_one_change_nothing(network: keras.Model) -> None:
    beside = outputs(
        network, [*MESSAGES, "parcel " * 20], [[*row, 0, 0] for row in PIECES] + [[START_ID, 5, 5, 5, 5, 5]]
    )
    for row in range(3):
        alone = outputs(network, MESSAGES[row : row + 1], PIECES[row : row + 1])
        np.testing.assert_allclose(beside["logits"][row, :4], alone["logits"][0], atol=1e-5)
        tokens = len(MESSAGES[row].split())
        np.testing.assert_allclose(beside["memory"][row, :tokens], alone["memory"][0, :tokens], atol=1e-5)


def test_the_message_and_the_pieces_before_decide(network: keras.Model) -> None:
    """Otherwise the comparisons of this file would say nothing."""
    result = outputs(network, MESSAGES, [PIECES[0]] * 3)["logits"]
    assert min(np.abs(result[i] - result[j]).max(axis=1).min() for i, j in ((0, 1), (0, 2), (1, 2))) > 1e-3
    other = outputs(network, MESSAGES, [[START_ID, 8, 20, 9]] * 3)["logits"]
    assert np.abs(result - other).max(axis=2)[:, 1:].min() > 1e-3


def test_the_pieces_leave_the_memory_alone(network: keras.Model) -> None:
    memory = outputs(network)["memory"]
    np.testing.assert_array_equal(outputs(network, pieces=[[START_ID, 5], [9, 9], [2, 2]])["memory"], memory)
    features, remember = FRONT_END(MESSAGES), build_memory(network.get_layer("head"))
    vectors = network.get_layer("backbone")(features, training=False)
    assert set(remember.input) == {*features, *vectors}
    np.testing.assert_allclose(remember({**features, **vectors}), memory, atol=1e-6)


@pytest.mark.parametrize("place", [1, 2, 3])
def test_a_later_piece_changes_no_earlier_logit(network: keras.Model, place: int) -> None:
    changed = np.array(PIECES)
    changed[:, place] = 11
    before, after = outputs(network)["logits"], outputs(network, pieces=changed.tolist())["logits"]
    np.testing.assert_allclose(after[:, :place], before[:, :place], atol=1e-6)
    assert np.abs(after - before)[:, place:].max(axis=2).min() > 1e-4


def test_logits_are_products_with_the_vectors_of_the_pieces(network: keras.Model) -> None:
    """One table reads and scores."""
    tables = [weight for weight in network.weights if NUM_PIECES in weight.shape]
    assert [tuple(weight.shape) for weight in tables] == [(NUM_PIECES, SMALL["embedding_dim"])]
    features, head = FRONT_END(MESSAGES), network.get_layer("head")
    inputs = {**features, **network.get_layer("backbone")(features, training=False), "pieces": as_tensor(PIECES)}
    written = keras.Model(head.input, head.get_layer("decoder").output)(inputs, training=False)
    expected = keras.ops.convert_to_numpy(written) @ keras.ops.convert_to_numpy(tables[0]).T
    np.testing.assert_allclose(outputs(network)["logits"], expected, atol=1e-4)


def test_gpt_is_as_large_as_the_transformer() -> None:
    """With the options that replies are trained with, and at every size."""
    for sizes in ({"num_layers": 2, "hidden_dim": 256}, *PRESETS.values()):
        counts = [
            untrained(NetworkConfig(architecture, **sizes), 2500, 2000).count_params()
            for architecture in ("transformer", "gpt")
        ]
        assert counts[1] == pytest.approx(counts[0], rel=0.1)


def test_a_gradient_reaches_every_weight(network: keras.Model) -> None:
    inputs = {**FRONT_END(MESSAGES), "pieces": as_tensor(PIECES)}
    with tf.GradientTape() as tape:
        # Weighted, because the sum of a normalized vector never changes.
        logits = network(inputs, training=False)["logits"]
        loss = tf.reduce_sum(logits * np.random.default_rng(1).normal(size=logits.shape).astype("float32"))
    for weight, gradient in zip(network.trainable_weights, tape.gradient(loss, network.trainable_weights), strict=True):
        assert gradient is not None, weight.path
        # A bias of the keys adds the same to all scores of a query: softmax doesn't see it.
        if not weight.path.endswith("key/bias"):
            assert np.abs(tf.convert_to_tensor(gradient)).max() > 1e-6, weight.path


def test_the_first_logits_are_no_extremes() -> None:
    """Before training, the entropy is near that of a guess: a table of the usual spread would be far too sure."""
    network = untrained(NetworkConfig("transformer"), num_pieces=4000)
    logits = outputs(network)["logits"]
    assert 0.3 < logits.std() < 3


def test_a_saved_network_gives_the_same(network: keras.Model, tmp_path: Path) -> None:
    network.save(tmp_path / "network.keras")
    again = outputs(keras.saving.load_model(tmp_path / "network.keras"))
    for name, value in outputs(network).items():
        np.testing.assert_array_equal(again[name], value)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_logits_are_float32_in_half_precision(network: keras.Model, architecture: str, policy: str) -> None:
    keras.config.set_dtype_policy(policy)
    try:
        half = untrained(NetworkConfig(architecture, **SMALL))
    finally:
        keras.config.set_dtype_policy("float32")
    half.set_weights(network.get_weights())
    result = outputs(half)["logits"]
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, outputs(network)["logits"], atol=0.5)


@pytest.mark.parametrize("name", ["vocab_size", "num_pieces"])
def test_what_cannot_be_built(name: str) -> None:
    sizes = {"vocab_size": 9, "num_pieces": 9, name: 0}
    with pytest.raises(UserError, match=rf"{name} must be at least 1\. Received: {name}=0"):
        untrained(NetworkConfig(**SMALL), **sizes)
