"""keras-hub, asked for the same numbers. It isn't a dependency: `tox run -e oracles` installs it."""

from collections.abc import Callable
from typing import Any

import keras
import keras_hub
import numpy as np
import pytest
from golden_cases import LENGTHS, MASK, MEMORY, VECTORS, decoder_block, randomize, read_golden, transformer_encoder
from keras import ops

from supportnet.layers import AttentionBlock, DecoderBlock, PositionalEncoding, TransformerEncoder


def numbers(tensor: Any) -> Any:
    return ops.convert_to_numpy(tensor)


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
    return transformer_encoder()


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
    block = decoder_block(norm)
    theirs = their_decoder_block(block)(VECTORS, MEMORY, encoder_padding_mask=MASK)
    np.testing.assert_allclose(numbers(block(VECTORS, MEMORY, memory_mask=MASK)), numbers(theirs), atol=1e-5)


def test_transformer_encoder(encoder: TransformerEncoder) -> None:
    ours = numbers(encoder(VECTORS, mask=MASK))
    np.testing.assert_allclose(ours[MASK], their_encoder(encoder, VECTORS, MASK)[MASK], atol=1e-5)


def test_padding_is_masked(encoder: TransformerEncoder) -> None:
    """What keras-hub makes of each message alone, without any mask, is what ours makes of it in a padded batch."""
    ours = numbers(encoder(np.where(MASK[..., None], VECTORS, 1e3), mask=MASK))
    for row, length in enumerate(LENGTHS):
        alone = their_encoder(encoder, VECTORS[row : row + 1, :length], None)
        np.testing.assert_allclose(ours[row, :length], alone[0], atol=1e-5)


def test_golden(keep: Callable[[str, dict[str, Any]], None], encoder: TransformerEncoder) -> None:
    """What stands in tests/golden is what keras-hub gives today."""
    theirs = {"transformer_encoder": their_encoder(encoder, VECTORS, MASK)[MASK]}
    for norm in ("pre", "post"):
        block = their_decoder_block(decoder_block(norm))
        theirs[f"decoder_block_{norm}"] = numbers(block(VECTORS, MEMORY, encoder_padding_mask=MASK)).reshape(-1, 8)
    keep("keras_hub.json", {name: np.round(rows, 6).astype(float).round(6).tolist() for name, rows in theirs.items()})
    golden = read_golden("keras_hub.json")
    assert set(golden) == set(theirs)
    for name, rows in theirs.items():
        np.testing.assert_allclose(rows, golden[name], atol=1e-6)
