"""The fused LSTM against Keras's, the layer that it stands in for, and what a trace leaves of it."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from supportnet.savedmodel.fused_lstm import FusedBiLSTM, FusedBiLSTMAttention, FusedNetwork, fused
from supportnet.tasks.classify.model import IntentClassifier

#: Lengths of the messages of a batch; T is the longest, at least 1.
LENGTHS = {
    "one message": [7],
    "one token": [1],
    "nothing": [0],
    "ragged": [3, 9, 0, 1, 9],
    "ragged, T = 1": [1, 0, 1],
    "padded further": [4, 2, 20],
    "no messages": [],
}


@pytest.fixture(scope="module")
def lstm() -> keras.layers.Bidirectional:
    """Random weights everywhere, so that gates that are mixed up, or a bias that is left out, would show."""
    keras.utils.set_random_seed(0)
    layer = keras.layers.Bidirectional(keras.layers.LSTM(6, return_sequences=True, use_cudnn=False))
    layer.build((None, None, 5))
    for weight in layer.weights:
        weight.assign(keras.random.normal(weight.shape))
    return layer


def fused_of(lstm: keras.layers.Bidirectional, dtype: str = "float32") -> FusedBiLSTM:
    layer = FusedBiLSTM(6, dtype=dtype)
    layer.build((None, None, 5))
    layer.copy_weights(lstm)
    return layer


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
def test_same_as_keras(lstm: keras.layers.Bidirectional, lengths: list[int]) -> None:
    time = max([1, *lengths])
    mask = np.arange(time) < np.array(lengths, int)[:, None]
    x = np.random.default_rng(0).normal(size=(*mask.shape, 5)).astype("float32")
    fused = fused_of(lstm)(tf.constant(x), mask=tf.constant(mask)).numpy()
    assert fused.shape == (*mask.shape, 12)
    assert np.isfinite(fused).all()
    if lengths:
        np.testing.assert_allclose(fused[mask], lstm(x, mask=mask).numpy()[mask], atol=1e-5)


@pytest.mark.parametrize("half", [0, 1], ids=["forward", "backward"])
def test_both_directions_read(lstm: keras.layers.Bidirectional, half: int) -> None:
    """A changed token changes what is read after it in one direction, and before it in the other."""
    x, mask = np.zeros((1, 5, 5), "float32"), np.array([[True, True, True, True, False]])
    changed = x.copy()
    changed[0, 2] = 1
    fused = fused_of(lstm)
    outputs = [fused(tf.constant(values), mask=tf.constant(mask)).numpy()[0, :4] for values in (x, changed)]
    differs = np.abs(outputs[0] - outputs[1])[:, 6 * half : 6 * half + 6].max(axis=1) > 1e-4
    assert differs.tolist() == [[False, False, True, True], [True, True, True, False]][half]


def test_under_bfloat16(lstm: keras.layers.Bidirectional) -> None:
    x, mask = tf.cast(tf.random.normal((2, 4, 5)), tf.bfloat16), tf.ones((2, 4), tf.bool)
    fused = fused_of(lstm, dtype="mixed_bfloat16")(x, mask)
    assert fused.dtype == tf.bfloat16
    np.testing.assert_allclose(tf.cast(fused, tf.float32), lstm(tf.cast(x, tf.float32), mask=mask), atol=0.01)


class Loud(FusedBiLSTM):
    def call(self, x: Any, mask: Any) -> Any:
        return tf.where(mask[..., None], super().call(x, mask), 100.0)


class LoudAttention(FusedBiLSTMAttention):
    def _make_lstm(self, policy: Any) -> Loud:
        return Loud(self.hidden_dim, dtype=policy, name="lstm")


def test_what_padding_holds_changes_nothing(tiny_classifier: IntentClassifier) -> None:
    """Past the end the fused LSTM differs from Keras's, so nothing after it may look there."""
    twin = fused(tiny_classifier.backbone).get_layer("encoder")
    loud = LoudAttention.from_config(twin.get_config())
    loud.build((None, None, 16))
    loud.set_weights(twin.get_weights())
    x, mask = tf.random.normal((2, 6, 16)), tf.constant([[True] * 6, [True] * 2 + [False] * 4])
    expected, changed = (encoder(x, mask=mask).numpy() for encoder in (twin, loud))
    np.testing.assert_allclose(changed[mask], expected[mask], atol=1e-5)
    assert np.abs(changed - expected).max() > 0.1


def test_the_twin_shares_all_layers_but_the_encoder(tiny_classifier: IntentClassifier) -> None:
    network = tiny_classifier.backbone
    twin = fused(network)
    differ = [layer.name for layer in network.layers if layer.weights and layer is not twin.get_layer(layer.name)]
    assert differ == ["encoder"]
    assert [layer.name for layer in twin.layers] == [layer.name for layer in network.layers]


def test_the_network_stays_as_it_is(tiny_classifier: IntentClassifier) -> None:
    features = tiny_classifier.preprocessor(["where is my parcel?", "", "refund"])
    mask = features["mask"]
    network = tiny_classifier.backbone
    before, config = network(features), network.get_config()
    outputs = tf.function(FusedNetwork(network))(features)
    for name, values in network(features).items():
        np.testing.assert_array_equal(values, before[name])
        np.testing.assert_allclose(outputs[name][mask], values[mask], atol=1e-5)
    assert network.get_config() == config


def test_no_loop_is_exported(tiny_export: Path) -> None:
    saved_model = saved_model_pb2.SavedModel.FromString((tiny_export / "saved_model.pb").read_bytes())
    library = saved_model.meta_graphs[0].graph_def.library
    operations = {node.op for function in library.function for node in function.node_def}
    assert "BlockLSTMV2" in operations
    assert not [name for name in operations if "While" in name or name.startswith("TensorList")]


def test_a_whole_network_is_fused_in_its_backbone(tiny_classifier: IntentClassifier) -> None:
    """The encoder is in a model inside the network, where it must be found, once."""
    network, features = tiny_classifier.network, tiny_classifier.preprocessor(["where is my parcel?", "", "refund"])
    twin = fused(network)
    fast, slow = (model.get_layer("backbone").get_layer("encoder") for model in (twin, network))
    assert isinstance(fast, FusedBiLSTMAttention)
    assert not isinstance(slow, FusedBiLSTMAttention)
    outputs, expected = (keras.tree.flatten(model(features)) for model in (twin, network))
    for one, other in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
