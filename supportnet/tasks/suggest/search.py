"""Exact search: the best answers of a bank by one product of matrices, in Python and in an export alike."""

from typing import Any

import tensorflow as tf


def best_answers(
    queries: tf.Tensor,
    answers: tf.Tensor,
    asked: tf.Tensor,
    null_logit: float,
    k: int,
    allowed: tf.Tensor | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Find the answers with the highest logits, and their probabilities among all that are allowed.

    For one message and 100,000 answers, every operation on all logits shows: there are three.

    Args:
        queries: float32 `[B, E]`.
        answers: float32 `[E, N]`, N at least 1; the products with the queries are the answers' logits. A column each:
            TensorFlow multiplies one query with rows at half the speed.
        asked: bool `[B]`; a message with False gets no answer.
        null_logit: logit of "none of them"; see `Relevance`.
        k: how many answers K to return.
        allowed: bool `[B, N]`, which answers a message may get; all, if not given.

    Returns:
        Their rows int32 `[B, K]`, best first, and their probabilities float32 `[B, K]`. Where fewer than K are allowed,
        rows of -1 with a probability of 0 follow.

    Example:
        >>> rows, scores = best_answers(tf.eye(2), tf.eye(2), tf.constant([True, False]), null_logit=0.0, k=1)
        >>> rows.numpy().tolist(), [round(score, 2) for score in scores.numpy()[:, 0].tolist()]
        ([[0], [-1]], [0.58, 0.0])
    """
    logits = tf.matmul(queries, answers)
    if allowed is not None:
        logits = tf.where(allowed, logits, logits.dtype.min)
    found = tf.minimum(k, tf.shape(answers)[1])
    best, rows = tf.math.top_k(logits, k=found)
    highest = tf.maximum(best[:, :1], null_logit)
    total = tf.reduce_sum(tf.exp(logits - highest), axis=1, keepdims=True) + tf.exp(null_logit - highest)
    is_answer = tf.logical_and(best > logits.dtype.min, tf.expand_dims(asked, 1))
    rows, scores = tf.where(is_answer, rows, -1), tf.where(is_answer, tf.exp(best - highest) / total, 0.0)
    missing = [[0, 0], [0, k - found]]
    rows, scores = tf.pad(rows, missing, constant_values=-1), tf.pad(scores, missing)
    return tf.ensure_shape(rows, (None, k)), tf.ensure_shape(scores, (None, k))


def with_tag(tag: Any, tags: Any, tagged: Any, starts: Any, count: Any) -> tf.Tensor:
    """Tell which answers have a tag.

    Args:
        tag: string `[B]`.
        tags: string `[T]`, distinct.
        tagged: int32 `[M]`, rows of the answers with the first tag, then those with the second, and so on.
        starts: int32 `[T + 1]`, where each tag's rows start in `tagged`, and M.
        count: number of answers N.

    Returns:
        bool `[B, N]`; all False for a tag that no answer has.

    Example:
        >>> with_tag(["b", "c"], ["a", "b"], [0, 1, 2], [0, 1, 3], count=3).numpy().tolist()
        [[False, True, True], [False, False, False]]
    """
    found = tf.where(tf.equal(tf.expand_dims(tag, 1), tf.expand_dims(tags, 0)))
    rows, known = tf.cast(found[:, 0], tf.int32), tf.cast(found[:, 1], tf.int32)
    begin, end = tf.gather(starts, known), tf.gather(starts, known + 1)
    places = tf.ragged.range(begin, end)
    answers = tf.gather(tagged, places.values)
    indices = tf.stack([tf.gather(rows, tf.cast(places.value_rowids(), tf.int32)), answers], axis=1)
    shape = tf.stack([tf.shape(tag)[0], count])
    return tf.scatter_nd(indices, tf.ones_like(answers), shape) > 0
