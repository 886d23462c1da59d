"""Sampling: each token is drawn from the model's distribution (top-p: Holtzman et al. 2020, section 3.1)."""

from typing import Any

import tensorflow as tf

from supportnet.tasks.reply.decoding import Decoded, DecodingOptions, Step, write

#: Below it the most probable token is taken.
LEAST_TEMPERATURE = 1e-3

#: So many of the most probable tokens nearly always suffice to draw one; to sort 8,000 takes ten times as long.
FEW = 128


def sample(
    step: Step, state: Any, batch_size: Any, options: DecodingOptions, temperature: Any, top_p: Any, seed: Any
) -> Decoded:
    """Draw each token of a reply.

    A reply depends on its own logits, temperature, top-p and seed and on nothing else of its batch: not on its place,
    not on the others. The score is the model's own, at temperature 1 and among all tokens.

    Args:
        step, state, batch_size, options: see `greedy`.
        temperature: float32 `[B]`, by which the logits are divided. Below 0.001, or NaN: the most probable token.
        top_p: float32 `[B]`. A token is drawn from the most probable ones, from the fewest that have together at
            least this share of the probability. 1 or more: from all; 0 or less, or NaN: the most probable token.
        seed: int32 or int64 `[B]`. The same seed draws the same reply; another version of TensorFlow may draw others.

    Raises:
        UserError: see `greedy`.

    Example:
        >>> step = lambda ids, position, state: (tf.constant([[0.0, 0.0, 1.0, 2.0]] * 2), state)
        >>> options = DecodingOptions(max_length=3)
        >>> sample(step, {}, 2, options, temperature=[1.0, 0.0], top_p=[0.7, 1.0], seed=[7, 8]).ids.numpy().tolist()
        [[3, 3, 3], [3, 3, 3]]
    """
    temperature, top_p = tf.convert_to_tensor(temperature), tf.convert_to_tensor(top_p)
    drawn = _uniform(seed, options.max_length)
    free = (temperature >= LEAST_TEMPERATURE) & (top_p > 0)
    top_p = tf.where(free, top_p, 0)
    # Not infinite either: what is forbidden, -inf, divided by it would be no number.
    temperature = tf.expand_dims(tf.where(free, tf.minimum(temperature, 1e6), LEAST_TEMPERATURE), 1)

    def choose(log_probs: Any, position: Any) -> Any:
        return pick(tf.nn.softmax(log_probs / temperature), top_p, tf.gather(drawn, position))

    return write(step, state, batch_size, options, choose)


def pick(probabilities: Any, top_p: Any, drawn: Any) -> Any:
    """Pick one of the most probable tokens of each row.

    Args:
        probabilities: float32 `[N, V]`.
        top_p: float32 `[N]`; see `sample`.
        drawn: float32 `[N]`, in [0, 1): uniformly distributed, it makes the tokens as frequent as they are probable.

    Returns:
        int32 `[N]`.

    Example:
        >>> probabilities, top_p = tf.constant([[0.1, 0.3, 0.6]] * 3), tf.constant([0.5, 0.8, 1.0])
        >>> pick(probabilities, top_p, drawn=[0.99, 0.99, 0.99]).numpy().tolist()
        [2, 1, 0]
    """
    vocab_size = probabilities.shape[-1]
    ids, sure = _pick_among(min(FEW, vocab_size), probabilities, top_p, drawn)
    unsure = tf.where(~sure)
    of_these = (tf.gather_nd(values, unsure) for values in (probabilities, top_p, drawn))
    return tf.tensor_scatter_nd_update(ids, unsure, _pick_among(vocab_size, *of_these)[0])


def _pick_among(k: int, probabilities: Any, top_p: Any, drawn: Any) -> tuple[Any, Any]:
    """Pick as `pick` does, with only the K most probable tokens at hand.

    Returns:
        int32 `[N]`, and bool `[N]`: whether more tokens would make no difference.
    """
    best, ids = tf.math.top_k(probabilities, k)
    together = tf.cumsum(best, axis=1)
    enough = together >= tf.expand_dims(top_p, 1)
    # Where all tokens may be drawn, rounding mustn't decide whether they have it all.
    share = tf.reduce_min(tf.where(enough, together, 1.0), axis=1)
    aim = drawn * share
    known = enough[:, -1] | (top_p >= 1)
    # The last of them that has any probability takes what rounding has lost.
    passed = (together <= tf.expand_dims(aim, 1)) & (together < together[:, -1:])
    place = tf.reduce_sum(tf.cast(passed, tf.int32), axis=1)
    return tf.gather(ids, place, axis=1, batch_dims=1), known & (aim < together[:, -1])


def _uniform(seed: Any, count: int) -> Any:
    """Numbers in [0, 1), float32 `[count, B]`, each column from its own seed."""

    def of_one(seed: Any) -> Any:
        return tf.random.stateless_uniform([count], tf.stack([seed, 0]), alg="philox")

    columns = tf.map_fn(of_one, tf.cast(seed, tf.int64), fn_output_signature=tf.TensorSpec([count], tf.float32))
    return tf.transpose(columns)
