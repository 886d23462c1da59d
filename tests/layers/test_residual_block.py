"""Where the blocks normalize: before each part, or each sum."""

from typing import Any

import numpy as np
import pytest
from keras import ops

from supportnet.errors import UserError
from supportnet.layers import AttentionBlock, CrossAttentionBlock, DecoderBlock, TransformerDecoder, TransformerEncoder

X = np.random.default_rng(0).normal(size=(2, 3, 8)).astype("float32")
MASK = np.ones((2, 3), bool)
BLOCKS = [AttentionBlock, CrossAttentionBlock, DecoderBlock]
STACK = {"hidden_dim": 12, "num_layers": 2, "num_heads": 2, "max_length": 4}


def call(layer: Any) -> np.ndarray:
    if isinstance(layer, AttentionBlock | TransformerEncoder):
        return ops.convert_to_numpy(layer(X, mask=MASK))
    return ops.convert_to_numpy(layer(X, X, memory_mask=MASK))


def normalized(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)


def silent(layer: Any) -> Any:
    """The layer with parts that add nothing; its norms stay as they are made."""
    call(layer)
    for weight in layer.weights:
        if not weight.path.endswith(("gamma", "beta")):
            weight.assign(np.zeros(weight.shape))
    return layer


@pytest.mark.parametrize("block", BLOCKS)
def test_a_pre_norm_block_passes_its_input_through(block: Any) -> None:
    np.testing.assert_array_equal(call(silent(block(2, hidden_dim=12))), X)


@pytest.mark.parametrize("block", BLOCKS)
def test_a_post_norm_block_normalizes_the_sum(block: Any) -> None:
    np.testing.assert_allclose(call(silent(block(2, hidden_dim=12, norm="post"))), normalized(X), atol=1e-4)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_the_feed_forward_half_worked_by_hand(norm: str) -> None:
    block = silent(AttentionBlock(2, hidden_dim=8, norm=norm))
    # Twice what it is given, as far as that is positive.
    block.expand.set_weights([np.eye(8), np.zeros(8)])
    block.contract.set_weights([2 * np.eye(8), np.zeros(8)])
    # The attention adds nothing, but post-norm normalizes its sum all the same.
    given = normalized(X)
    expected = X + 2 * np.maximum(given, 0) if norm == "pre" else normalized(given + 2 * np.maximum(given, 0))
    np.testing.assert_allclose(call(block), expected, atol=1e-4)


@pytest.mark.parametrize("stack", [TransformerEncoder, TransformerDecoder])
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_a_stack_returns_normalized_vectors_and_post_norm_needs_no_last_norm(stack: Any, norm: str) -> None:
    layer = stack(**STACK, norm=norm)
    output = call(layer)
    np.testing.assert_allclose(output.mean(axis=-1), 0, atol=1e-5)
    np.testing.assert_allclose(output.std(axis=-1), 1, atol=1e-3)
    assert len(layer.norm.weights) == (2 if norm == "pre" else 0)


@pytest.mark.parametrize(
    "make", [lambda norm: AttentionBlock(2, 12, norm=norm), lambda norm: TransformerEncoder(**STACK, norm=norm)]
)
def test_the_norm_is_checked(make: Any) -> None:
    with pytest.raises(UserError, match=r"^norm must be one of pre, post\. Received: norm='both'$"):
        make("both")


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize(("name", "value"), [("hidden_dim", 0), ("num_heads", 3), ("dropout_rate", -0.5)])
def test_the_numbers_are_checked(block: Any, name: str, value: float) -> None:
    with pytest.raises(UserError, match=f"^{name} must .*Received: {name}={value}$"):
        call(block(**{"num_heads": 2, "hidden_dim": 6, "dropout_rate": 0.1, name: value}))
