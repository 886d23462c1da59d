"""Tokenizer in TensorFlow operations: the twin of `supportnet.text.tokenizer`.

Uses core operations only (no TF Text, no `py_function`), so that exports run in any TensorFlow process. Raw operations
replace public functions that would wrap them in ragged tensors, with several times as many operations; at batch size 1
the number of operations determines the time.
"""

from typing import Any, NamedTuple

import tensorflow as tf

from supportnet.errors import UserError
from supportnet.text.code_points import Fold
from supportnet.text.tokenizer import BYTES_PER_TOKEN, MAX_LENGTH, get_mode, to_bytes


class Tokens(NamedTuple):
    """The N tokens of a batch of B texts, flat.

    Attributes:
        values: string `[N]`.
        positions: int64 `[N, 2]`, the row and the column of each token.
        shape: int64 `[2]`, B and the length of the longest text, at least 1.
    """

    values: Any
    positions: Any
    shape: Any


def tokenize_graph(texts: Any, mode: str = "unicode", max_length: int = MAX_LENGTH) -> Any:
    """Cut texts into tokens, with placeholders for personal data.

    Args:
        texts: string `[B]`, UTF-8, or a list or an array of `str` or `bytes`; invalid bytes are allowed.
        mode: `unicode` or `article`, see `supportnet.text.tokenizer`.
        max_length: maximum number of tokens of a text.

    Returns:
        `tf.RaggedTensor` of strings, `[B, None]`.

    Raises:
        UserError: if there is no such mode, or `max_length` isn't positive.

    Example:
        >>> tokenize_graph(["Refund £12.50!", ""])
        <tf.RaggedTensor [[b'refund', b'\\xc2\\xa3', b'12.50', b'!'], []]>
    """
    tokens = flat_tokens(as_strings(texts), mode, max_length)
    return tf.RaggedTensor.from_value_rowids(tokens.values, tokens.positions[:, 0], nrows=tokens.shape[0])


def as_strings(texts: Any) -> Any:
    """Return a list or an array of texts as a tensor; unlike TensorFlow itself, accept lone surrogates."""
    if isinstance(texts, (str, bytes)):
        raise UserError(f"texts must be a list or an array of texts. Received: texts={texts[:40]!r}")
    return texts if tf.is_tensor(texts) else tf.constant([to_bytes(text) for text in texts], tf.string)


def flat_tokens(texts: Any, mode: str, max_length: int) -> Tokens:
    """Return the tokens of `tokenize_graph` as a flat list."""
    if max_length < 1:
        raise UserError(f"max_length must be positive. Received: max_length={max_length}")
    fold, rules = get_mode(mode)
    texts = fold_graph(tf.strings.substr(texts, 0, BYTES_PER_TOKEN * max_length), fold)
    for pattern, rewrite in rules:
        texts = tf.strings.regex_replace(texts, pattern, rewrite)
    positions, values, shape = tf.raw_ops.StringSplitV2(input=texts, sep="", maxsplit=-1)
    kept = tf.where(positions[:, 1] < max_length)
    shape = tf.stack([shape[0], tf.clip_by_value(shape[1], 1, max_length)])
    return Tokens(tf.gather_nd(values, kept), tf.gather_nd(positions, kept), shape)


def are_cut(texts: Any, mode: str = "unicode", max_length: int = MAX_LENGTH) -> Any:
    """Return which texts are truncated.

    Args:
        texts, mode, max_length: as for `tokenize_graph`.

    Returns:
        bool `[B]`.

    Example:
        >>> are_cut(["where is my parcel", "where is it"], max_length=3).numpy().tolist()
        [True, False]
    """
    texts = as_strings(texts)
    positions = flat_tokens(texts, mode, max_length + 1).positions
    rows = tf.boolean_mask(positions[:, 0], tf.equal(positions[:, 1], max_length))
    has_more = tf.scatter_nd(rows[:, tf.newaxis], tf.ones_like(rows), [tf.shape(texts, tf.int64)[0]]) > 0
    return has_more | (tf.strings.length(texts) > BYTES_PER_TOKEN * max_length)


def fold_graph(texts: Any, fold: Fold) -> Any:
    """Fold the code points of texts, string `[B]`; invalid bytes become U+FFFD first."""
    splits, code_points = tf.raw_ops.UnicodeDecode(
        input=texts, input_encoding="UTF-8", errors="replace", replacement_char=0xFFFD, Tsplits=tf.int32
    )
    folded = fold_code_points(code_points, fold)
    return tf.raw_ops.UnicodeEncode(input_values=folded, input_splits=splits, output_encoding="UTF-8")


def fold_code_points(code_points: Any, fold: Fold) -> Any:
    """Fold code points, int32 `[C]`."""
    start = tf.gather(fold.blocks, tf.bitwise.right_shift(code_points, 8))
    values = tf.gather(fold.values, start + tf.bitwise.bitwise_and(code_points, 255))
    return tf.where(tf.equal(values, 0), code_points, values)
