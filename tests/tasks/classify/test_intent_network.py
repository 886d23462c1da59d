from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import ops

from supportnet.architectures import encoder_names
from supportnet.backbones import Backbone, build_encoder
from supportnet.config import NetworkConfig
from supportnet.errors import UserError
from supportnet.layers import BiLSTMAttention, ConvEncoder, TransformerEncoder
from supportnet.tasks.classify.network import build_network

#: Of the branches in the vote; those of two without the first.
SHARES = [0.2, 0.3, 0.5]
SMALL = {"embedding_dim": 8, "hidden_dim": 6, "num_layers": 1, "num_heads": 2, "num_buckets": 20, "num_pairs": 30}

# Three messages of 4, 2 and 0 tokens, made of the distinct words 0 to 4.
TOKEN_IDS = np.array([[9, 1, 10, 9], [8, 1, 0, 0], [0, 0, 0, 0]], "int32")
WORD_INDEX = np.array([[0, 1, 2, 0], [3, 4, 0, 0], [0, 0, 0, 0]], "int32")
# The n-grams of each distinct word; the placeholder with the id 8 has none.
NGRAMS = [[1, 5], [7, 7, 2], [3], [], [0, 19]]


def features(token_ids=TOKEN_IDS, word_index=WORD_INDEX):
    """What the preprocessor gives: the n-grams of the batch's own words, numbered from 0."""
    mask = token_ids != 0
    words = np.unique(word_index[mask])
    ngrams = [NGRAMS[word] for word in words]
    return {
        "token_ids": token_ids,
        "mask": mask,
        "word_index": np.where(mask, np.searchsorted(words, word_index), 0).astype("int32"),
        "subword_ids": np.array([bucket for buckets in ngrams for bucket in buckets], "int32"),
        "subword_segments": np.repeat(np.arange(len(words)), list(map(len, ngrams))).astype("int32"),
    }


def outputs(network, inputs=None):
    result = network(features() if inputs is None else inputs)
    return {name: ops.convert_to_numpy(ops.cast(value, "float32")) for name, value in result.items()}


@pytest.fixture(scope="module", params=[*encoder_names(), "filters"])
def config(request):
    if request.param == "filters":
        return NetworkConfig(architecture="transformer", num_filters=5, **SMALL)
    return NetworkConfig(architecture=request.param, **SMALL)


@pytest.fixture(scope="module")
def network(config):
    keras.utils.set_random_seed(0)
    network = build_network(config, Backbone(config, vocab_size=11), num_intents=5)
    generator = np.random.default_rng(0)
    network.set_weights([generator.normal(scale=0.5, size=weight.shape) for weight in network.weights])
    shares = network.get_layer("head").get_layer("vote").shares
    shares.assign(SHARES[-shares.shape[0] :])
    return network


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def test_shapes_are_those_of_the_docstring(config, network):
    result = outputs(network)
    shapes = {name: value.shape for name, value in result.items()}
    branches, depth = (2, 2 * 8) if config.architecture == "none" else (3, 6 * 8)
    depth += 4 * 5 - 2 * 8 if config.num_filters else 0
    expected = {"logits": (3, 5), "branch_logits": (3, branches, 5), "coverage": (3, 5), "embedding": (3, depth)}
    assert shapes == {**expected, "margins": (3, 5), "known_words": (3,)}
    assert all(np.isfinite(value).all() for value in result.values())


def test_the_vote_is_the_power_mean_of_the_branches_probabilities(network):
    result = outputs(network)
    branches = softmax(result["branch_logits"])
    powers = (np.array(SHARES[-branches.shape[1] :])[:, None] * branches**0.2).sum(axis=1) ** 5
    np.testing.assert_allclose(softmax(result["logits"]), powers / powers.sum(axis=1, keepdims=True), rtol=1e-4)


def test_the_words_are_blind_to_order_and_the_others_are_not(config, network):
    swap = [1, 0, 2, 3]
    before = outputs(network)["branch_logits"][0]
    after = outputs(network, features(TOKEN_IDS[:1, swap], WORD_INDEX[:1, swap]))["branch_logits"][0]
    blind = 0 if config.num_filters else 1
    np.testing.assert_allclose(after[:blind], before[:blind], atol=1e-5)
    for one, other in zip(after[blind:], before[blind:], strict=True):
        assert np.abs(one - other).max() > 1e-3


