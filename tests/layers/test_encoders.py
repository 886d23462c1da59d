"""The encoders' contract, and that padding changes nothing in them or in the layers that they are made of."""

from functools import partial

import keras
import numpy as np
import pytest
from keras import ops
from stack_table import CONFIG, ENCODERS

from supportnet.errors import UserError
from supportnet.layers import (
    AttentionBlock,
    BiLSTMAttention,
    ConvBlock,
    Encoder,
    MaskedPooling,
    MultiHeadAttention,
    TransformerEncoder,
)

LENGTHS = [4, 2, 0, 1]
MASK = np.arange(4) < np.array(LENGTHS)[:, None]

LAYERS = {
    "attention": lambda: MultiHeadAttention(2),
    "block": lambda: AttentionBlock(2, hidden_dim=12),
    "convolutions": lambda: ConvBlock(hidden_dim=12, dilation=2),
    "pooling": MaskedPooling,
    **{f"{make} of {n}": partial(make, num_layers=n) for make in ENCODERS for n in (0, 2)},
}
#: What every encoder takes.
SIZES = {name: getattr(CONFIG, name) for name in ("hidden_dim", "num_layers", "num_heads", "dropout_rate")}


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


@pytest.fixture(params=ENCODERS, ids=str)
def make(request):
    return request.param


def test_an_encoder_has_the_blocks_it_was_asked_for_and_normalizes(make):
    encoder = make(num_layers=3)
    output = ops.convert_to_numpy(encoder(VECTORS, mask=MASK))
    assert len(encoder.blocks) == 3
    np.testing.assert_allclose(output[0].mean(axis=-1), np.zeros(4), atol=1e-5)
    np.testing.assert_allclose(output[0].std(axis=-1), np.ones(4), atol=1e-3)


def test_a_network_makes_its_encoder_from_its_configuration(make):
    encoder = make.layer.from_network(CONFIG)
    assert encoder.name == "encoder"
    assert encoder.get_config().items() >= SIZES.items()
    assert encoder.get_config().get("max_length", CONFIG.max_length) == CONFIG.max_length


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_attention_weights_are_those_of_each_block(make, policy):
    encoder = make(dtype=policy)
    encoder(VECTORS, mask=MASK)
    weights = encoder.attention_weights(ops.array(VECTORS), ops.array(MASK))
    assert len(weights) == (2 if isinstance(encoder.blocks[0], AttentionBlock) else 0)
    for block in weights:
        assert keras.backend.standardize_dtype(block.dtype) == "float32"
        block = ops.convert_to_numpy(block)
        assert block.shape == (4, 2, 4, 4)
        np.testing.assert_allclose(block.sum(axis=-1), np.ones((4, 2, 4)), atol=1e-5)
        assert block[1, :, :, 2:].max() < 1e-6


def test_without_blocks_there_are_no_attention_weights(make):
    encoder = make(num_layers=0)
    encoder(VECTORS, mask=MASK)
    assert encoder.attention_weights(ops.array(VECTORS), ops.array(MASK)) == []


def test_the_blocks_make_the_output_of_what_stands_before_attention(make):
    encoder = make()
    expected = encoder(VECTORS, mask=MASK)
    x = encoder.before_attention(ops.array(VECTORS), ops.array(MASK))
    if encoder.attention_weights(ops.array(VECTORS), ops.array(MASK)):
        for block in encoder.blocks:
            x = block(x, mask=MASK)
        x = encoder.norm(x)
    np.testing.assert_array_equal(ops.convert_to_numpy(x), ops.convert_to_numpy(expected))


class Doubled(Encoder):
    def call(self, x, mask):
        return 2 * x


def test_an_encoder_of_ones_own_needs_a_call_only():
    encoder = Doubled(hidden_dim=6, num_layers=0, num_heads=2)
    x, mask = ops.array(VECTORS), ops.array(MASK)
    np.testing.assert_array_equal(encoder(x, mask=mask), 2 * VECTORS)
    np.testing.assert_array_equal(encoder.before_attention(x, mask), 2 * VECTORS)
    assert encoder.attention_weights(x, mask) == []
    assert Doubled.from_network(CONFIG).get_config() == Doubled(**SIZES, name="encoder").get_config()


def test_an_encoder_without_a_call_is_none():
    with pytest.raises(TypeError, match="abstract"):
        Encoder(hidden_dim=6, num_layers=0, num_heads=2)


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
        make(**{name: value})(VECTORS, mask=MASK)


def test_the_transformers_length_is_checked():
    with pytest.raises(UserError, match=r"^max_length must be at least 1\. Received: max_length=0$"):
        TransformerEncoder(hidden_dim=6, num_layers=1, num_heads=2, max_length=0)


@pytest.mark.parametrize(("name", "value"), [("hidden_dim", 0), ("num_heads", 3), ("dropout_rate", -0.5)])
def test_the_blocks_numbers_are_checked(name, value):
    sizes = {"num_heads": 2, "hidden_dim": 6, "dropout_rate": 0.1, name: value}
    with pytest.raises(UserError, match=f"^{name} must .*Received: {name}={value}$"):
        AttentionBlock(**sizes)(VECTORS, mask=MASK)
