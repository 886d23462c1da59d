"""The lazy optimizer: Keras's AdamW on the rows that are touched, nothing on the others."""

from collections.abc import Sequence

import keras
import numpy as np
import pytest
import tensorflow as tf

from supportnet.training.optimizer import LazyAdamW

TABLE = np.arange(1, 13, dtype="float32").reshape(4, 3) / 10
KERNEL = np.array([1.0, 2.0], dtype="float32")


def trained(optimizer: type[keras.optimizers.AdamW], steps: Sequence[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Minimize the squares of the rows that each step takes, and of a dense variable."""
    table, kernel = keras.Variable(TABLE, name="embeddings"), keras.Variable(KERNEL, name="kernel")
    adam = optimizer(0.1, weight_decay=0.1, global_clipnorm=1.0)
    adam.build([table, kernel])
    for rows in steps:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.gather(table.value, rows) ** 2) + tf.reduce_sum(kernel.value**2)
        gradients = tape.gradient(loss, [table.value, kernel.value])
        assert isinstance(gradients[0], tf.IndexedSlices)
        adam.apply(gradients, [table, kernel])
    return keras.ops.convert_to_numpy(table), keras.ops.convert_to_numpy(kernel)


def test_every_row_touched_is_adamw() -> None:
    steps = [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]]
    for lazy, dense in zip(trained(LazyAdamW, steps), trained(keras.optimizers.AdamW, steps), strict=True):
        np.testing.assert_allclose(lazy, dense, atol=1e-6)


def test_untouched_rows_stay() -> None:
    table, _ = trained(LazyAdamW, [[0, 2], [2]])
    np.testing.assert_array_equal(table[[1, 3]], TABLE[[1, 3]])
    assert (table[[0, 2]] < TABLE[[0, 2]]).all()


def test_a_row_that_occurs_twice_is_updated_once_with_the_sum() -> None:
    """The first step of Adam has the size of the learning rate, whatever the gradient, on top of the decay."""
    table, _ = trained(LazyAdamW, [[1, 1]])
    np.testing.assert_allclose(table[1], TABLE[1] * (1 - 0.1 * 0.1) - 0.1, atol=1e-5)


def test_without_clipping() -> None:
    table = keras.Variable(TABLE, name="embeddings")
    adam = LazyAdamW(0.1, weight_decay=0.0)
    adam.build([table])
    adam.apply([tf.IndexedSlices(tf.ones((1, 3)), tf.constant([2]), tf.constant([4, 3]))], [table])
    assert keras.ops.convert_to_numpy(table)[2] == pytest.approx(TABLE[2] - 0.1, abs=1e-5)
