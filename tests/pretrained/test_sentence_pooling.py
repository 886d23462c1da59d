"""From the states of tokens to one vector."""

from typing import Any

import numpy as np
import pytest
from keras import ops

from supportnet.errors import UserError
from supportnet.pretrained import SentencePooling

X = np.array(
    [[[3.0, 0.0], [3.0, 8.0], [90.0, 90.0]], [[0.0, -2.0], [7.0, 7.0], [1.0, 1.0]], [[1.0, 1.0]] * 3], "float32"
)
#: The last message has no tokens.
MASK = np.array([[True, True, False], [True, False, False], [False] * 3])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, [[0.6, 0.8], [0.0, -1.0], [0.0, 0.0]]),
        ({"unit_length": False}, [[3.0, 4.0], [0.0, -2.0], [0.0, 0.0]]),
        ({"pooling": "cls"}, [[1.0, 0.0], [0.0, -1.0], [0.0, 0.0]]),
        ({"pooling": "cls", "unit_length": False}, [[3.0, 0.0], [0.0, -2.0], [0.0, 0.0]]),
    ],
)
def test_by_hand(arguments: dict[str, Any], expected: list[list[float]]) -> None:
    found = ops.convert_to_numpy(SentencePooling(**arguments)(X, mask=MASK))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_long_vectors_in_half_precision() -> None:
    """Their squares are beyond float16."""
    found = ops.convert_to_numpy(SentencePooling(dtype="float16")((X * 500).astype("float16"), mask=MASK))
    np.testing.assert_allclose(found, [[0.6, 0.8], [0.0, -1.0], [0.0, 0.0]], atol=1e-3)


def test_there_is_no_mask_left() -> None:
    assert SentencePooling().compute_mask(X, MASK) is None


def test_unknown_pooling() -> None:
    with pytest.raises(UserError, match=r"pooling must be one of mean, cls. Received: pooling='max'"):
        SentencePooling("max")
