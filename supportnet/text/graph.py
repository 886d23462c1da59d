"""Tokens and personal data with TensorFlow operations: the twins of `tokenizer` and `redaction`.

Uses core operations only (no TF Text, no `py_function`), so that exports run in any TensorFlow process. Raw operations
replace public functions that would wrap them in ragged tensors, with several times as many operations; at batch size 1
the number of operations determines the time.

TensorFlow's RE2 operations replace, but return no positions. So, to find personal data, each pattern puts marks around
its matches, the marked text is decoded to code points, and the code points between marks become the same filler as in
the reference: positions stay, and later patterns don't match a value again. All texts are joined to one string
meanwhile, with a separator that no pattern matches: 9 patterns take 9 times a dozen operations, whatever the size of
the batch.
"""

from typing import Any, NamedTuple

import tensorflow as tf

from supportnet.checks import check_many, check_positive
from supportnet.text.code_points import DELETE, Fold, TwoStages, fold
from supportnet.text.redaction import PATTERNS
from supportnet.text.special_tokens import PLACEHOLDERS
from supportnet.text.tokenizer import BYTES_PER_TOKEN, MAX_LENGTH, get_mode, to_bytes

#: The kinds of personal data; a kind's index is its id in the graph.
KINDS = tuple(PLACEHOLDERS)

# Folded texts have no control characters: these mark the start and the end of a match, and the end of a text.
_OPEN, _CLOSE, _END_OF_TEXT = 1, 2, 3
_SPACE, _FILLER = ord(" "), ord("<")
# The first of 32 noncharacters, which Unicode reserves for internal use.
_KIND = 0xFDD0


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
    check_many("texts", "a list or an array of texts", texts)
    return texts if tf.is_tensor(texts) else tf.constant([to_bytes(text) for text in texts], tf.string)


def flat_tokens(texts: Any, mode: str, max_length: int) -> Tokens:
    """Return the tokens of `tokenize_graph` as a flat list."""
    check_positive("max_length", max_length)
    fold, rules = get_mode(mode)
    splits, code_points = decoded(tf.strings.substr(texts, 0, BYTES_PER_TOKEN * max_length))
    texts = encoded(fold_code_points(code_points, fold), splits)
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


def decoded(texts: Any) -> tuple[Any, Any]:
    """Decode texts, string `[B]`; invalid bytes become U+FFFD.

    Returns:
        int32 `[B + 1]`, the start of each text and the end of the last; and the code points, int32 `[C]`.
    """
    splits, code_points = tf.raw_ops.UnicodeDecode(
        input=texts, input_encoding="UTF-8", errors="replace", replacement_char=0xFFFD, Tsplits=tf.int32
    )
    return splits, code_points


def encoded(code_points: Any, splits: Any) -> Any:
    """Encode code points as texts: the inverse of `decoded`."""
    return tf.raw_ops.UnicodeEncode(input_values=code_points, input_splits=splits, output_encoding="UTF-8")


def fold_code_points(code_points: Any, fold: Fold) -> Any:
    """Fold code points, int32 `[C]`."""
    values = entries_of(code_points, fold)
    return tf.where(tf.equal(values, 0), code_points, values)


def entries_of(code_points: Any, table: TwoStages) -> Any:
    """Return the entries of code points, int32 `[C]`, in a table: int32 `[C]` or `[C, N]`."""
    start = tf.gather(table.blocks, tf.bitwise.right_shift(code_points, 8))
    return tf.gather(table.values, start + tf.bitwise.bitwise_and(code_points, 255))


class Spans(NamedTuple):
    """The N pieces of personal data of a batch of texts, in order.

    Attributes:
        texts: int32 `[N]`, the index of each piece's text.
        kinds: int32 `[N]`, indices of `KINDS`.
        values: string `[N]`, the original text.
    """

    texts: Any
    kinds: Any
    values: Any


def personal_data_graph(texts: Any) -> Spans:
    """Return the personal data that `find_personal_data` finds in each text, in mode `unicode`.

    Args:
        texts: string `[B]`, UTF-8; B may be 0. Invalid bytes are read as U+FFFD.

    Example:
        >>> personal_data_graph(["I'm Jo@Example.com, order 123456", "hello"]).values
        <tf.Tensor: shape=(2,), dtype=string, numpy=array([b'Jo@Example.com', b'123456'], dtype=object)>
    """
    splits, written, starts, ends, kinds = _find_in(texts)
    # The strings between these positions alternate: text before a value, a value.
    bounds = tf.concat([[0], tf.reshape(tf.stack([starts, ends], axis=1), [-1]), splits[-1:]], axis=0)
    values = encoded(written, bounds)[1::2]
    return Spans(tf.searchsorted(splits, starts, side="right") - 1, kinds, values)


