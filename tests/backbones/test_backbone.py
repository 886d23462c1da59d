"""A backbone and the network of pre-training come back from their files with the dtype policy they were made under."""

from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from supportnet.backbones import Backbone, MaskedLanguageModel
from supportnet.config import NetworkConfig
from supportnet.text.preprocessor import TextFrontEnd

CONFIG = NetworkConfig(embedding_dim=8, hidden_dim=8, num_heads=2, num_buckets=50)
FEATURES = TextFrontEnd(["where", "parcel"], num_buckets=50)(["where is my parcel?"])
CHOSEN = keras.ops.array([[False, False, False, True, False]])


@pytest.fixture
def half() -> Iterator[None]:
    """Make layers in float16."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy(policy)


@pytest.mark.parametrize("network", [Backbone, MaskedLanguageModel])
def test_a_file_keeps_the_policy(half: None, network: type[keras.Model], tmp_path: Path) -> None:
    model, path = network(CONFIG, vocab_size=40), tmp_path / "model.keras"
    inputs = {**FEATURES, "hidden": CHOSEN, "chosen": CHOSEN} if network is MaskedLanguageModel else dict(FEATURES)
    before = keras.tree.flatten(model(inputs))
    model.save(path)
    keras.config.set_dtype_policy("float32")
    again = keras.saving.load_model(path)
    backbone = again.backbone if network is MaskedLanguageModel else again
    assert again.dtype_policy.name == model.dtype_policy.name == "mixed_float16"
    assert (backbone.embed.compute_dtype, backbone.encoder.compute_dtype) == ("float16", "float16")
    assert keras.config.dtype_policy().name == "float32"
    for one, two in zip(before, keras.tree.flatten(again(inputs)), strict=True):
        assert one.dtype == two.dtype
        np.testing.assert_array_equal(one, two)


def test_a_policy_of_its_own() -> None:
    backbone = Backbone(CONFIG, vocab_size=40, dtype="mixed_bfloat16")
    assert backbone.dtype_policy.name == "mixed_bfloat16"
    assert {tensor.dtype for tensor in backbone.output.values()} == {"bfloat16"}
    assert keras.config.dtype_policy().name == "float32"


def test_a_file_keeps_what_is_frozen() -> None:
    backbone = Backbone(CONFIG, vocab_size=40)
    backbone.trainable = False
    assert not Backbone.from_config(backbone.get_config()).trainable


def test_a_configuration_without_a_policy_takes_the_global_one() -> None:
    config = {name: value for name, value in Backbone(CONFIG, vocab_size=40).get_config().items() if name != "dtype"}
    assert Backbone.from_config(config).dtype_policy.name == "float32"
