"""Pairs of a message and the pieces of its reply, and the batches that a reply network learns from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.tasks.reply.config import ReplyConfig
from supportnet.tasks.reply.token_batches import token_batches
from supportnet.tasks.split import TaskSplit, data_facts
from supportnet.text.byte_pairs import END_ID, START_ID
from supportnet.text.graph import as_strings
from supportnet.text.preprocessor import TextFrontEnd
from supportnet.text.slots import slotted_all
from supportnet.training.splits import reply_splits

if TYPE_CHECKING:
    from supportnet.tasks.reply.model import Replier

Ints = npt.NDArray[np.int64]


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
    return Split(tickets, validation, data_facts(dataset, tickets, validation), config.min_count)


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
    counts = [
        tf.reduce_sum(tf.cast(preprocessor(list(texts[i : i + batch_size]))["mask"], tf.int64), axis=1).numpy()
        for i in range(0, len(texts), batch_size)
    ]
    return np.concatenate(counts)


def training_replies(model: "Replier", pairs: ReplyPairs, tokens: int, seed: int, epochs: range) -> tf.data.Dataset:
    """Encoded batches of all `epochs`; see `_encoded`."""

    def order() -> Iterator[Ints]:
        for epoch in epochs:
            yield from token_batches(pairs.sources, pairs.targets, tokens, seed, epoch)

    index = tf.TensorSpec([None], tf.int64)
    return _encoded(tf.data.Dataset.from_generator(order, output_signature=index), model, pairs)


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
