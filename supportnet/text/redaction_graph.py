"""Find personal data with TensorFlow operations: the twin of `find_personal_data`.

TensorFlow's RE2 operations replace, but return no positions. So each pattern puts marks around its matches, the marked
text is decoded to code points, and the code points between marks become the same filler as in the reference: positions
stay, and later patterns don't match a value again. All texts are joined to one string meanwhile, with a separator that
no pattern matches: 9 patterns take 9 times a dozen operations, whatever the size of the batch.
"""

from typing import Any, NamedTuple

import tensorflow as tf

from supportnet.text.code_points import DELETE, fold
from supportnet.text.redaction import PATTERNS
from supportnet.text.special_tokens import PLACEHOLDERS
from supportnet.text.tokenizer_graph import fold_code_points

#: The kinds of personal data; a kind's index is its id in the graph.
KINDS = tuple(PLACEHOLDERS)

# Folded texts have no control characters: these mark the start and the end of a match, and the end of a text.
_OPEN, _CLOSE, _END_OF_TEXT = 1, 2, 3
_SPACE, _FILLER = ord(" "), ord("<")
# The first of 32 noncharacters, which Unicode reserves for internal use.
_KIND = 0xFDD0


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
    values = tf.raw_ops.UnicodeEncode(input_values=written, input_splits=bounds, output_encoding="UTF-8")[1::2]
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
    written = tf.gather(written, kept)
    redacted = tf.raw_ops.UnicodeEncode(input_values=written, input_splits=splits, output_encoding="UTF-8")
    for number, placeholder in enumerate(PLACEHOLDERS.values()):
        redacted = tf.strings.regex_replace(redacted, chr(_KIND + number), placeholder)
    return redacted


def _find_in(texts: Any) -> tuple[Any, Any, Any, Any, Any]:
    """Find the personal data of all texts in one list of code points, with a line end after each text.

    Returns:
        int32 `[B + 1]`, the start of each text and the end of the last; the code points, int32 `[C]`; and the start,
        the end and the kind of each piece, int32 `[N]`.
    """
    splits, written = _code_points(tf.strings.join([texts, "\n"]))
    prepared, offsets = _prepare(written, splits[1:] - 1)
    starts, ends, kinds = _find(prepared)
    return splits, written, tf.gather(offsets, starts), tf.gather(offsets, ends) + 1, kinds


def _inside(starts: Any, ends: Any, size: Any) -> Any:
    """Return which of `size` positions are in one of the ranges, bool `[size]`."""
    bounds = [tf.math.bincount(places, minlength=size + 1, maxlength=size + 1) for places in (starts, ends)]
    return (tf.cumsum(bounds[0] - bounds[1]) > 0)[:-1]


def _code_points(texts: Any) -> tuple[Any, Any]:
    """Decode texts: int32 `[B + 1]`, the start of each and the end of the last, and the code points, int32 `[C]`."""
    splits, code_points = tf.raw_ops.UnicodeDecode(
        input=texts, input_encoding="UTF-8", errors="replace", replacement_char=0xFFFD, Tsplits=tf.int32
    )
    return splits, code_points


def _as_string(code_points: Any) -> Any:
    """Encode code points as one string, `[1]`."""
    splits = tf.stack([0, tf.size(code_points)])
    return tf.raw_ops.UnicodeEncode(input_values=code_points, input_splits=splits, output_encoding="UTF-8")


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
    marked = tf.strings.regex_replace(_as_string(prepared), pattern, f"{chr(_OPEN)}\\0{chr(_CLOSE)}")
    marked = _code_points(marked)[1]
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