def redact_graph(texts: Any) -> Any:
    """Return each text as `redact` returns it, in mode `unicode`.

    Args:
        texts: string `[B]`, UTF-8; B may be 0. Invalid bytes are read as U+FFFD.

    Returns:
        string `[B]`.

    Example:
        >>> redact_graph(["Call +44 20 7946 0958!"]).numpy()
        array([b'Call <phone>!'], dtype=object)
    """
    splits, written, starts, ends, kinds = _find_in(texts)
    # Each value becomes one code point that stands for its kind; those in the input become U+FFFD.
    written = tf.where((written >= _KIND) & (written < _KIND + 32), 0xFFFD, written)
    written = tf.tensor_scatter_nd_update(written, starts[:, tf.newaxis], _KIND + kinds)
    ends_of_texts = splits[1:, tf.newaxis] - 1
    dropped = _inside(starts + 1, ends, tf.size(written))
    dropped = tf.tensor_scatter_nd_update(dropped, ends_of_texts, tf.ones_like(texts, tf.bool))
    kept = tf.where(~dropped)[:, 0]
    splits = tf.searchsorted(kept, tf.cast(splits, tf.int64), out_type=tf.int32)
    redacted = encoded(tf.gather(written, kept), splits)
    for number, placeholder in enumerate(PLACEHOLDERS.values()):
        redacted = tf.strings.regex_replace(redacted, chr(_KIND + number), placeholder)
    return redacted


def _find_in(texts: Any) -> tuple[Any, Any, Any, Any, Any]:
    """Find the personal data of all texts in one list of code points, with a line end after each text.

    Returns:
        int32 `[B + 1]`, the start of each text and the end of the last; the code points, int32 `[C]`; and the start,
        the end and the kind of each piece, int32 `[N]`.
    """
    splits, written = decoded(tf.strings.join([texts, "\n"]))
    prepared, offsets = _prepare(written, splits[1:] - 1)
    starts, ends, kinds = _find(prepared)
    return splits, written, tf.gather(offsets, starts), tf.gather(offsets, ends) + 1, kinds


def _inside(starts: Any, ends: Any, size: Any) -> Any:
    """Return which of `size` positions are in one of the ranges, bool `[size]`."""
    bounds = [tf.math.bincount(places, minlength=size + 1, maxlength=size + 1) for places in (starts, ends)]
    return (tf.cumsum(bounds[0] - bounds[1]) > 0)[:-1]


def _prepare(code_points: Any, text_ends: Any) -> tuple[Any, Any]:
    """Fold, apply `PREPARATION`, and mark the ends of texts; also return the offsets of the remaining code points."""
    folded = fold_code_points(code_points, fold("unicode"))
    folded = tf.tensor_scatter_nd_update(folded, text_ends[:, tf.newaxis], tf.fill(tf.shape(text_ends), _END_OF_TEXT))
    offsets = tf.where(tf.not_equal(folded, ord(DELETE)))[:, 0]
    spaces = tf.equal(tf.gather(folded, offsets), _SPACE)
    # The first code point's predecessor is the last one, the end of a text.
    offsets = tf.gather_nd(offsets, tf.where(~(spaces & tf.roll(spaces, 1, axis=0))))
    return tf.gather(folded, offsets), tf.cast(offsets, tf.int32)


def _find(prepared: Any) -> tuple[Any, Any, Any]:
    """Return the first and the last position of each match, int64 `[N]`, and its kind, int32 `[N]`."""
    starts, ends, kinds = [], [], []
    for kind, pattern in PATTERNS:
        prepared, first, last = _match(prepared, pattern)
        starts.append(first)
        ends.append(last)
        kinds.append(tf.fill(tf.shape(first), KINDS.index(kind)))
    order = tf.argsort(tf.concat(starts, axis=0))
    return tuple(tf.gather(tf.concat(found, axis=0), order) for found in (starts, ends, kinds))


def _match(prepared: Any, pattern: str) -> tuple[Any, Any, Any]:
    """Return the text with each match replaced by filler, and the matches' first and last positions."""
    text = encoded(prepared, tf.stack([0, tf.size(prepared)]))
    marked = tf.strings.regex_replace(text, pattern, f"{chr(_OPEN)}\\0{chr(_CLOSE)}")
    marked = decoded(marked)[1]
    opens, closes = tf.equal(marked, _OPEN), tf.equal(marked, _CLOSE)
    inside = tf.cumsum(tf.cast(opens, tf.int32) - tf.cast(closes, tf.int32))
    kept = tf.where(~(opens | closes))
    # The last character is the end of a text, never a mark, so no mark is rolled around.
    first, last = tf.gather_nd(tf.roll(opens, 1, axis=0), kept), tf.gather_nd(tf.roll(closes, -1, axis=0), kept)
    filler = tf.where(first | last, _SPACE, _FILLER)
    return (
        tf.where(tf.gather_nd(tf.equal(inside, 1), kept), filler, prepared),
        tf.where(first)[:, 0],
        tf.where(last)[:, 0],
    )
