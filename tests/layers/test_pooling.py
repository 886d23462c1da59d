import numpy as np
import pytest
from keras import ops

from supportnet.layers import MaskedPooling


def pool(x, mask):
    return ops.convert_to_numpy(MaskedPooling()(np.array(x, "float32"), mask=np.array(mask)))


def test_maximum_then_mean_of_the_real_tokens():
    x = [[[1, 10], [3, -20], [9, 99]]]
    np.testing.assert_array_equal(pool(x, [[True, True, False]]), [[3, 10, 2, -5]])


def test_negative_values_are_not_lost_to_the_padding():
    x = [[[-5], [-3], [0]], [[-5], [-3], [-100]]]
    np.testing.assert_array_equal(pool(x, [[True, True, False]] * 2), [[-3, -4], [-3, -4]])


@pytest.mark.parametrize("value", [-7.0, 0.0, 7.0, 3e38])
def test_a_message_without_tokens_is_zeros(value):
    np.testing.assert_array_equal(pool(np.full((2, 3, 2), value), np.zeros((2, 3), bool)), np.zeros((2, 4)))


def test_a_mask_may_have_holes():
    np.testing.assert_array_equal(pool([[[1], [50], [3]]], [[True, False, True]]), [[3, 2]])
