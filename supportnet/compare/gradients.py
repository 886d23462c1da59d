"""How much of an early token reaches a late one: the vanishing gradient, measured (Pascanu et al. 2013)."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from supportnet.compare.encoder_input import encoder_input
from supportnet.compare.messages import lengthened
from supportnet.data.ticket import TicketDataset

#: Messages, and directions of the output, that the norms are estimated from.
MESSAGES, DIRECTIONS = 16, 4


def gradient_norms(model: Any, dataset: TicketDataset) -> dict[str, list[float]]:
    """Return the norm of the gradient of an output with respect to an earlier input, by their distance.

    Of messages as long as the model reads, the output is that of the last token. The Frobenius norm of the Jacobian
    `d output_T / d input_(T-k)` is estimated from products with random directions.

    Returns:
        `trained`; `fresh`, the same network before training; `without attention`, what the trained one's blocks are
        given, which of an LSTM is what it remembers: one norm a distance k, from 0. Empty for a model without an
        encoder.
    """
    texts = [ticket.text for ticket in lengthened(dataset, model.config.max_length)["test"][:MESSAGES]]
    given = encoder_input(model, texts)
    if given is None:
        return {}
    keras.utils.set_random_seed(0)
    fresh = type(given.encoder).from_config(given.encoder.get_config())
    fresh.build(given.vectors.shape)
    read = {"trained": given.encoder, "fresh": fresh, "without attention": given.encoder.before_attention}
    return {name: _norms(function, given.vectors, given.mask).tolist() for name, function in read.items()}


def _norms(read: Callable[..., Any], vectors: Any, mask: Any) -> npt.NDArray[np.float64]:
    random = tf.random.Generator.from_seed(0)
    # A row for each direction: what a row gives doesn't depend on the others.
    x, mask = tf.repeat(tf.convert_to_tensor(vectors), DIRECTIONS, axis=0), tf.repeat(mask, DIRECTIONS, axis=0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        last = read(x, mask=mask)[:, -1]
        along = tf.reduce_sum(last * random.normal(tf.shape(last)))
    # E |J^T u|^2 = |J|_F^2 for u of unit variance; the last token comes first, at distance 0.
    squares = tf.reduce_mean(tf.reduce_sum(tape.gradient(along, x) ** 2, axis=-1), axis=0)
    norms: npt.NDArray[np.float64] = np.sqrt(squares.numpy())[::-1].astype("float64")
    return norms
