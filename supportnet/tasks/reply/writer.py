"""From messages to replies in the graph: what a model and its export run alike; and sampling, which draws each token.

Sampling is from the model's distribution (top-p: Holtzman et al. 2020, section 3.1).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from supportnet.tasks.reply.decoding import Decoded, DecodingOptions, Step, beam_search, greedy, write
from supportnet.text.byte_pairs import detokenize
from supportnet.text.slots import fill_slots, has_open_slot
from supportnet.text.tokenizer import MAX_LENGTH

#: The score of an empty reply: below all that a model gives.
NO_REPLY = -100.0


#: Below it the most probable token is taken.
LEAST_TEMPERATURE = 1e-3
#: So many of the most probable tokens nearly always suffice to draw one; to sort 8,000 takes ten times as long.
FEW = 128


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
        """Draw each piece; see `sample`."""
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
