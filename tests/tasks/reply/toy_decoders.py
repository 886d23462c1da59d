"""Two small decoders, and decoding in plain Python: a reply at a time, from its beginning at each token."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from supportnet.tasks.reply.decoding import Decoded, DecodingOptions
from supportnet.text.byte_pairs import END_ID, PAD_ID, START_ID

#: Tokens so far, without `START_ID` -> the log-probabilities of the next one.
After = Callable[[tuple[int, ...]], np.ndarray]


class Chains:
    """A Markov chain for each row: what follows a token depends on that token and its position alone.

    Were it the token alone, many replies would be equally good: those with the same pairs of tokens in another order.
    """

    def __init__(self, seed: int, rows: int, vocab_size: int, scale: float = 2.0) -> None:
        random = np.random.default_rng(seed)
        self.logits = random.normal(scale=scale, size=(rows, vocab_size, vocab_size)).astype("float32")
        self.rows = rows

    def start(self, rows: Any = None) -> Any:
        return {"of each": {"logits": tf.constant(self.logits if rows is None else self.logits[rows])}}

    @staticmethod
    def step(ids: Any, position: Any, state: Any) -> tuple[Any, Any]:
        logits = tf.gather(state["of each"]["logits"], ids, axis=1, batch_dims=1)
        return logits * (1 + tf.cast(position, tf.float32) / 8), state

    def after(self, row: int) -> After:
        return lambda ids: log_softmax(self.logits[row, (START_ID, *ids)[-1]] * (1 + len(ids) / 8))


class Watched(Chains):
    """Chains that tell at which positions they were asked."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.positions: list[int] = []

    def step(self, ids: Any, position: Any, state: Any) -> tuple[Any, Any]:
        self.positions.append(int(position))
        return super().step(ids, position, state)


class Network(tf.Module):
    """A recurrent decoder that also attends to what it wrote before, from a cache, and to a message."""

    def __init__(self, seed: int, rows: int, vocab_size: int = 12, depth: int = 8, max_length: int = 10) -> None:
        random = np.random.default_rng(seed)
        self.message = random.normal(size=(rows, 3, depth)).astype("float32")
        self.rows, self.max_length = rows, max_length
        table = random.normal(size=(vocab_size, depth)).astype("float32")
        self.table, self.mix = tf.Variable(table), tf.Variable(random.normal(size=(2 * depth, depth)).astype("float32"))

    def start(self, rows: Any = None) -> Any:
        return self.read(tf.constant(self.message if rows is None else self.message[rows]))

    def read(self, message: Any) -> Any:
        batch, _, depth = tf.unstack(tf.shape(message))
        cache = tf.fill([batch, self.max_length, message.shape[2]], 0.0)
        return {"message": message, "written": {"cache": cache, "hidden": tf.zeros([batch, depth])}}

    def step(self, ids: Any, position: Any, state: Any) -> tuple[Any, Any]:
        message, written = state["message"], state["written"]
        x = tf.gather(self.table, ids)
        hidden = tf.tanh(tf.concat([x, written["hidden"]], axis=1) @ self.mix)
        here = tf.reshape(tf.range(self.max_length) == position, (1, -1, 1))
        cache = tf.where(here, tf.expand_dims(x, 1), written["cache"])
        scores = tf.einsum("bsd,bd->bs", tf.concat([cache, message], axis=1), hidden)
        is_written = tf.concat([tf.range(self.max_length) <= position, [True] * 3], axis=0)
        weights = tf.nn.softmax(tf.where(is_written, scores, -1e9))
        seen = tf.einsum("bs,bsd->bd", weights, tf.concat([cache, message], axis=1))
        return (hidden + seen) @ tf.transpose(self.table), {
            "message": message,
            "written": {"cache": cache, "hidden": hidden},
        }

    def after(self, row: int) -> After:
        known: dict[tuple[int, ...], tuple[Any, Any]] = {}

        def asked(ids: tuple[int, ...]) -> tuple[Any, Any]:
            if ids not in known:
                state = asked(ids[:-1])[1] if ids else self.start([row])
                known[ids] = self.step(tf.constant([(START_ID, *ids)[-1]]), tf.constant(len(ids)), state)
            return known[ids]

        return lambda ids: log_softmax(asked(ids)[0].numpy()[0])


