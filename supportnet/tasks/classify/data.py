"""Training data of the task classify: messages with intents that are labelled or pseudo-labelled."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from supportnet.backbones.backbone import TaskModel
from supportnet.data.splits import (
    check_known_intents,
    check_trainable,
    labelled,
    train_validation_split,
    warn_of_unvalidated_intents,
)
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket, TicketDataset
from supportnet.tasks.classify.config import ClassifyConfig
from supportnet.tasks.split import TaskSplit, data_facts
from supportnet.text.tokenizer_graph import as_strings
from supportnet.training.batches import epoch_order

_NO_VALIDATION = (
    "There are no validation messages in scope: the last epoch's weights are kept, probabilities aren't calibrated, "
    "every message counts as in scope and none is routed."
)


@dataclass(frozen=True)
class Split(TaskSplit):
    """Messages to train on and to validate on.

    Attributes:
        tickets, validation, facts: see `TaskSplit`; validation holds out-of-scope messages as well.
        unlabelled: further messages to learn from.
    """

    unlabelled: Sequence[str] = ()

    @property
    def texts(self) -> list[str]:
        return [*super().texts, *self.unlabelled]

    @cached_property
    def intents(self) -> list[str]:
        """Names of the intents, sorted."""
        return sorted({str(ticket.intent) for ticket in self.tickets})

    @cached_property
    def known(self) -> "Examples":
        """The labelled training examples."""
        return labelled_examples(self.tickets, self.intents)

    @cached_property
    def held_out(self) -> "Examples":
        """The in-scope validation examples."""
        in_scope = [ticket for ticket in self.validation if ticket.intent in self.intents]
        return labelled_examples(in_scope, self.intents)


def split(dataset: TicketDataset, config: ClassifyConfig, unlabelled: Sequence[str] = ()) -> Split:
    """Return the messages to train on and to validate on, checked.

    Raises:
        UserError: there is nothing to train on, or validation has other intents.
    """
    tickets, validation = training_splits(dataset, config)
    return Split(tickets, validation, data_facts(dataset, tickets, validation, unlabelled), unlabelled)


def training_splits(dataset: TicketDataset, config: ClassifyConfig) -> tuple[list[Ticket], list[Ticket]]:
    """Return the messages to train on and those for validation, checked.

    Messages without an intent are left out, with a warning. Validation is empty if the data or the configuration want
    none, or if all of it is out of scope.
    """
    tickets = labelled(dataset["all" if "all" in dataset.splits else "train"], "train on")
    check_trainable(tickets)
    validation: list[Ticket] = []
    if "validation" in dataset.splits:
        validation = labelled(dataset["validation"], "validate on")
    elif config.validation_share:
        tickets, validation = train_validation_split(tickets, config.validation_share, config.seed)
    if all(ticket.intent == OUT_OF_SCOPE for ticket in validation):
        warnings.warn(_NO_VALIDATION, stacklevel=3)
        return tickets, []
    intents = {str(ticket.intent) for ticket in tickets}
    check_known_intents(intents, validation)
    if "validation" in dataset.splits:
        warn_of_unvalidated_intents(intents, validation)
    return tickets, validation


@dataclass(frozen=True)
class Examples:
    """Messages with their intents.

    Attributes:
        texts: N messages.
        targets: the index of each message's intent, int `[N]`; or, where it is only believed, the probability of
            every intent, float `[N, K]`.
    """

    texts: Sequence[str]
    targets: npt.NDArray[np.int64] | npt.NDArray[np.float32]

    @property
    def best(self) -> npt.NDArray[np.int64]:
        """The index of the likeliest intent of each message, int `[N]`."""
        return self.targets.argmax(axis=1) if self.targets.ndim == 2 else self.targets.astype("int64")

    @property
    def certainty(self) -> npt.NDArray[np.float32]:
        """The probability of that intent, float32 `[N]`; 1 where it is known."""
        known = self.targets.ndim == 1
        return np.ones(len(self.texts), "float32") if known else self.targets.max(axis=1).astype("float32")

    def __len__(self) -> int:
        return len(self.texts)


def labelled_examples(tickets: Sequence[Ticket], intents: Sequence[str]) -> Examples:
    """Return labelled messages as examples.

    Args:
        tickets: with intents that are among `intents`.
        intents: names in the order of the indices.

    Example:
        >>> labelled_examples([Ticket("where is it", "track")], ["cancel", "track"]).targets
        array([1])
    """
    index = {intent: i for i, intent in enumerate(intents)}
    targets = np.array([index[str(ticket.intent)] for ticket in tickets], dtype="int64")
    return Examples([ticket.text for ticket in tickets], targets)


#: The share that labelled messages get of what is trained on, by repetition, where there are fewer; see `mixed`.
KNOWN_SHARE = 0.2


def mixed(known: Examples, believed: Examples, num_intents: int) -> Examples:
    """Return both kinds of messages as one, the labelled ones repeated where they are fewer than `KNOWN_SHARE`.

    Args:
        known: labelled messages, at least one.
        believed: messages with probabilities `[N, K]`.
        num_intents: number of intents K.

    Returns:
        Examples with probabilities, the labelled ones first.

    Example:
        >>> known = Examples(["where is it"], np.array([1]))
        >>> believed = Examples(["stop it"] * 8, np.full((8, 2), 0.5, "float32"))
        >>> mixed(known, believed, num_intents=2).targets.shape
        (10, 2)
    """
    times = max(1, round(KNOWN_SHARE / (1 - KNOWN_SHARE) * len(believed) / len(known)))
    certain = np.tile(np.eye(num_intents, dtype="float32")[known.best], (times, 1))
    return Examples([*list(known.texts) * times, *believed.texts], np.concatenate([certain, believed.targets]))


def training_dataset(
    model: TaskModel,
    num_intents: int,
    examples: Examples,
    weights: npt.NDArray[np.float32],
    batch_size: int,
    seed: int,
    epochs: range,
) -> tf.data.Dataset:
    """Encoded batches of all `epochs`: `(features, a probability of every intent, weights)`."""
    order = tf.data.Dataset.from_generator(
        lambda: epoch_order(examples.texts, batch_size, seed, epochs), output_signature=tf.TensorSpec([None], tf.int64)
    )
    return _encoded(order, model, num_intents, examples, weights)


def validation_dataset(
    model: TaskModel, num_intents: int, examples: Examples, batch_size: int = 256
) -> tf.data.Dataset:
    """Encoded batches of every message once, in the order given."""
    order = tf.data.Dataset.range(len(examples)).batch(batch_size)
    return _encoded(order, model, num_intents, examples, np.ones(len(examples), "float32"))


def _encoded(
    order: tf.data.Dataset, model: TaskModel, num_intents: int, examples: Examples, weights: npt.NDArray[np.float32]
) -> tf.data.Dataset:
    texts, targets, all_weights = as_strings(examples.texts), tf.constant(examples.targets), tf.constant(weights)
    known = examples.targets.ndim == 1

    def encode(batch: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor, tf.Tensor]:
        chosen = tf.gather(targets, batch)
        probabilities = tf.one_hot(chosen, num_intents) if known else chosen
        return model.preprocessor(tf.gather(texts, batch)), probabilities, tf.gather(all_weights, batch)

    return order.map(encode).prefetch(2)
