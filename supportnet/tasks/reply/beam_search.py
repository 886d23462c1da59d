"""Beam search: several beginnings of a reply at a time, so that a good one needn't begin with the likeliest token."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from supportnet.checks import check_positive
from supportnet.errors import UserError
from supportnet.tasks.reply.decoding import (
    Decoded,
    DecodingOptions,
    Step,
    decoded,
    forbid,
    loop,
    next_log_probs,
    no_tokens,
    put,
)
from supportnet.text.byte_pairs import END_ID, START_ID

#: `reorder(state, rows int32 [N']) -> state`: the state whose rows are those that `rows` names, of N.
Reorder = Callable[[Any, Any], Any]


def beam_search(
    step: Step,
    state: Any,
    reorder: Reorder,
    batch_size: Any,
    options: DecodingOptions,
    width: int,
    length_penalty: float = 0.6,
) -> Decoded:
    """Find the reply with the best score among those that a beam of W beginnings leads to.

    At each position the W best continuations of all beginnings are kept. One that ends gives its place up: the best
    reply so far is kept, and at the next position the W best continuations of the others take all places again.
    A beam of one writes what `greedy` does.

    Replies compete by the sum of their log-probabilities, divided by `((5 + length) / 6) ** length_penalty`, where the
    length counts `END_ID` (Wu et al. 2016, equation 14): each token makes the sum smaller, and without a division
    short replies would win. A reply that is cut at `max_length` competes like the others.

    The search for a reply ends when no beginning can lead to a better one. The bound is exact: the sum only falls, and
    no divisor is larger than that of `max_length` tokens. With a penalty it is a loose one: the search goes on for a
    while after the best reply has ended, the longer the larger `max_length` is.

    Args:
        step: see `Step`; it gets B W rows, those of one reply side by side.
        state: the decoder's state before the first token, of B rows.
        reorder: see `Reorder`. At first it makes B W rows of B; then it picks rows, each among the W of its own reply.
        batch_size: B, a number or an int32 scalar; may be 0.
        options: see `DecodingOptions`.
        width: how many beginnings W of each reply are kept.
        length_penalty: 0: the sum itself is compared; 1: nearly the mean.

    Raises:
        UserError: `width` isn't a whole number of at least 1, `length_penalty` isn't a number of at least 0, or the
            vocabulary is too small for `options`; see `forbid`.

    Example:
        >>> after = tf.math.log([[0.25] * 4, [0, 0, 0.45, 0.55], [0.25] * 4, [0, 0, 0.5, 0.5]])
        >>> step = lambda ids, position, state: (tf.gather(after, ids), state)
        >>> options, keep = DecodingOptions(max_length=3, min_length=0), lambda state, rows: state
        >>> [beam_search(step, {}, keep, 1, options, width, 0.0).ids.numpy()[0].tolist() for width in (1, 2)]
        [[3, 2, 0], [2, 0, 0]]
    """
    check_positive("width", width)
    if not 0 <= length_penalty < math.inf:
        raise UserError(f"length_penalty must be a number of at least 0. Received: length_penalty={length_penalty}")
    divisors = (((5 + np.arange(1, options.max_length + 1)) / 6) ** length_penalty).astype("float32")
    first_row = tf.range(batch_size) * width

    def one_token(
        position: Any, _: Any, ids: Any, tokens: Any, sums: Any, best: Any, best_sum: Any, best_tokens: Any, state: Any
    ) -> Any:
        log_probs, state = next_log_probs(step, ids, position, state)
        sums, rows, ids = _best_continuations(sums, forbid(log_probs, tokens, position, options))
        tokens = put(tf.gather(tokens, rows, axis=1), position, ids, options)
        ends = (tf.reshape(ids, (-1, width)) == END_ID) | (position == options.max_length - 1)
        finished = tf.where(ends, sums, -math.inf) / tf.gather(divisors, position)
        place = tf.argmax(finished, axis=1, output_type=tf.int32)
        better = tf.reduce_max(finished, axis=1) > best
        best = tf.where(better, tf.reduce_max(finished, axis=1), best)
        best_sum = tf.where(better, tf.gather(sums, place, axis=1, batch_dims=1), best_sum)
        best_tokens = tf.where(better, tf.gather(tokens, first_row + place, axis=1), best_tokens)
        sums = tf.where(ends, -math.inf, sums)
        writing = tf.reduce_max(sums, axis=1) / divisors[-1] > best
        return writing, ids, tokens, sums, best, best_sum, best_tokens, reorder(state, rows)

    rows = batch_size * width
    only_one = tf.constant([[0.0] + [-math.inf] * (width - 1)])
    start = (
        tf.fill([rows], START_ID),
        no_tokens(rows, options),
        tf.tile(only_one, [batch_size, 1]),
        tf.fill([batch_size], -math.inf),
        tf.zeros([batch_size]),
        no_tokens(batch_size, options),
        reorder(state, tf.repeat(tf.range(batch_size), width)),
    )
    *_, best_sum, best_tokens, _ = loop(one_token, batch_size, start, options)
    return decoded(best_tokens[-options.max_length :], best_sum)


def _best_continuations(sums: Any, log_probs: Any) -> tuple[Any, Any, Any]:
    """Continue each reply's beginnings with the tokens that make the largest sums.

    Args:
        sums: float32 `[B, W]`; -inf where there is no beginning.
        log_probs: float32 `[B W, V]`.

    Returns:
        The W largest sums, float32 `[B, W]`, the rows that they continue, and their tokens, int32 `[B W]` each.
    """
    width = sums.shape[1]
    # The W best of all are among the W best of each; to sort these is less than to sort all.
    k = min(width, log_probs.shape[1])
    gained, ids = tf.math.top_k(log_probs, k)
    candidates = tf.reshape(tf.reshape(sums, (-1, 1)) + gained, (-1, width * k))
    sums, places = tf.math.top_k(candidates, width)
    first = tf.range(tf.shape(sums)[0]) * width * k
    places = tf.reshape(places + tf.expand_dims(first, 1), (-1,))
    return sums, places // k, tf.gather(tf.reshape(ids, (-1,)), places)
