"""Heads: a depth that is parted among them, joined again, and attention from one position in each."""

from typing import Any

from keras import ops

#: What added to a score hides a position.
HIDDEN = -1e9


def split_heads(x: Any, num_heads: int) -> Any:
    """`[B, T, D]` -> `[B, H, T, D / H]`."""
    heads = (num_heads, x.shape[-1] // num_heads)
    return ops.swapaxes(ops.reshape(x, (-1, ops.shape(x)[1], *heads)), 1, 2)


def join_heads(x: Any) -> Any:
    """`[B, H, T, D / H]` -> `[B, T, D]`."""
    return ops.reshape(ops.swapaxes(x, 1, 2), (-1, ops.shape(x)[2], x.shape[1] * x.shape[3]))


def attend_from_one(query: Any, keys: Any, values: Any, bias: Any) -> Any:
    """Attend from one position of each sequence: `scaled_dot_product_attention` in fewer and smaller operations.

    Args:
        query: float `[B, D]`.
        keys: float `[B, H, S, D / H]`.
        values: float `[B, H, S, D / H]`.
        bias: float32, broadcastable to `[B, H, S]`, added to the scores: `mask_bias` of where the query may look.

    Returns:
        float `[B, D]`, the heads side by side.

    Example:
        >>> keys, values = ops.ones((1, 1, 2, 1)), ops.array([[[[1.0], [5.0]]]])
        >>> seen = ops.array([True, False])
        >>> ops.convert_to_numpy(attend_from_one(ops.ones((1, 1)), keys, values, mask_bias(seen)))
        array([[1.]], dtype=float32)
    """
    _, num_heads, _, depth = keys.shape
    query = ops.reshape(ops.multiply(query, 1.0 / float(depth) ** 0.5), (-1, num_heads, depth))
    # Nothing is transposed: each number of the keys and values is read once, where it lies.
    scores = ops.cast(ops.einsum("bhd,bhsd->bhs", query, keys), "float32")
    weights = ops.cast(ops.softmax(ops.add(scores, bias), axis=-1), values.dtype)
    return ops.reshape(ops.einsum("bhs,bhsd->bhd", weights, values), (-1, num_heads * depth))


def mask_bias(mask: Any) -> Any:
    """What added to scores hides the positions where `mask` is False: float32, in the mask's shape."""
    return ops.where(mask, 0.0, HIDDEN)
