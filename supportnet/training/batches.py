"""Training batches whose order comes from the seed and the epoch alone, so that a resumed run sees the same ones."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from supportnet.tasks.classify.data import Examples
from supportnet.tasks.classify.model import IntentClassifier
from supportnet.text.tokenizer_graph import as_strings

#: Batches are cut from pools of this many, sorted by length: little padding, and still a random order.
BATCHES_A_POOL = 32


def epoch_batches(
    lengths: npt.NDArray[np.int64], batch_size: int, seed: int, epoch: int
) -> list[npt.NDArray[np.int64]]:
    """Split the indices of all messages into batches of similar length, in random order.

    Args:
        lengths: length of each message, int `[N]`.
        batch_size: messages a batch; a pool's last one may be smaller.
        seed: of the run.
        epoch: counted from 0.

    Returns:
        Index arrays that together hold each of 0 to N - 1 once; the same for the same arguments.

    Example:
        >>> epoch_batches(np.array([3, 9, 4, 8]), batch_size=2, seed=0, epoch=0)
        [array([3, 1]), array([0, 2])]
    """
    generator = np.random.default_rng([seed, epoch])
    shuffled = generator.permutation(len(lengths))
    pool_size = batch_size * BATCHES_A_POOL
    batches = []
    for start in range(0, len(shuffled), pool_size):
        pool = shuffled[start : start + pool_size]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += [pool[i : i + batch_size] for i in range(0, len(pool), batch_size)]
    return [batches[i] for i in generator.permutation(len(batches))]


def epoch_order(texts: Sequence[str], batch_size: int, seed: int, epochs: range) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the batches of all `epochs`, one after the other, as indices into `texts`; see `epoch_batches`."""
    lengths = np.array([len(text) for text in texts])
    for epoch in epochs:
        yield from epoch_batches(lengths, batch_size, seed, epoch)


def training_dataset(
    classifier: IntentClassifier,
    examples: Examples,
    weights: npt.NDArray[np.float32],
    batch_size: int,
    seed: int,
    epochs: range,
) -> tf.data.Dataset:
    """Encoded batches of all `epochs`: `(front end's output, a probability of every intent, weights)`."""
    order = tf.data.Dataset.from_generator(
        lambda: epoch_order(examples.texts, batch_size, seed, epochs), output_signature=tf.TensorSpec([None], tf.int64)
    )
    return _encoded(order, classifier, examples, weights)


def validation_dataset(classifier: IntentClassifier, examples: Examples, batch_size: int = 256) -> tf.data.Dataset:
    """Encoded batches of every message once, in the order given."""
    order = tf.data.Dataset.range(len(examples)).batch(batch_size)
    return _encoded(order, classifier, examples, np.ones(len(examples), "float32"))


def _encoded(
    order: tf.data.Dataset, classifier: IntentClassifier, examples: Examples, weights: npt.NDArray[np.float32]
) -> tf.data.Dataset:
    texts, targets, all_weights = as_strings(examples.texts), tf.constant(examples.targets), tf.constant(weights)
    known = examples.targets.ndim == 1

    def encode(batch: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor, tf.Tensor]:
        chosen = tf.gather(targets, batch)
        probabilities = tf.one_hot(chosen, len(classifier.intents)) if known else chosen
        return classifier.front_end(tf.gather(texts, batch)), probabilities, tf.gather(all_weights, batch)

    return order.map(encode).prefetch(2)
