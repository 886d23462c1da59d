"""From messages to replies in the graph: what a model and its export run alike."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from supportnet.tasks.reply.beam_search import beam_search
from supportnet.tasks.reply.decoding import Decoded, DecodingOptions, greedy
from supportnet.tasks.reply.sampling import sample
from supportnet.text.byte_pairs import detokenize
from supportnet.text.slots import fill_slots, has_open_slot
from supportnet.text.tokenizer import MAX_LENGTH

#: The score of an empty reply: below all that a model gives.
NO_REPLY = -100.0


class ReplyWriter:
    """Writes replies with a network; not for training.

    Args:
        head: see `build_head`.
        read: the features -> `memory`. An export has a faster one.
        pieces: the bytes of each piece; see `BytePairVocabulary`.
        options: what a reply may look like.
        max_length: tokens that are read of a message; values further behind fill no slot.
        projection: float32 `[D, P]`, the transposed table of the pieces' vectors, with which one vector is multiplied
            in half the time; the table itself, if not given.

    Example (needs a trained model):
        >>> writer = ReplyWriter(model.head, model.reader, model.pieces.pieces, DecodingOptions())
        >>> decoded = writer.greedy(model.preprocessor(["where is my parcel?"]))
    """

    def __init__(
        self,
        head: keras.Model,
        read: Callable[[Any], Any],
        pieces: Sequence[bytes],
        options: DecodingOptions,
        max_length: int = MAX_LENGTH,
        projection: Any = None,
    ) -> None:
        self.options = options
        self.max_length = max_length
        self._projection = projection
        self.pieces = tf.constant(list(pieces), tf.string)
        self._read = read
        self._decoder, self._table = head.get_layer("decoder"), head.get_layer("piece_embedding")

    def greedy(self, features: Mapping[str, Any]) -> Decoded:
        """Write the likeliest piece each time."""
        return greedy(self._step, self._start(features), _rows(features), self.options)

    def beam(self, features: Mapping[str, Any], width: int) -> Decoded:
        """Write the likeliest of the replies that a beam of this width finds."""
        state, reorder = self._start(features), self._decoder.reorder
        return beam_search(self._step, state, reorder, _rows(features), self.options, width)

    def sample(self, features: Mapping[str, Any], temperature: Any, top_p: Any, seed: Any) -> Decoded:
        """Draw each piece; see `supportnet.tasks.reply.sampling.sample`."""
        return sample(self._step, self._start(features), _rows(features), self.options, temperature, top_p, seed)

    def answers(self, decoded: Decoded, texts: Any, features: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was written as strings.

        Args:
            decoded: what one of the methods above returned.
            texts: the messages, string `[B]`; their values fill the slots.
            features: the preprocessor's. A message without words gets no reply, and a reply of nothing
                but white space, or of bytes that are no text, is none.

        Returns:
            `reply` string `[B]`, `template` string `[B]`, the same with its slots unfilled, `reply_score` float32
            `[B]`, `reply_tokens` int32 `[B]`, `complete` bool `[B]`: there is a reply, and no slot of it is open.
        """
        has_words = tf.reduce_any(features["mask"], axis=1)
        templates = detokenize(self.pieces, decoded.ids)
        is_reply = has_words & tf.not_equal(tf.strings.strip(templates), "")
        templates = tf.where(is_reply, templates, "")
        replies = fill_slots(templates, texts, self.max_length)
        return {
            "reply": replies,
            "template": templates,
            "reply_score": tf.where(is_reply, decoded.score, NO_REPLY),
            "reply_tokens": tf.where(is_reply, decoded.length, 0),
            "complete": is_reply & ~has_open_slot(replies),
        }

    def _start(self, features: Mapping[str, Any]) -> Any:
        return self._decoder.start(self._read(features), features["mask"], self.options.max_length)

    def _step(self, ids: Any, position: Any, state: Any) -> tuple[Any, Any]:
        table = self._table.embeddings.value
        written, state = self._decoder.step(tf.gather(table, ids), position, state)
        written = tf.cast(written, tf.float32)
        if self._projection is None:
            return tf.matmul(written, table, transpose_b=True), state
        return tf.matmul(written, self._projection), state


def transposed_table(head: keras.Model) -> tf.Variable:
    """Return the `projection` of a `ReplyWriter` that writes with weights that stay as they are."""
    return tf.Variable(tf.transpose(head.get_layer("piece_embedding").embeddings.value), name="projection")


def build_memory(head: keras.Model) -> keras.Model:
    """Cut out of a head what the decoder attends to: the features, and the backbone's vectors -> `memory`."""
    inputs = {name: tensor for name, tensor in head.input.items() if name != "pieces"}
    return keras.Model(inputs, head.output["memory"], name="memory")


def _rows(features: Mapping[str, Any]) -> Any:
    return tf.shape(features["mask"])[0]