def test_a_message_without_tokens_is_judged_by_the_biases(network):
    result = outputs(network)
    np.testing.assert_array_equal(result["embedding"][2], np.zeros_like(result["embedding"][2]))
    head = network.get_layer("head")
    biases = [layer.get_weights()[-1] for layer in head.layers if layer.name.endswith("_intents")]
    ngrams = head.get_layer("ngrams")
    bias, scale = ops.convert_to_numpy(ngrams.bias), ops.convert_to_numpy(ngrams.scale)
    np.testing.assert_allclose(result["branch_logits"][2], [*biases, scale * bias], rtol=1e-6)
    np.testing.assert_allclose(result["margins"][2], bias, rtol=1e-6)
    assert result["coverage"][2].tolist() == [0] * 5
    assert result["known_words"][2] == 0


def test_the_last_branch_is_the_margins_times_their_scale(network):
    result = outputs(network)
    scale = ops.convert_to_numpy(network.get_layer("head").get_layer("ngrams").scale)
    np.testing.assert_allclose(result["branch_logits"][:, -1], scale * result["margins"], rtol=1e-5)


def test_padding_changes_nothing(network):
    wide = ((0, 0), (0, 6))
    padded = outputs(network, features(np.pad(TOKEN_IDS, wide), np.pad(WORD_INDEX, wide)))
    for name, value in outputs(network).items():
        np.testing.assert_allclose(padded[name], value, atol=1e-5)


@pytest.mark.parametrize(("row", "length"), [(0, 4), (1, 2), (2, 1)])
def test_a_message_alone_gives_the_same_as_in_a_batch(network, row, length):
    alone = outputs(network, features(TOKEN_IDS[row : row + 1, :length], WORD_INDEX[row : row + 1, :length]))
    for name, value in outputs(network).items():
        np.testing.assert_allclose(alone[name][0], value[row], atol=1e-5)


def test_a_saved_network_gives_the_same(network, tmp_path):
    network.save(tmp_path / "network.keras")
    again = outputs(keras.saving.load_model(tmp_path / "network.keras"))
    for name, value in outputs(network).items():
        np.testing.assert_array_equal(again[name], value)


def test_logits_are_float32_in_half_precision(config, network):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        half = build_network(config, Backbone(config, vocab_size=11), num_intents=5)
    finally:
        keras.config.set_dtype_policy("float32")
    half.set_weights(network.get_weights())
    result = half(features())
    for name in ("logits", "branch_logits", "margins", "coverage", "known_words"):
        assert keras.backend.standardize_dtype(result[name].dtype) == "float32"
        np.testing.assert_allclose(ops.convert_to_numpy(result[name]), outputs(network)[name], atol=0.2)


def test_the_encoder_is_the_named_one(config, network):
    layers = {
        "bilstm_attention": BiLSTMAttention,
        "transformer": TransformerEncoder,
        "conv": ConvEncoder,
        "none": type(None),
    }
    assert type(network.get_layer("backbone").encoder) is layers[config.architecture]


@pytest.mark.parametrize("architecture", [name for name in encoder_names() if name != "none"])
def test_the_encoder_has_the_configurations_numbers(architecture):
    config = NetworkConfig(architecture=architecture)
    numbers = {"hidden_dim": 12, "num_layers": 0, "num_heads": 4, "dropout_rate": 0.3, "max_length": 9}
    made = build_encoder(replace(config, **numbers)).get_config()
    # The LSTM reads any length.
    assert {name: made.get(name, 9) for name in numbers} == numbers


@pytest.mark.parametrize("name", ["vocab_size", "num_intents"])
def test_the_networks_sizes_are_checked(name):
    config, sizes = NetworkConfig(**SMALL), {"vocab_size": 11, "num_intents": 5, name: 0}
    with pytest.raises(UserError, match=f"{name} must be at least 1. Received: {name}=0"):
        build_network(config, Backbone(config, sizes["vocab_size"]), sizes["num_intents"])
