"""WordPiece with TensorFlow operations: the twin of `WordPiece.encode`.

Core operations only, and few of them: at batch size 1 their number determines the time. One table look-up finds the
words that are pieces; only the others, such as names and typing errors, enter a loop, which takes the longest piece at
the start of what remains of each of them.

`[CLS]` and `[SEP]` are put around the normalized text as words: a customer's own have become brackets and letters by
then. What a text has beyond `max_length` words is one word more, which is looked up, but never kept.
"""

from typing import Any, Final, NamedTuple

import tensorflow as tf

from supportnet.text.graph import as_strings, decoded, entries_of
from supportnet.text.word_piece import WordPiece

#: What a table must return for a string that isn't a piece.
MISSING_ID: Final = -1

# Follows the word that the limit of bytes cuts. It is white space, so that no normalized word contains it, but not of
# ASCII, so that `StringSplitV2` doesn't split there.
_CUT = "\u00a0"


class PieceIds(NamedTuple):
    """The pieces of a batch of B texts, T of the longest.

    Attributes:
        piece_ids: int32 `[B, T]`, the id of `pad_token` where padded.
        mask: bool `[B, T]`, True = real piece.
    """

    piece_ids: Any
    mask: Any


def piece_table(rules: WordPiece) -> Any:
    """Return a lookup table, string -> int64, that contains the pieces.

    For an export, whose table is to be a file: `table_from_file(path, MISSING_ID)` with the file from `WordPiece.save`.
    """
    ids = tf.range(len(rules.pieces), dtype=tf.int64)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(list(rules.pieces), ids), MISSING_ID)


def word_pieces(texts: Any, rules: WordPiece, table: Any) -> PieceIds:
    """Divide texts into pieces.

    Args:
        texts: string `[B]`, UTF-8, or a list or an array of `str` or `bytes`; B may be 0, a text empty or invalid.
        rules: the tokenizer.
        table: lookup table of its pieces, which returns `MISSING_ID` for other strings.

    Returns:
        `PieceIds`, with T at least 2 and at most `rules.max_length`.

    Raises:
        UserError: if `texts` is one text and not a list of texts.

    Example:
        >>> rules = WordPiece(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "re", "##fund", "!"])
        >>> word_pieces(["Refund!", ""], rules, piece_table(rules)).piece_ids.numpy()
        array([[2, 4, 5, 6, 3],
               [2, 3, 0, 0, 0]], dtype=int32)
    """
    positions, words, shape = _split(as_strings(texts), rules)
    ids = table.lookup(words)
    unknown = tf.where(ids < 0)
    divided = _divide(tf.gather_nd(words, unknown), rules, table)
    # [W, P], the P pieces of each word, or MISSING_ID.
    room = [[0, 0], [0, tf.shape(divided)[1] - 1]]
    pieces = tf.pad(ids[:, tf.newaxis], room, constant_values=MISSING_ID)
    pieces = tf.tensor_scatter_nd_update(pieces, unknown, divided)
    found = tf.where(pieces >= 0)
    padded = tf.raw_ops.RaggedTensorToTensor(
        shape=tf.constant([-1, -1], tf.int64),
        values=tf.cast(tf.gather_nd(pieces, found), tf.int32),
        default_value=rules.ids[rules.pad_token],
        row_partition_tensors=[shape[0], tf.gather(positions[:, 0], found[:, 0])],
        row_partition_types=["FIRST_DIM_SIZE", "VALUE_ROWIDS"],
    )
    return _truncated(padded[:-1], rules)


