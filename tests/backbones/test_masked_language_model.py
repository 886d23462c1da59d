"""The network that pre-training trains."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from supportnet.architectures import encoder_names
from supportnet.backbones.heads import BranchCrossentropy
from supportnet.backbones.masked_lm import MaskedLanguageModel
from supportnet.config import NetworkConfig
from supportnet.text.preprocessor import TextFrontEnd

WORDS = ["where", "is", "my", "parcel", "refund", "please"]
VOCAB_SIZE = 9 + len(WORDS)
SMALL: dict[str, Any] = {"embedding_dim": 8, "hidden_dim": 4, "num_heads": 2, "num_buckets": 50}
ARCHITECTURES = encoder_names()


def model_of(architecture: str) -> MaskedLanguageModel:
    keras.utils.set_random_seed(0)
    model = MaskedLanguageModel(NetworkConfig(architecture, **SMALL), VOCAB_SIZE)
    model.build()
    return model


def inputs(texts: list[str], hidden: list[list[int]]) -> dict[str, Any]:
    """What the preprocessor says of the texts, with `hidden` positions, which are asked for."""
    features = TextFrontEnd(WORDS, num_buckets=50)(texts)
    where = np.zeros(features["mask"].shape, "bool")
    for row, columns in enumerate(hidden):
        where[row, columns] = True
    return {**features, "hidden": tf.constant(where), "chosen": tf.constant(where)}


def logits(model: MaskedLanguageModel, features: dict[str, Any]) -> np.ndarray:
    return keras.ops.convert_to_numpy(model(features, training=False))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_branch_scores_every_word_for_each_chosen_one(architecture: str) -> None:
    found = logits(model_of(architecture), inputs(["where is my parcel", "refund please"], [[0, 3], [1]]))
    assert found.shape == (3, 1 if architecture == "none" else 2, VOCAB_SIZE)
    assert found.dtype == np.float32


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_hidden_word_can_not_be_seen(architecture: str) -> None:
    model = model_of(architecture)
    one, other = (inputs([f"where is my {word}"], [[3]]) for word in ("parcel", "refund"))
    np.testing.assert_allclose(logits(model, one), logits(model, other), atol=1e-6)
    # One that is asked for and not hidden can be seen, by the encoder alone.
    shown = [{**features, "hidden": tf.zeros_like(features["hidden"])} for features in (one, other)]
    same = np.isclose(*(logits(model, features) for features in shown), atol=1e-6).all(axis=(0, 2))
    assert same.tolist() == ([True] if architecture == "none" else [True, False])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_padding_changes_nothing(architecture: str) -> None:
    model = model_of(architecture)
    alone = logits(model, inputs(["refund my parcel"], [[1]]))
    beside = logits(model, inputs(["refund my parcel", "where is my parcel where is my refund"], [[1], []]))
    np.testing.assert_allclose(alone, beside, atol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_gradient_reaches_every_weight(architecture: str) -> None:
    model = model_of(architecture)
    features = inputs(["where is my parcel", "refund please"], [[0, 3], [1]])
    with tf.GradientTape() as tape:
        scores = model(features, training=True)
        loss = tf.reduce_sum(BranchCrossentropy()(tf.one_hot([9, 12, 14], VOCAB_SIZE), scores))
    gradients = tape.gradient(loss, [weight.value for weight in model.trainable_weights])
    pairs = zip(model.trainable_weights, gradients, strict=True)
    assert [weight.path for weight, gradient in pairs if gradient is None] == []


def test_a_words_score_is_the_product_with_its_own_vector() -> None:
    model = model_of("none")
    embed, head = model.backbone.embed, model.heads[0]
    embed.subword_embeddings.assign(tf.zeros_like(embed.subword_embeddings))
    table = np.random.default_rng(0).normal(size=(VOCAB_SIZE, 8)).astype("float32")
    embed.word_embeddings.assign(table)
    model.word_bias.assign(np.arange(VOCAB_SIZE, dtype="float32")[None])
    # "where is my parcel" with "my" hidden: the maximum and the mean of the other three.
    seen = table[[9, 10, 12]]
    pooled = np.concatenate([seen.max(axis=0), seen.mean(axis=0)])
    expected = (pooled @ head.kernel.numpy() + head.bias.numpy()) @ table.T + np.arange(VOCAB_SIZE)
    np.testing.assert_allclose(logits(model, inputs(["where is my parcel"], [[2]]))[0, 0], expected, rtol=1e-4)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_weights_come_back_from_a_file(architecture: str, tmp_path: Path) -> None:
    model, features = model_of(architecture), inputs(["where is my parcel"], [[1]])
    model.save_weights(tmp_path / "model.weights.h5")
    keras.utils.set_random_seed(1)
    other = MaskedLanguageModel(model.config, VOCAB_SIZE)
    other.build()
    assert not np.allclose(logits(other, features), logits(model, features))
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(logits(other, features), logits(model, features))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_saved_model_gives_the_same(architecture: str, tmp_path: Path) -> None:
    model, features = model_of(architecture), inputs(["where is my parcel", "refund please"], [[1], [0, 1]])
    random = np.random.default_rng(0)
    model.set_weights([random.normal(scale=0.5, size=weight.shape) for weight in model.weights])
    model.save(tmp_path / "model.keras")
    keras.utils.set_random_seed(1)
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(loaded, MaskedLanguageModel)
    assert loaded.config == model.config
    np.testing.assert_array_equal(logits(loaded, features), logits(model, features))
    assert loaded.backbone.same_as(model.backbone)
