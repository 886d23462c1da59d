"""The loss of the pieces of a reply: what is asked for, what is smoothed, and what padding can't touch."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from supportnet.tasks.reply.fit import masked_mean, piece_losses

LOGITS = np.random.default_rng(0).normal(size=(2, 4, 5)).astype("float32")
PIECES = np.array([[3, 4, 2, 0], [1, 2, 0, 0]], "int32")


def test_the_loss_is_keras_own() -> None:
    one_hot = ops.one_hot(PIECES, 5)
    for smoothing in (0.0, 0.1):
        expected = keras.losses.categorical_crossentropy(one_hot, LOGITS, from_logits=True, label_smoothing=smoothing)
        np.testing.assert_allclose(piece_losses(PIECES, LOGITS, smoothing), expected, rtol=1e-5)


def test_padding_has_no_part_in_the_loss_nor_in_its_gradient() -> None:
    logits = tf.Variable(LOGITS)
    with tf.GradientTape() as tape:
        loss = masked_mean(piece_losses(PIECES, logits, 0.1), PIECES)
    gradient = tape.gradient(loss, logits).numpy()
    assert (gradient[PIECES == 0] == 0).all()
    assert (gradient[PIECES > 0] != 0).all()
    longer = np.pad(PIECES, ((0, 0), (0, 3)))
    wild = np.pad(LOGITS, ((0, 0), (0, 3), (0, 0)), constant_values=1e4)
    assert float(masked_mean(piece_losses(longer, wild, 0.1), longer)) == pytest.approx(float(loss), rel=1e-6)


def test_a_batch_of_padding_costs_nothing() -> None:
    assert float(masked_mean(ops.ones((1, 2)), ops.zeros((1, 2), "int32"))) == 0.0