def pick_rows(state: Any, rows: Any) -> Any:
    """The `reorder` of both decoders."""
    return tf.nest.map_structure(lambda tensor: tf.gather(tensor, rows), state)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype("float64") - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def next_ids(ids: tuple[int, ...], vocab_size: int, options: DecodingOptions) -> list[int]:
    """Which tokens may come next."""
    return [id for id in range(vocab_size) if may_follow(id, ids, options)]


def may_follow(id: int, ids: tuple[int, ...], options: DecodingOptions) -> bool:
    if id in (PAD_ID, START_ID):
        return False
    if id == END_ID:
        return len(ids) >= options.min_length
    return not options.no_repeat_ngram or is_without_repeats((*ids, id), options.no_repeat_ngram)


def is_without_repeats(ids: Sequence[int], n: int) -> bool:
    ngrams = [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]
    return len(ngrams) == len(set(ngrams))


def is_over(ids: tuple[int, ...], options: DecodingOptions) -> bool:
    return ids[-1:] == (END_ID,) or len(ids) == options.max_length


def total(after: After, ids: tuple[int, ...]) -> float:
    return sum(after(ids[:i])[id] for i, id in enumerate(ids))


def plain_greedy(after: After, options: DecodingOptions) -> tuple[int, ...]:
    ids: tuple[int, ...] = ()
    while not is_over(ids, options):
        log_probs = after(ids)
        ids = (*ids, max(next_ids(ids, len(log_probs), options), key=log_probs.__getitem__))
    return ids


def plain_beam(after: After, options: DecodingOptions, width: int, penalty: float) -> tuple[int, ...]:
    """The same search without a bound: to the last position, with all replies kept that ended."""
    beam: list[tuple[int, ...]] = [()]
    finished = []
    while beam:
        longer = [(*ids, id) for ids in beam for id in next_ids(ids, len(after(ids)), options)]
        kept = sorted(longer, key=lambda ids: -total(after, ids))[:width]
        finished += [ids for ids in kept if is_over(ids, options)]
        beam = [ids for ids in kept if not is_over(ids, options)]
    return best_of(after, finished, penalty)


def best_of(after: After, replies: Sequence[tuple[int, ...]], penalty: float) -> tuple[int, ...]:
    return max(replies, key=lambda ids: total(after, ids) / ((5 + len(ids)) / 6) ** penalty)


def all_replies(vocab_size: int, options: DecodingOptions) -> list[tuple[int, ...]]:
    """Each reply that the options allow."""
    found, beginnings = [], [()]
    while beginnings:
        longer = [(*ids, id) for ids in beginnings for id in next_ids(ids, vocab_size, options)]
        found += [ids for ids in longer if is_over(ids, options)]
        beginnings = [ids for ids in longer if not is_over(ids, options)]
    return found


def assert_replies(
    replies: Decoded, expected: Sequence[tuple[int, ...]], decoder: Any, options: DecodingOptions
) -> None:
    """Compare a batch with what plain Python wrote: ids, lengths, and the score that the decoder gives to these ids."""
    padded = [[*ids, *[PAD_ID] * (options.max_length - len(ids))] for ids in expected]
    assert replies.ids.shape == (len(expected), options.max_length)
    assert replies.ids.numpy().tolist() == padded
    assert replies.length.numpy().tolist() == [len(ids) - ids.count(END_ID) for ids in expected]
    scores = [total(decoder.after(row), ids) / len(ids) for row, ids in enumerate(expected)]
    np.testing.assert_allclose(replies.score, scores, rtol=1e-4, atol=1e-5)


def assert_as_one_by_one(decode: Callable[[Any, Any], Decoded], decoder: Any) -> None:
    """Compare a batch with its rows, each decoded alone: `decode(state, rows)`."""
    together = decode(decoder.start(), list(range(decoder.rows)))
    for row in range(decoder.rows):
        alone = decode(decoder.start([row]), [row])
        assert alone.ids[0].numpy().tolist() == together.ids[row].numpy().tolist()
        np.testing.assert_allclose(alone.score[0], together.score[row], rtol=1e-4, atol=1e-5)
