"""The encoders' contract, and that padding changes nothing in them or in the layers that they are made of."""

from functools import partial

import keras
import numpy as np
import pytest
from keras import ops

from supportnet.errors import UserError
from supportnet.layers import AttentionBlock, BiLSTMAttention, MaskedPooling, MultiHeadAttention, TransformerEncoder

LENGTHS = [4, 2, 0, 1]
MASK = np.arange(4) < np.array(LENGTHS)[:, None]

LAYERS = {
    "attention": lambda: MultiHeadAttention(2),
    "block": lambda: AttentionBlock(2, hidden_dim=12),
    "bilstm": lambda: BiLSTMAttention(hidden_dim=6, num_layers=0, num_heads=2),
    "bilstm_attention": lambda: BiLSTMAttention(hidden_dim=6, num_layers=2, num_heads=2),
    "positions": lambda: TransformerEncoder(hidden_dim=12, num_layers=0, num_heads=2, max_length=7),
    "transformer": lambda: TransformerEncoder(hidden_dim=12, num_layers=2, num_heads=2, max_length=7),
    "pooling": MaskedPooling,
}
#: As the network's configuration makes them: from the same four numbers.
ENCODERS = [BiLSTMAttention, partial(TransformerEncoder, max_length=4)]


@pytest.fixture(params=LAYERS)
def layer(request):
    keras.utils.set_random_seed(0)
    layer = LAYERS[request.param]()
    layer(VECTORS, mask=MASK)
    # Biases start at zero and would hide what they let through.
    layer.set_weights([random(*weight.shape, seed=i) for i, weight in enumerate(layer.weights)])
    return layer


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(scale=0.5, size=shape).astype("float32")


VECTORS = random(4, 4, 8)


def real(output, length):
    """The part of one message's output that counts: its real tokens, or the pooled vector."""
    output = ops.convert_to_numpy(output)
    return output[:length] if output.ndim == 2 else output


def test_more_padding_changes_nothing(layer):
    filling = 1e3 * random(4, 3, 8, seed=1)
    longer = layer(np.concatenate([VECTORS, filling], axis=1), mask=np.pad(MASK, ((0, 0), (0, 3))))
    outputs = layer(VECTORS, mask=MASK)
    for row, length in enumerate(LENGTHS):
        np.testing.assert_allclose(real(longer[row], length), real(outputs[row], length), atol=1e-5)


def test_what_stands_in_the_padding_changes_nothing(layer):
    changed = np.where(MASK[..., None], VECTORS, 1e3)
    before, after = layer(VECTORS, mask=MASK), layer(changed, mask=MASK)
    for row, length in enumerate(LENGTHS):
        np.testing.assert_allclose(real(after[row], length), real(before[row], length), atol=1e-5)


def test_a_message_alone_gives_the_same_as_in_a_batch(layer):
    together = layer(VECTORS, mask=MASK)
    assert np.isfinite(ops.convert_to_numpy(together)).all()
    for row, length in enumerate(LENGTHS):
        size = max(length, 1)
        alone = layer(VECTORS[row : row + 1, :size], mask=MASK[row : row + 1, :size])
        np.testing.assert_allclose(real(alone[0], length), real(together[row], length), atol=1e-5)


def test_the_lstm_reads_in_both_directions():
    encoder = BiLSTMAttention(hidden_dim=6, num_layers=0, num_heads=2)
    mask = np.ones((1, 4), bool)
    before = ops.convert_to_numpy(encoder(VECTORS[:1], mask=mask))[0]
    for changed, looked_at in ((0, 3), (3, 0)):
        x = VECTORS[:1].copy()
        x[0, changed] += 1
        after = ops.convert_to_numpy(encoder(x, mask=mask))[0]
        assert np.abs(after[looked_at] - before[looked_at]).max() > 1e-4


def test_the_blocks_residual_passes_the_input_through():
    block = AttentionBlock(2, hidden_dim=12)
    block(VECTORS, mask=MASK)
    block.set_weights([np.zeros(weight.shape) for weight in block.weights])
    np.testing.assert_array_equal(ops.convert_to_numpy(block(VECTORS, mask=MASK)), VECTORS)


@pytest.mark.parametrize("make", ENCODERS)
def test_an_encoder_has_the_blocks_it_was_asked_for_and_normalizes(make):
    encoder = make(hidden_dim=6, num_layers=3, num_heads=2)
    output = ops.convert_to_numpy(encoder(VECTORS, mask=MASK))
    assert len(encoder.blocks) == 3
    np.testing.assert_allclose(output[0].mean(axis=-1), np.zeros(4), atol=1e-5)
    np.testing.assert_allclose(output[0].std(axis=-1), np.ones(4), atol=1e-3)


SIZES = {"hidden_dim": 6, "num_layers": 1, "num_heads": 2, "dropout_rate": 0.1}


@pytest.mark.parametrize("make", ENCODERS)
@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("hidden_dim", 0, "must be at least 1"),
        ("num_layers", -1, "must be at least 0"),
        ("num_layers", 1.5, "must be a whole number"),
        ("num_heads", 3, r"must be at least 1 and divide the depth \(8\)"),
        ("num_heads", 2.0, "must be a whole number"),
        ("dropout_rate", 1.0, "must be at least 0 and below 1"),
    ],
)
def test_the_encoders_numbers_are_checked(make, name, value, rule):
    with pytest.raises(UserError, match=f"^{name} {rule}. Received: {name}={value}$"):
        make(**{**SIZES, name: value})(VECTORS, mask=MASK)


def test_the_transformers_length_is_checked():
    with pytest.raises(UserError, match=r"^max_length must be at least 1\. Received: max_length=0$"):
        TransformerEncoder(**SIZES, max_length=0)


@pytest.mark.parametrize(("name", "value"), [("hidden_dim", 0), ("num_heads", 3), ("dropout_rate", -0.5)])
def test_the_blocks_numbers_are_checked(name, value):
    sizes = {"num_heads": 2, "hidden_dim": 6, "dropout_rate": 0.1, name: value}
    with pytest.raises(UserError, match=f"^{name} must .*Received: {name}={value}$"):
        AttentionBlock(**sizes)(VECTORS, mask=MASK)
