"""Decoding: tokens of a reply one by one, each chosen from what a decoder says after the ones before it.

Greedy, the likeliest token each time; and beam search, several beginnings of a reply at a time, so that a good one
needn't begin with the likeliest token.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from supportnet.checks import check_not_negative, check_positive
from supportnet.errors import UserError
from supportnet.text.byte_pairs import END_ID, PAD_ID, START_ID

#: `step(ids int32 [N], position int32 [], state) -> (logits float [N, V], state)`: what a decoder says after the token
#: at `position`. The state is a nest of tensors, and keeps its shapes and dtypes.
Step = Callable[[Any, Any, Any], tuple[Any, Any]]

#: `choose(log_probs float32 [N, V], position int32 []) -> ids int32 [N]`: which token comes next; the forbidden ones
#: have -inf.
Choose = Callable[[Any, Any], Any]


#: `reorder(state, rows int32 [N']) -> state`: the state whose rows are those that `rows` names, of N.
Reorder = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class DecodingOptions:
    """What a reply may look like, however its tokens are chosen.

    `PAD_ID` and `START_ID` are in none. Forbidden tokens keep their share of the probability: a reply's score is
    what the model thinks of it.

    Args:
        max_length: most tokens of a reply, without `END_ID`; a reply that has as many is cut there.
        min_length: fewest tokens of a reply, without `END_ID`.
        no_repeat_ngram: no run of so many tokens occurs twice in a reply; 0: any may.

    Raises:
        UserError: a number isn't whole or below 1 (`no_repeat_ngram`, `min_length`: 0), or `min_length` is above
            `max_length`.

    Example:
        >>> DecodingOptions(max_length=20, no_repeat_ngram=3)
        DecodingOptions(max_length=20, min_length=1, no_repeat_ngram=3)
    """

    max_length: int = 64
    min_length: int = 1
    no_repeat_ngram: int = 0

    def __post_init__(self) -> None:
        check_positive("max_length", self.max_length)
        check_not_negative("no_repeat_ngram", self.no_repeat_ngram)
        if check_not_negative("min_length", self.min_length) > self.max_length:
            received = f"Received: min_length={self.min_length}, max_length={self.max_length}"
            raise UserError(f"min_length must be at most max_length. {received}")


class Decoded(NamedTuple):
    """The replies of a batch.

    Args:
        ids: int32 `[B, max_length]`, always so wide that a reply doesn't depend on its batch: the tokens, `END_ID`
            unless the reply was cut, then `PAD_ID`.
        score: float32 `[B]`, mean log-probability of the tokens and `END_ID`; 0 or less.
        length: int32 `[B]`, tokens without `END_ID`.
    """

    ids: Any
    score: Any
    length: Any


def greedy(step: Step, state: Any, batch_size: Any, options: DecodingOptions) -> Decoded:
    """Write each reply from the most probable tokens; of equal ones, the one with the lowest id.

    Args:
        step: see `Step`.
        state: the decoder's state before the first token, of B rows.
        batch_size: B, a number or an int32 scalar; may be 0.
        options: see `DecodingOptions`.

    Raises:
        UserError: the vocabulary is too small for `options`; see `forbid`.

    Example:
        >>> after = tf.constant([[0.0] * 4, [0, 0, 1, 2], [0.0] * 4, [0, 0, 2, 1]])
        >>> step = lambda ids, position, state: (tf.gather(after, ids), state)
        >>> greedy(step, {}, batch_size=2, options=DecodingOptions(max_length=4)).ids.numpy().tolist()
        [[3, 2, 0, 0], [3, 2, 0, 0]]
    """
    return write(step, state, batch_size, options, lambda log_probs, _: tf.argmax(log_probs, 1, tf.int32))


def write(step: Step, state: Any, batch_size: Any, options: DecodingOptions, choose: Choose) -> Decoded:
    """Write each reply token by token, as `choose` says, until all have ended.

    A row that has ended goes on beside the others, and what it wrote after its end is dropped at last: to hold it back
    would cost each token more operations, and at batch size 1 their number is what a token costs.

    Args:
        step, state, batch_size, options: see `greedy`.
        choose: see `Choose`.

    Raises:
        UserError: see `greedy`.
    """

    def one_token(position: Any, writing: Any, ids: Any, tokens: Any, total: Any, state: Any) -> Any:
        log_probs, state = next_log_probs(step, ids, position, state)
        ids = choose(forbid(log_probs, tokens, position, options), position)
        gained = tf.gather(log_probs, ids, axis=1, batch_dims=1)
        total = tf.where(writing, total + gained, total)
        return writing & (ids != END_ID), ids, put(tokens, position, ids, options), total, state

    start = (tf.fill([batch_size], START_ID), no_tokens(batch_size, options), tf.zeros([batch_size]), state)
    _, tokens, total, _ = loop(one_token, batch_size, start, options)
    return decoded(tokens[-options.max_length :], total)


def loop(one_token: Callable[..., Any], batch_size: Any, start: Any, options: DecodingOptions) -> Any:
    """Write token after token, until all replies have ended or have `max_length` tokens.

    Args:
        one_token: `(position, writing, *variables) -> (writing, *variables)`, where `writing`, bool `[B]`, tells which
            replies go on.
        batch_size: B.
        start: the variables before the first token, nests of tensors.
        options: see `DecodingOptions`.

    Returns:
        The variables after the last token.
    """

    def body(position: Any, *variables: Any) -> Any:
        new = one_token(position, *variables)
        # The loop wants each shape to stay known; a gather, say, may hide what was known before. Adds no operation.
        tf.nest.map_structure(lambda new, old: new.set_shape(old.shape), new, variables)
        return position + 1, *new

    def more(position: Any, writing: Any, *_: Any) -> Any:
        return (position < options.max_length) & tf.reduce_any(writing)

    variables = tf.nest.map_structure(tf.convert_to_tensor, (0, tf.ones([batch_size], tf.bool), *start))
    # Each token needs the one before it: there is nothing for a second iteration to do meanwhile.
    return tf.while_loop(more, body, variables, parallel_iterations=1)[2:]


def next_log_probs(step: Step, ids: Any, position: Any, state: Any) -> tuple[Any, Any]:
    """Ask the decoder: log-probabilities float32 `[N, V]`, and its next state."""
    logits, state = step(ids, position, state)
    return tf.nn.log_softmax(tf.cast(logits, tf.float32)), state


def no_tokens(rows: Any, options: DecodingOptions) -> Any:
    """Nothing written yet: `PAD_ID` int32 `[no_repeat_ngram - 1 + max_length, N]`, a column for each of N replies.

    The rows before the first are for `forbid`, which then finds an n-gram's beginning before every token.
    """
    return tf.fill([_before(options) + options.max_length, rows], PAD_ID)


def put(tokens: Any, position: Any, ids: Any, options: DecodingOptions) -> Any:
    """Write `ids` `[N]` at `position`."""
    row = tf.reshape(position + _before(options), (1, 1))
    return tf.tensor_scatter_nd_update(tokens, row, tf.expand_dims(ids, 0))


def forbid(log_probs: Any, tokens: Any, position: Any, options: DecodingOptions) -> Any:
    """Give -inf to each token that may not come next.

    Args:
        log_probs: float32 `[N, V]`.
        tokens: what has been written; see `no_tokens`.
        position: where the next token will stand.
        options: see `DecodingOptions`.

    Returns:
        float32 `[N, V]`. One token at least is allowed.

    Raises:
        UserError: a vocabulary so small that nothing might be left: no token but the special ones, or, without
            repeated n-grams, fewer than `min_length`.
    """
    vocab_size = log_probs.shape[-1]
    needed = max(options.min_length, 1) if options.no_repeat_ngram else 1
    if vocab_size <= END_ID + needed:
        received = f"Received: min_length={options.min_length}, no_repeat_ngram={options.no_repeat_ngram}"
        raise UserError(f"Too few tokens for these options: {vocab_size}, of them {END_ID + 1} special. {received}")
    if options.no_repeat_ngram:
        log_probs = _forbid_repeats(log_probs, tokens, position, options)
    masks = np.zeros((2, vocab_size), "float32")
    masks[:, [PAD_ID, START_ID]] = masks[1, END_ID] = -math.inf
    # To pick one of two rows is faster than `tf.where`.
    return log_probs + tf.gather(masks, tf.cast(position < options.min_length, tf.int32))


def decoded(tokens: Any, total: Any) -> Decoded:
    """Make replies of what was written.

    Args:
        tokens: int32 `[max_length, B]`; anything may follow `END_ID`.
        total: float32 `[B]`, the sum of the log-probabilities up to the first `END_ID`.
    """
    ids = tf.transpose(tokens)
    is_end = tf.cast(ids == END_ID, tf.int32)
    ids = tf.where(tf.cumsum(is_end, axis=1, exclusive=True) > 0, PAD_ID, ids)
    count = tf.math.count_nonzero(ids, axis=1, dtype=tf.int32)
    return Decoded(ids, total / tf.cast(count, tf.float32), count - tf.reduce_max(is_end, axis=1))


def _forbid_repeats(log_probs: Any, tokens: Any, position: Any, options: DecodingOptions) -> Any:
    """-inf for each token that would complete an n-gram a second time."""
    before, length = _before(options), options.max_length
    # Row `position` of `tokens` is the first of the last n - 1 tokens. Where the same n - 1 stand elsewhere, what
    # followed them is forbidden; where nothing has been written yet, that is `PAD_ID`.
    same = [tokens[i : i + length] == tf.gather(tokens, position + i) for i in range(before)]
    followed = tokens[before:]
    forbidden = tf.where(tf.reduce_all(same, axis=0), followed, PAD_ID) if same else followed
    rows = tf.broadcast_to(tf.range(tf.shape(tokens)[1]), tf.shape(forbidden))
    nothing = tf.fill(tf.shape(forbidden), -math.inf)
    return tf.tensor_scatter_nd_update(log_probs, tf.stack([rows, forbidden], axis=-1), nothing)


def _before(options: DecodingOptions) -> int:
    return max(options.no_repeat_ngram - 1, 0)


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
