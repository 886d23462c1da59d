"""Fit a reply network to pairs of messages and replies, after pre-training on what is said next in the conversations.

For pre-training nobody has to label or choose anything, and the customers' language is learned as well as the agents'.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Self

import keras
from keras import ops

from supportnet.data.ticket import Ticket, newest_turn
from supportnet.tasks.fit import TrainingModel
from supportnet.tasks.reply.config import ReplyConfig
from supportnet.tasks.reply.data import ReplyPairs, Split, token_batches, training_replies, validation_replies
from supportnet.tasks.reply.model import Replier
from supportnet.text.byte_pairs import PAD_ID
from supportnet.training.loop import History, Loop, Objective

#: Folder of the checkpoint and the logs of pre-training, in that of the run.
FOLDER = "pretraining"


class ReplyModel(TrainingModel):
    """The reply network in training: every piece is asked for, given the true ones before it (teacher forcing).

    Metrics, of the pieces of a batch, padding aside: `accuracy`, the share of which the likeliest one is right, and
    `log_loss`, whose exponential is the perplexity.
    """

    log_loss: keras.metrics.Mean

    @classmethod
    def of(cls, network: keras.Model, options: Any, outputs: Any = None) -> Self:
        model = super().of(network, options, outputs)
        model.log_loss = keras.metrics.Mean(name="log_loss")
        return model

    def loss_of(self, y: Any, y_pred: Any, weights: Any, training: bool) -> Any:
        """Return the mean loss of a batch's pieces, a scalar; what is measured is not smoothed."""
        smoothing = self.options.label_smoothing if training else 0.0
        return masked_mean(piece_losses(y, y_pred["logits"], smoothing), y)

    def count(self, y: Any, y_pred: Any, weights: Any) -> None:
        # In one row: of several, Keras would take the means first, and a piece of a long batch would count for less.
        real = ops.reshape(ops.cast(y != PAD_ID, "float32"), (-1,))
        right = ops.cast(ops.equal(ops.argmax(y_pred["logits"], axis=-1), ops.cast(y, "int64")), "float32")
        self.accuracy.update_state(ops.reshape(right, (-1,)), real)
        self.log_loss.update_state(ops.reshape(piece_losses(y, y_pred["logits"]), (-1,)), real)


def piece_losses(targets: Any, logits: Any, smoothing: float = 0.0) -> Any:
    """Return the cross-entropy of each piece; with smoothing, of the target with a share spread over all pieces.

    Without a row of one-hot targets: for thousands of pieces, those take longer than the softmax.

    Args:
        targets: int `[B, T]`.
        logits: float `[B, T, P]`.
        smoothing: share of each target that is spread (Szegedy et al. 2016, section 7).

    Returns:
        float `[B, T]`, in nats.

    Example:
        >>> piece_losses(ops.array([[1]]), ops.zeros((1, 1, 2)), smoothing=0.1).numpy().round(3)
        array([[0.693]], dtype=float32)
    """
    losses = ops.sparse_categorical_crossentropy(targets, logits, from_logits=True)
    if not smoothing:
        return losses
    spread = ops.logsumexp(logits, axis=-1) - ops.mean(logits, axis=-1)
    return (1.0 - smoothing) * losses + smoothing * spread


def masked_mean(losses: Any, targets: Any) -> Any:
    """Return the mean over the pieces that are no padding, a scalar; padding has no part in it."""
    real = ops.cast(targets != PAD_ID, losses.dtype)
    return ops.sum(losses * real) / ops.maximum(ops.sum(real), 1.0)


def fit(model: Replier, split: Split, config: ReplyConfig, loop: Loop) -> History:
    """Train `model.network` in place; it ends with the weights of the best epoch.

    With `pretraining_epochs`, it first learns to write the newest turn of every message, piece by piece, after those
    before it: the objective of a GPT (Radford et al. 2018, section 3.1), turn by turn. Replies aren't read then.

    Args:
        model: a fresh one.
        split: messages with replies.
        config: how to train.
        loop: files and callbacks; pre-training has a folder of its own.

    Returns:
        The history of the replies. That of pre-training is kept as `model.pretraining`.

    Raises:
        UserError: the checkpoint is damaged or of another model, or training diverges.
    """
    turns = turns_of(split.tickets) if config.pretraining_epochs else []
    if turns:
        talk = replace(split, tickets=turns, validation=turns_of(split.validation))
        before = replace(config, epochs=config.pretraining_epochs)
        model.pretraining = loop.within(FOLDER).fit(objective(model, talk, before), before, what="pre-training")
    return loop.fit(objective(model, split, config), config)


def objective(model: Replier, split: Split, config: ReplyConfig) -> Objective:
    """Return what the model is trained on: tickets that all have a reply; validation may be empty."""
    pairs = ReplyPairs.of(split.tickets, model)
    held_out = ReplyPairs.of(split.validation, model) if split.validation else None
    return Objective(
        ReplyModel.of(model.network, config),
        lambda left: training_replies(model, pairs, config.batch_tokens, config.seed, left),
        len(token_batches(pairs.sources, pairs.targets, config.batch_tokens, config.seed, 0)),
        None if held_out is None else validation_replies(model, held_out, config.batch_tokens),
    )


def turns_of(tickets: Iterable[Ticket]) -> list[Ticket]:
    """Return what is said in messages: the newest turn of each, its speaker included, as a reply to those before it.

    Example:
        >>> turns_of([Ticket("customer: where is it?\\nagent: hello", reply="On its way.")])
        [Ticket(text='agent: hello', intent=None, reply='customer: where is it?', ...)]
    """
    parted = (newest_turn(ticket.text) for ticket in tickets)
    return [Ticket(before, reply=newest) for newest, before in parted if newest.strip()]
