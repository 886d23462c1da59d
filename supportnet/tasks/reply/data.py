"""Pairs of a message and the pieces of its reply, and the batches that a reply network learns from.

Batches have about as many tokens each, of messages and replies that are about as long: little is padding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from supportnet.backbones.texts import run_in_batches
from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.tasks.reply.config import ReplyConfig
from supportnet.tasks.task import TaskSplit
from supportnet.text.byte_pairs import END_ID, START_ID
from supportnet.text.graph import as_strings
from supportnet.text.preprocessor import TextFrontEnd
from supportnet.text.slots import fill_slots, slotted_all
from supportnet.training.examples import in_epochs
from supportnet.training.splits import reply_splits

if TYPE_CHECKING:
    from supportnet.tasks.reply.model import Replier


Ints = npt.NDArray[np.int64]


#: Lengths that differ by less count as the same: the wider, the more padding, and the more different the batches.
SOURCE_WIDTH, TARGET_WIDTH = 4, 2


@dataclass(frozen=True)
class Split(TaskSplit):
    """Messages with replies to train on and to validate on.

    Attributes:
        tickets, validation, facts: see `TaskSplit`.
        min_count: occurrences from which two neighbouring pieces are merged.
    """

    min_count: int


def split(dataset: TicketDataset, config: ReplyConfig, unlabelled: Sequence[str] = ()) -> Split:
    """Return the messages with replies to train on and to validate on; unlabelled messages are not read.

    Raises:
        UserError: no message has a reply.
    """
    tickets, validation = reply_splits(dataset, config.validation_share, config.seed)
    return Split.of(dataset, tickets, validation, min_count=config.min_count)


def filled(replies: Sequence[str], texts: Sequence[str], max_length: int) -> list[str]:
    """Return replies with their slots filled from the messages, as `supportnet.text.slots.fill_slots` does.

    Example:
        >>> filled(["Order {number} was sent."], ["Where is order 1234567?"], max_length=128)
        ['Order 1234567 was sent.']
    """
    return [reply.decode() for reply in fill_slots(as_strings(replies), as_strings(texts), max_length).numpy()]


@dataclass(frozen=True)
class ReplyPairs:
    """Messages with what shall be written.

    Attributes:
        texts: N messages.
        pieces: the pieces of each reply with `END_ID` behind them; one that is too long is cut, and has no end.
        sources: tokens of each message, int `[N]`.
        targets: pieces of each reply, int `[N]`.
    """

    texts: Sequence[str]
    pieces: Sequence[Sequence[int]]
    sources: Ints
    targets: Ints

    @classmethod
    def of(cls, tickets: Sequence[Ticket], model: "Replier") -> "ReplyPairs":
        """Read tickets that all have a reply as a model will read and write them."""
        texts = [ticket.text for ticket in tickets]
        templates = slotted_all((ticket.reply or "" for ticket in tickets), model.pieces.constants)
        replies = model.pieces.encode(templates)
        pieces = [[*reply, END_ID][: model.config.max_reply_length] for reply in replies]
        return cls(texts, pieces, count_tokens(model.preprocessor, texts), np.array([len(row) for row in pieces]))

    def __len__(self) -> int:
        return len(self.texts)


def count_tokens(preprocessor: TextFrontEnd, texts: Sequence[str], batch_size: int = 1024) -> Ints:
    """Return how many tokens a network sees of each text, int `[N]`."""

    def count(batch: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"tokens": tf.reduce_sum(tf.cast(preprocessor(batch)["mask"], tf.int64), axis=1)}

    return run_in_batches(count, texts, ["tokens"], batch_size)["tokens"]


def training_replies(model: "Replier", pairs: ReplyPairs, tokens: int, seed: int, epochs: range) -> tf.data.Dataset:
    """Encoded batches of all `epochs`; see `_encoded`."""
    order = in_epochs(lambda epoch: token_batches(pairs.sources, pairs.targets, tokens, seed, epoch), epochs)
    return _encoded(order, model, pairs)


def validation_replies(model: "Replier", pairs: ReplyPairs, tokens: int) -> tf.data.Dataset:
    """Encoded batches of every pair once."""
    batches = token_batches(pairs.sources, pairs.targets, tokens, 0, 0)
    # Of a data set whose length it doesn't know, Keras warns that it ends.
    order = tf.data.Dataset.from_tensor_slices(tf.ragged.constant([batch.tolist() for batch in batches], tf.int64))
    return _encoded(order, model, pairs)


def _encoded(order: tf.data.Dataset, model: "Replier", pairs: ReplyPairs) -> tf.data.Dataset:
    """Turn indices into what the network takes, and the pieces that it shall say, int32 `[B, T]`, 0 where padded."""
    texts, pieces = as_strings(pairs.texts), tf.ragged.constant(pairs.pieces, tf.int32)

    def encode(batch: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        targets = tf.gather(pieces, batch).to_tensor()
        before = tf.pad(targets[:, :-1], [[0, 0], [1, 0]], constant_values=START_ID)
        return {**model.preprocessor(tf.gather(texts, batch)), "pieces": before}, targets

    return order.map(encode).prefetch(2)


def token_batches(sources: Ints, targets: Ints, tokens: int, seed: int, epoch: int) -> list[Ints]:
    """Split the indices of all pairs into batches, in random order.

    Pairs are sorted by the length of the source, and among sources that are about as long by that of the target, which
    rises and falls by turns so that neighbours are alike. Which pair of a length comes first is random.

    Args:
        sources: tokens of each message, int `[N]`.
        targets: tokens of each reply, int `[N]`.
        tokens: what a batch holds at most, padding and both sides counted; a longer pair is a batch of its own.
        seed: of the run.
        epoch: counted from 0.

    Returns:
        Index arrays that together hold each of 0 to N - 1 once; the same for the same arguments, and as many in
        every epoch.

    Example:
        >>> token_batches(np.array([3, 40, 4, 41]), np.array([5, 9, 6, 9]), tokens=120, seed=0, epoch=0)
        [array([1, 3]), array([2, 0])]
    """
    generator = np.random.default_rng([seed, epoch])
    source, target = -(-sources // SOURCE_WIDTH), -(-targets // TARGET_WIDTH)
    shuffled = generator.permutation(len(sources))
    source, target = source[shuffled], target[shuffled]
    order = np.lexsort([np.where(source % 2, target, -target), source])
    cuts = _cuts(source[order] * SOURCE_WIDTH, target[order] * TARGET_WIDTH, tokens)
    batches = np.split(shuffled[order], cuts)
    return [batches[i] for i in generator.permutation(len(batches))]


def _cuts(sources: Ints, targets: Ints, tokens: int) -> list[int]:
    """Where the batches of sorted pairs begin, but for the first."""
    cuts, start, source, target = [], 0, 0, 0
    for i, (own_source, own_target) in enumerate(zip(sources.tolist(), targets.tolist(), strict=True)):
        source, target = max(source, own_source), max(target, own_target)
        if i > start and (i + 1 - start) * (source + target) > tokens:
            cuts.append(i)
            start, source, target = i, own_source, own_target
    return cuts
