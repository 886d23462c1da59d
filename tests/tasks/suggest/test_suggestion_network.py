"""The dual encoder: what its sides share, and what they give."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from supportnet.architectures import encoder_names
from supportnet.backbones.backbone import Backbone
from supportnet.config import NetworkConfig
from supportnet.tasks.suggest.network import SIDES, build_network, of_side
from supportnet.text.preprocessor import TextFrontEnd

SMALL: dict[str, Any] = {"embedding_dim": 16, "hidden_dim": 8, "num_heads": 2, "num_buckets": 500, "vector_dim": 6}
WORDS = ["where", "is", "my", "parcel", "it", "on", "its", "way"]
MESSAGES = ["where is my parcel", "", "is it late?"]
REPLIES = ["It is on its way.", "Goodbye."]
FRONT_END = TextFrontEnd(WORDS, num_buckets=500)


def outputs(network: keras.Model, messages: list[str] = MESSAGES, replies: list[str] = REPLIES) -> dict[str, Any]:
    inputs = {**of_side("message", FRONT_END(messages)), **of_side("reply", FRONT_END(replies))}
    return {name: keras.ops.convert_to_numpy(value) for name, value in network(inputs).items()}


def untrained(architecture: str, num_labels: int = 0) -> keras.Model:
    config = NetworkConfig(architecture, **SMALL)
    return build_network(config, Backbone(config, len(FRONT_END.vocabulary)), num_labels)


def build(architecture: str, num_labels: int = 0) -> keras.Model:
    """A network whose weights are all random, biases too."""
    keras.utils.set_random_seed(0)
    network = untrained(architecture, num_labels)
    random = np.random.default_rng(0)
    for weight in network.weights:
        weight.assign_add(random.normal(scale=0.3, size=weight.shape))
    return network


def num_branches(network: keras.Model) -> int:
    """Words and pairs, and the encoder where there is one."""
    return 2 + has_encoder(network)


def has_encoder(network: keras.Model) -> bool:
    return network.get_layer("backbone").encoder is not None


@pytest.fixture(scope="module", params=encoder_names())
def network(request: pytest.FixtureRequest) -> keras.Model:
    return build(request.param)


def test_scores_are_scaled_cosines_of_unit_vectors(network: keras.Model) -> None:
    """For a text without words too."""
    result, count = outputs(network), num_branches(network)
    assert {name: value.shape for name, value in result.items()} == {
        **{"message": (3, count, 6), "reply": (2, count, 6), "scores": (count, 3, 2)}
    }
    assert all(np.isfinite(value).all() for value in result.values())
    for side in SIDES:
        np.testing.assert_allclose(np.linalg.norm(result[side], axis=2), 1, atol=1e-5)
    for branch, scale in enumerate(np.asarray(network.get_layer("scores").scale)):
        assert scale > 1
        cosines = result["message"][:, branch] @ result["reply"][:, branch].T
        np.testing.assert_allclose(result["scores"][branch], scale * cosines, atol=1e-4)


def test_an_empty_text_before_training() -> None:
    """A bias of zero gives a vector of zeros, which has no direction."""
    result = outputs(untrained("none"), [""], [""])
    assert all(np.isfinite(value).all() for value in result.values())


def test_the_sides_share_all_but_their_projections(network: keras.Model) -> None:
    owners = {weight.path.split("/")[0] for weight in network.weights}
    shared = {"embed", "pairs", "scores"} | ({"encoder"} if has_encoder(network) else set())
    branches = ["words", "pairs", "context"][: num_branches(network)]
    assert owners == shared | {f"{side}_{branch}_projection" for side in SIDES for branch in branches}
    paths = [weight.path for weight in network.weights]
    assert len(paths) == len(set(paths))
    # The same text is near itself on neither side: their projections differ.
    same = outputs(network, REPLIES, REPLIES)
    assert np.abs(same["message"] - same["reply"]).max() > 0.1


@pytest.mark.parametrize("side", SIDES)
def test_each_side_changes_with_its_own_projection_only(network: keras.Model, side: str) -> None:
    """And so does each branch: the words' vectors come first."""
    before = outputs(network)
    layer = network.get_layer(f"{side}_head").get_layer(f"{side}_words_projection")
    weights = layer.get_weights()
    layer.set_weights([-weight for weight in weights])
    after = outputs(network)
    layer.set_weights(weights)
    for name in SIDES:
        np.testing.assert_allclose(after[name][:, 0], before[name][:, 0] * (-1 if name == side else 1), atol=1e-6)
        np.testing.assert_allclose(after[name][:, 1:], before[name][:, 1:], atol=1e-6)


def test_the_order_of_words_counts_without_an_encoder() -> None:
    """For the branch of pairs alone."""
    result = outputs(build("none"), ["where is my parcel", "parcel is my where"], REPLIES)["message"]
    np.testing.assert_allclose(result[0, 0], result[1, 0], atol=1e-5)
    assert np.abs(result[0, 1] - result[1, 1]).max() > 0.05


def test_longer_texts_beside_one_change_nothing(network: keras.Model) -> None:
    alone = outputs(network, MESSAGES[:1], REPLIES[:1])
    beside = outputs(network, [MESSAGES[0], "parcel " * 20], ["my way, where? " * 7, REPLIES[0]])
    np.testing.assert_allclose(beside["message"][0], alone["message"][0], atol=1e-5)
    np.testing.assert_allclose(beside["reply"][1], alone["reply"][0], atol=1e-5)
    np.testing.assert_allclose(beside["scores"][:, 0, 1], alone["scores"][:, 0, 0], atol=1e-4)


def assert_saved(network: keras.Model, path: Path) -> None:
    network.save(path)
    loaded = keras.saving.load_model(path)
    again = outputs(loaded)
    for name, value in outputs(network).items():
        np.testing.assert_array_equal(again[name], value)
    # What both sides share is there once.
    assert [weight.shape for weight in loaded.weights] == [weight.shape for weight in network.weights]


def test_a_saved_network_gives_the_same(network: keras.Model, tmp_path: Path) -> None:
    assert_saved(network, tmp_path / "network.keras")


def test_a_saved_network_keeps_its_labels(tmp_path: Path) -> None:
    assert_saved(build("none", num_labels=4), tmp_path / "network.keras")


def test_labels_are_told_from_either_side_by_the_same_vectors() -> None:
    network = build("none", num_labels=4)
    result = outputs(network)
    assert (result["message_labels"].shape, result["reply_labels"].shape) == ((3, 2, 4), (2, 2, 4))
    kernel, bias = network.get_layer("message_head").get_layer("labels").get_weights()
    for i in range(2):
        for side in SIDES:
            expected = 10 * result[side][:, i] @ kernel[i] + bias[i]
            np.testing.assert_allclose(result[f"{side}_labels"][:, i], expected, rtol=1e-4, atol=1e-4)