def _split(texts: Any, rules: WordPiece) -> tuple[Any, Any, Any]:
    """Return the words of texts and of one empty text more, with `cls_token` and `sep_token`, as `StringSplitV2` does.

    The further text makes room for two pieces in an empty batch.
    """
    end = tf.where(tf.strings.length(texts) > rules.num_bytes, f"{_CUT} {rules.sep_token}", f" {rules.sep_token}")
    splits, code_points = decoded(tf.strings.substr(texts, 0, rules.num_bytes))
    entries = entries_of(code_points, rules.characters)
    entries = tf.where(tf.equal(entries, 0), code_points[:, tf.newaxis], entries)
    # What isn't a code point is left out: NOTHING. Noncharacters are kept.
    normalized = tf.raw_ops.UnicodeEncode(
        input_values=tf.reshape(entries, [-1]),
        input_splits=splits * entries.shape[1],
        output_encoding="UTF-8",
        errors="ignore",
    )
    normalized = tf.strings.join([f"{rules.cls_token} ", normalized, end])
    normalized = tf.concat([normalized, [f"{rules.cls_token} {rules.sep_token}"]], axis=0)
    return tf.raw_ops.StringSplitV2(input=normalized, sep="", maxsplit=rules.max_length)


def _divide(words: Any, rules: WordPiece, table: Any) -> Any:
    """Return the pieces of words, string `[U]`, that aren't pieces: int64 `[U, P]`, P at least 1, or `MISSING_ID`."""
    is_cut = tf.strings.regex_full_match(words, f"(?s).*{_CUT}")
    length = tf.strings.length(words, "UTF8_CHAR")
    is_long = length - tf.cast(is_cut, tf.int32) > rules.max_input_chars_per_word

    def goes_on(start: Any, *_: Any) -> Any:
        return tf.reduce_any(start < length)

    def divide_once(start: Any, prefix: Any, covered: Any, pieces: Any) -> tuple[Any, Any, Any, Any]:
        rest = length - start
        lengths = tf.range(1, tf.minimum(tf.reduce_max(rest), rules.longest) + 1)
        starts, lengths = tf.meshgrid(start, lengths, indexing="ij")
        candidates = tf.strings.substr(words[:, tf.newaxis], starts, lengths, "UTF8_CHAR")
        fits = table.lookup(tf.strings.join([prefix, candidates])) >= 0
        # At the end of a word, the longer candidates are what remains.
        best = tf.minimum(tf.reduce_max(tf.where(fits, lengths, 0), axis=1), rest)
        piece = table.lookup(tf.strings.join([prefix, tf.strings.substr(words, start, best, "UTF8_CHAR")]))
        pieces = tf.concat([pieces, tf.where(best > 0, piece, MISSING_ID)[:, tf.newaxis]], axis=1)
        # A word with a hole is given up.
        start = tf.where(best > 0, start + best, length)
        return start, tf.constant(rules.continuing_subword_prefix), covered + best, pieces

    start = tf.where(is_long, length, 0)
    first = (start, tf.constant(""), tf.zeros_like(length), tf.zeros([tf.size(words), 0], tf.int64))
    shapes = (start.shape, tf.TensorShape([]), start.shape, tf.TensorShape([None, None]))
    _, _, covered, pieces = tf.while_loop(goes_on, divide_once, first, shapes)
    is_whole = tf.equal(covered, length)
    whole_word = tf.where(is_whole | (is_cut & ~is_long), MISSING_ID, rules.ids[rules.unk_token])
    pieces = tf.where(is_whole[:, tf.newaxis], pieces, MISSING_ID)
    return tf.concat([tf.cast(whole_word, tf.int64)[:, tf.newaxis], pieces], axis=1)


def _truncated(padded: Any, rules: WordPiece) -> PieceIds:
    """Return the first `max_length` pieces; the last of these is `sep_token` or padding."""
    pad_id = rules.ids[rules.pad_token]
    last = padded[:, rules.max_length - 1 : rules.max_length]
    last = tf.where(tf.equal(last, pad_id), pad_id, rules.ids[rules.sep_token])
    piece_ids = tf.concat([padded[:, : rules.max_length - 1], last], axis=1)
    return PieceIds(piece_ids, tf.not_equal(piece_ids, pad_id))
