"""keras-hub, asked for the same numbers. It isn't a dependency: `tox run -e oracle` installs it."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from supportnet.layers import AttentionBlock, DecoderBlock, PositionalEncoding, TransformerEncoder

keras_hub = pytest.importorskip("keras_hub")

LENGTHS = [6, 3, 1]
MASK = np.arange(6) < np.array(LENGTHS)[:, None]


def random(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(scale=0.5, size=shape).astype("float32")


VECTORS = random(3, 6, 8)


def numbers(tensor: Any) -> Any:
    return ops.convert_to_numpy(tensor)


def randomize(layer: Any) -> None:
    """Weights of which no two are alike, biases and scales too: one that is mixed up shows."""
    layer.set_weights([random(*weight.shape, seed=i) for i, weight in enumerate(layer.weights)])


def their_block(block: AttentionBlock) -> Any:
    """keras-hub's block (its `TransformerEncoder` is one block) with the weights of ours, in its order."""
    first = block.norm == "pre"
    theirs = keras_hub.layers.TransformerEncoder(block.hidden_dim, block.num_heads, normalize_first=first)
    theirs.build(VECTORS.shape)
    parts = (block.attention, block.attention_norm, block.feed_forward_norm, block.expand, block.contract)
    weights = [weight for part in parts for weight in part.get_weights()]
    # Keras gives the heads an axis of their own, [D, H, D / H]; ours lie side by side in [D, D], in the same order.
    theirs.set_weights([weight.reshape(w.shape) for weight, w in zip(weights, theirs.weights, strict=True)])
    return theirs


def their_decoder_block(block: DecoderBlock) -> Any:
    """keras-hub's decoder block with the weights of ours; its queries, keys and values have a kernel each."""
    first = block.norm == "pre"
    theirs = keras_hub.layers.TransformerDecoder(block.hidden_dim, block.num_heads, normalize_first=first)
    theirs.build(VECTORS.shape, VECTORS.shape)
    kernel, bias, *output = block.self_attention.get_weights()
    split = zip(np.split(kernel, 3, axis=1), np.split(bias, 3), strict=True)
    parts = (
        block.self_attention_norm,
        block.cross_attention,
        block.cross_attention_norm,
        block.expand,
        block.contract,
        block.feed_forward_norm,
    )
    weights = [*(weight for part in split for weight in part), *output]
    weights += [weight for part in parts for weight in part.get_weights()]
    theirs.set_weights([weight.reshape(w.shape) for weight, w in zip(weights, theirs.weights, strict=True)])
    return theirs


def their_encoder(encoder: TransformerEncoder, x: Any, mask: Any) -> Any:
    """`encoder` of keras-hub's layers, as its models put them together."""
    x = x * np.sqrt(x.shape[-1])
    x = x + keras_hub.layers.SinePositionEncoding()(x)
    for block in encoder.blocks:
        x = their_block(block)(x, padding_mask=mask)
    norm = keras.layers.LayerNormalization(epsilon=1e-5)
    norm.build(x.shape)
    norm.set_weights(encoder.norm.get_weights())
    return numbers(norm(x))


@pytest.fixture
def encoder() -> TransformerEncoder:
    encoder = TransformerEncoder(hidden_dim=12, num_layers=2, num_heads=2, max_length=6)
    encoder.build(VECTORS.shape)
    randomize(encoder)
    return encoder


@pytest.mark.parametrize("depth", [8, 7])
def test_positional_encoding(depth: int) -> None:
    """Column by column: keras-hub interleaves sines and cosines too."""
    nothing = np.zeros((1, 128, depth), "float32")
    theirs = keras_hub.layers.SinePositionEncoding()(nothing)
    # Its angles are float32 numbers, which at position 127 have an error of 4e-6 already.
    np.testing.assert_allclose(numbers(PositionalEncoding(max_length=128)(nothing)), numbers(theirs), atol=1e-5)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_attention_block(norm: str) -> None:
    block = AttentionBlock(num_heads=2, hidden_dim=12, norm=norm)
    block.build(VECTORS.shape)
    randomize(block)
    ours, theirs = block(VECTORS, mask=MASK), their_block(block)(VECTORS, padding_mask=MASK)
    np.testing.assert_allclose(numbers(ours)[MASK], numbers(theirs)[MASK], atol=1e-5)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_decoder_block(norm: str) -> None:
    """Theirs looks back only by itself; keras-hub calls a decoder block's encoder what we call the memory."""
    block = DecoderBlock(num_heads=2, hidden_dim=12, norm=norm)
    block.build(VECTORS.shape)
    randomize(block)
    memory = random(3, 6, 8, seed=9)
    theirs = their_decoder_block(block)(VECTORS, memory, encoder_padding_mask=MASK)
    np.testing.assert_allclose(numbers(block(VECTORS, memory, memory_mask=MASK)), numbers(theirs), atol=1e-5)


def test_transformer_encoder(encoder: TransformerEncoder) -> None:
    ours = numbers(encoder(VECTORS, mask=MASK))
    np.testing.assert_allclose(ours[MASK], their_encoder(encoder, VECTORS, MASK)[MASK], atol=1e-5)


def test_padding_is_masked(encoder: TransformerEncoder) -> None:
    """What keras-hub makes of each message alone, without any mask, is what ours makes of it in a padded batch."""
    ours = numbers(encoder(np.where(MASK[..., None], VECTORS, 1e3), mask=MASK))
    for row, length in enumerate(LENGTHS):
        alone = their_encoder(encoder, VECTORS[row : row + 1, :length], None)
        np.testing.assert_allclose(ours[row, :length], alone[0], atol=1e-5)
