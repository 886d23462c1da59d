"""The lazy optimizer: Keras's AdamW on the rows that are touched, nothing on the others."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from supportnet.training.optimizer import LazyAdamW, scheduled_adamw

TABLE = np.arange(1, 13, dtype="float32").reshape(4, 3) / 10
KERNEL = np.array([1.0, 2.0], dtype="float32")


def trained(
    optimizer: type[keras.optimizers.AdamW], steps: Sequence[list[int]], name: str = "embeddings", **options: int
) -> tuple[np.ndarray, np.ndarray]:
    """Minimize the squares of the rows that each step takes, and of a dense variable."""
    table, kernel = keras.Variable(TABLE, name=name), keras.Variable(KERNEL, name="kernel")
    adam = optimizer(0.1, weight_decay=0.1, global_clipnorm=1.0, **options)
    adam.build([table, kernel])
    for rows in steps:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.gather(table.value, rows) ** 2) + tf.reduce_sum(kernel.value**2)
        gradients = tape.gradient(loss, [table.value, kernel.value])
        assert isinstance(gradients[0], tf.IndexedSlices)
        if optimizer is not LazyAdamW:
            gradients[0] = tf.convert_to_tensor(gradients[0])
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


def test_the_norm_is_that_of_the_gradient_with_a_row_twice() -> None:
    """AdamW divides the scale away in its first step; with another gradient in the next one, it shows."""
    steps = [[0, 1, 2, 3, 3, 3], [3, 2, 1, 0], [0, 1, 2, 3, 1, 0]]
    for lazy, dense in zip(trained(LazyAdamW, steps), trained(keras.optimizers.AdamW, steps), strict=True):
        np.testing.assert_allclose(lazy, dense, atol=1e-6)


@pytest.mark.slow
def test_two_replicas_with_half_a_batch_each_are_one_with_all_of_it() -> None:
    """In a process of its own, whose processor becomes two devices; both hold some rows, and the norm is clipped."""
    script = Path(__file__).with_name("two_replicas.py")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 1e-6


def test_without_clipping() -> None:
    table = keras.Variable(TABLE, name="embeddings")
    adam = LazyAdamW(0.1, weight_decay=0.0)
    adam.build([table])
    adam.apply([tf.IndexedSlices(tf.ones((1, 3)), tf.constant([2]), tf.constant([4, 3]))], [table])
    assert keras.ops.convert_to_numpy(table)[2] == pytest.approx(TABLE[2] - 0.1, abs=1e-5)


@pytest.mark.parametrize(("frozen_steps", "same"), [(0, False), (1, False), (2, True), (3, True)])
def test_frozen_word_vectors_stay_for_so_many_steps(frozen_steps: int, same: bool) -> None:
    """Here of two steps; other variables move, and so do the vectors of n-grams."""
    steps = [[0, 1, 2, 3]] * 2
    table, kernel = trained(LazyAdamW, steps, "word_embeddings", frozen_steps=frozen_steps)
    assert np.array_equal(table, TABLE) == same
    subwords, _ = trained(LazyAdamW, steps, "subword_embeddings", frozen_steps=frozen_steps)
    np.testing.assert_array_equal(subwords, trained(LazyAdamW, steps, "subword_embeddings")[0])
    assert (kernel < KERNEL).all()


def test_its_configuration_makes_it_again() -> None:
    adam = scheduled_adamw(0.1, weight_decay=0.2, warmup_share=0.25, steps=40, frozen_steps=7)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(adam))
    assert isinstance(again, LazyAdamW)
    assert (again.frozen_steps, again.weight_decay, again.global_clipnorm) == (7, 0.2, 1.0)
    assert again.get_config() == adam.get_config()
    assert LazyAdamW(0.1).get_config()["frozen_steps"] == 0


@pytest.mark.parametrize(("warmup_share", "first", "peak"), [(0.0, 0.1, 0), (0.25, 0.0, 10)])
def test_the_schedule_warms_up_and_decays_to_a_hundredth(warmup_share: float, first: float, peak: int) -> None:
    adam = scheduled_adamw(0.1, weight_decay=0.0, warmup_share=warmup_share, steps=40)
    rates = [float(adam._learning_rate(step)) for step in range(41)]
    assert rates[0] == pytest.approx(first)
    assert rates[peak] == max(rates) == pytest.approx(0.1)
    assert rates[40] == min(rates[peak:]) == pytest.approx(0.001)
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
