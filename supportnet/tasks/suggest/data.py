"""Pairs of a message and its reply, and the batches that a dual encoder learns from."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from supportnet.backbones.backbone import TaskModel
from supportnet.data.bank import bank_of_replies
from supportnet.data.ticket import Ticket, TicketDataset, same_text
from supportnet.errors import UserError
from supportnet.tasks.suggest.config import SuggestConfig
from supportnet.tasks.suggest.network import SIDES, of_side
from supportnet.tasks.task import TaskSplit
from supportnet.text.graph import as_strings
from supportnet.training.examples import epoch_batches
from supportnet.training.splits import reply_splits

#: Messages a batch of the validation data: each reply stands among theirs.
VALIDATION_BATCH = 256

#: Of messages by their indices `[B]` in an epoch -> the indices of further wrong replies `[B, H]`.
Negatives = Callable[[int], npt.NDArray[np.int64] | None]


@dataclass(frozen=True)
class Pairs:
    """Messages with their replies.

    Attributes:
        texts: N messages.
        replies: R different replies.
        reply: which of the replies each message got, int `[N]`.
        labels: index of the label of each message's reply, -1 where it has none, int `[N]`.
        reply_labels: the label that each reply has most often, -1 where it has none, int `[R]`.
        sentences: side -> a frozen encoder's vectors of its texts, float32 `[N, D]` and `[R, D]`, which the network is
            given in place of their features; None where it reads the texts.
    """

    texts: Sequence[str]
    replies: Sequence[str]
    reply: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    reply_labels: npt.NDArray[np.int64]
    sentences: Mapping[str, npt.NDArray[np.float32]] | None = None

    @classmethod
    def of(cls, tickets: Sequence[Ticket], labels: Sequence[str] = ()) -> "Pairs":
        """Collect the pairs of tickets that all have a reply; labels that aren't in `labels` count as none.

        Example:
            >>> pairs = Pairs.of([Ticket("hi", "greet", "Hello!"), Ticket("hey", "greet", "hello!")], ["greet"])
            >>> pairs.replies, pairs.reply.tolist(), pairs.reply_labels.tolist()
            (['Hello!'], [0, 0], [0])
        """
        replies = [answer.text for answer in bank_of_replies("the replies", tickets).answers]
        row = {same_text(reply): i for i, reply in enumerate(replies)}
        known: dict[str | None, int] = {label: i for i, label in enumerate(labels)}
        reply = np.array([row[same_text(ticket.reply or "")] for ticket in tickets], dtype="int64")
        label = np.array([known.get(ticket.intent, -1) for ticket in tickets], dtype="int64")
        counts = np.zeros((len(replies), len(known) + 1), dtype="int64")
        np.add.at(counts, (reply, label), 1)
        named = counts[:, :-1]
        reply_labels = np.where(named.any(axis=1), named.argmax(axis=1) if len(known) else 0, -1)
        return cls([ticket.text for ticket in tickets], replies, reply, label, reply_labels)

    def __len__(self) -> int:
        return len(self.texts)

    def of_side(self, side: str) -> Sequence[str]:
        """Return the texts of one side of the network."""
        return self.texts if side == "message" else self.replies


@dataclass(frozen=True)
class Split(TaskSplit):
    """Messages with replies to train on and to validate on.

    Attributes:
        tickets, validation, facts: see `TaskSplit`.
        labels: names of the labels of replies that are a second objective; empty without.
        pairs: the training pairs.
        held_out: the validation pairs; None without validation.
    """

    labels: Sequence[str]
    pairs: Pairs
    held_out: Pairs | None

    @property
    def texts(self) -> list[str]:
        return [*super().texts, *(ticket.reply or "" for ticket in self.tickets)]


def split(dataset: TicketDataset, config: SuggestConfig, unlabelled: Sequence[str] = ()) -> Split:
    """Return the messages with replies to train on and to validate on; unlabelled messages are not read.

    Raises:
        UserError: there are fewer than two different replies, or labels are asked for and there are none.
    """
    tickets, validation = reply_splits(dataset, config.validation_share, config.seed)
    labels = _labels(tickets) if config.label_weight else []
    pairs = Pairs.of(tickets, labels)
    if len(pairs.replies) < 2:
        raise UserError(f"{dataset.name} must have at least two different replies to train on. It has one.")
    held_out = Pairs.of(validation, labels) if validation else None
    return Split.of(dataset, tickets, validation, labels=labels, pairs=pairs, held_out=held_out)


def _labels(tickets: Sequence[Ticket]) -> list[str]:
    labels = sorted({ticket.intent for ticket in tickets if ticket.intent is not None})
    if not labels:
        raise UserError("label_weight must be 0 where no message has a label (--label-column).")
    return labels


def training_pairs(
    model: TaskModel, pairs: Pairs, batch_size: int, seed: int, epochs: range, negatives: Negatives
) -> tf.data.Dataset:
    """Encoded batches of all `epochs`; see `_encoded`.

    `negatives` is asked once an epoch, before its first batch.
    """
    lengths = np.array([len(text) for text in pairs.texts])

    def order() -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        for epoch in epochs:
            hard = negatives(epoch)
            if hard is None:
                return
            for batch in epoch_batches(lengths, batch_size, seed, epoch):
                yield batch, hard[batch].ravel()

    index = tf.TensorSpec([None], tf.int64)
    return _encoded(tf.data.Dataset.from_generator(order, output_signature=(index, index)), model, pairs)


def validation_pairs(model: TaskModel, pairs: Pairs) -> tf.data.Dataset:
    """Encoded batches of every pair once, in a fixed random order: neighbours in a conversation are too alike."""
    shuffled = np.random.default_rng(0).permutation(len(pairs))
    order = tf.data.Dataset.from_tensor_slices(shuffled).batch(VALIDATION_BATCH)
    return _encoded(order.map(lambda batch: (batch, tf.zeros(0, tf.int64))), model, pairs)


def _encoded(order: tf.data.Dataset, model: TaskModel, pairs: Pairs) -> tf.data.Dataset:
    """Turn the indices of B messages and of H more replies into what the network takes, and its targets.

    The candidates are the C different texts among the replies of the B messages and the H others. Were a reply that
    many messages got a candidate as often, it would have to be so much less like its own ones: where texts are ranked,
    each is there once. Targets: `right` int `[B]`, the candidate that is the message's own reply; `message_labels` int
    `[B]` and `reply_labels` int `[C]`, -1 where there is none.
    """
    read = {side: _reader(model, pairs, side) for side in SIDES}
    reply, labels, reply_labels = (tf.constant(array) for array in (pairs.reply, pairs.labels, pairs.reply_labels))

    def encode(batch: tf.Tensor, more: tf.Tensor) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
        candidates, position = tf.unique(tf.concat([tf.gather(reply, batch), more], axis=0))
        inputs = {
            **of_side("message", read["message"](batch)),
            **of_side("reply", read["reply"](candidates)),
        }
        targets = {
            "right": position[: tf.size(batch)],
            "message_labels": tf.gather(labels, batch),
            "reply_labels": tf.gather(reply_labels, candidates),
        }
        return inputs, targets

    return order.map(encode).prefetch(2)


def _reader(model: TaskModel, pairs: Pairs, side: str) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Return what makes the network's input of the indices of texts."""
    texts = as_strings(pairs.of_side(side))
    vectors = None if pairs.sentences is None else tf.constant(pairs.sentences[side])

    def read(rows: tf.Tensor) -> dict[str, tf.Tensor]:
        if vectors is not None:
            return {"sentence": tf.gather(vectors, rows)}
        return dict(model.preprocessor(tf.gather(texts, rows)))

    return read
