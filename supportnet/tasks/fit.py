"""What the trainings of the tasks have in common: a network in training, batches of messages, a frozen encoder."""

from collections.abc import Sequence
from typing import Any, Self

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from supportnet.backbones.backbone import TaskModel
from supportnet.backbones.texts import run_in_batches
from supportnet.savedmodel.signatures import TEXT
from supportnet.text.graph import as_strings
from supportnet.text.preprocessor import TextFrontEnd
from supportnet.training.examples import epoch_order
from supportnet.training.loop import Objective

#: Messages per batch of the validation data.
VALIDATION_BATCH = 256
#: Messages that a pretrained encoder reads at once.
ENCODED_BATCH = 64

#: Of N texts, float32 `[N, D]`.
Vectors = npt.NDArray[np.float32]

#: N messages, what is to be said of them, `[N, ...]`, and perhaps how much each counts, `[N]`.
Rows = tuple[Sequence[str], *tuple[npt.NDArray[Any], ...]]


class TrainingModel(keras.Model):
    """A view of a network in training; each task's own says what is learned and counted.

    Keras makes it and its subclasses functional models; one that isn't can't derive from it.

    Attributes:
        accuracy: the mean of what is right.
        options: the task's configuration.
    """

    accuracy: keras.metrics.Mean
    options: Any

    @classmethod
    def of(cls, network: keras.Model, options: Any, outputs: Any = None) -> Self:
        """Make a view of a network that ends in `outputs`; in all of its own by default."""
        model = cls(network.input, network.output if outputs is None else outputs, name="training")
        model.accuracy = keras.metrics.Mean(name="accuracy")
        model.options = options
        return model

    def loss_of(self, y: Any, y_pred: Any, weights: Any, training: bool) -> Any:
        """Return the mean loss of a batch, or of a replica's part of it, a scalar."""
        raise NotImplementedError

    def count(self, y: Any, y_pred: Any, weights: Any) -> None:
        """Count a batch into the metrics."""
        raise NotImplementedError

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Return the loss of a batch, as Keras asks for it."""
        return replica_share(self.loss_of(y, y_pred, sample_weight, training))

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Count a batch into the metrics, as Keras asks for it."""
        self.count(y, y_pred, sample_weight)
        return dict(self.get_metrics_result())


def replica_share(loss: Any) -> Any:
    """Return a replica's share of the mean loss over all of them, as Keras's own losses do: gradients are added up."""
    return loss / tf.distribute.get_strategy().num_replicas_in_sync


def labels_objective(
    training: TrainingModel,
    preprocessor: TextFrontEnd,
    learned: Rows,
    held_out: Rows,
    config: Any,
    sentences: tuple[Vectors | None, Vectors | None] = (None, None),
) -> Objective:
    """Return the objective of messages with labels, in batches of similar length.

    Args:
        training: the network in training.
        preprocessor: reads the messages.
        learned: the training messages.
        held_out: the validation messages; may be empty.
        config: how to train; it has a `batch_size`.
        sentences: a frozen encoder's vectors of the training and the validation messages, for a network that takes them
            beside the features, as `sentence`.
    """
    texts, in_order = learned[0], tf.data.Dataset.range(len(held_out[0])).batch(VALIDATION_BATCH)
    return Objective(
        training,
        lambda left: _encoded(
            epoch_order(texts, config.batch_size, config.seed, left), preprocessor, learned, sentences[0]
        ),
        -(-len(texts) // config.batch_size),
        # Keras takes None for no validation, and an empty data set for a mistake.
        _encoded(in_order, preprocessor, held_out, sentences[1]) if len(held_out[0]) else None,
    )


def _encoded(
    order: tf.data.Dataset, preprocessor: TextFrontEnd, rows: Rows, sentences: Vectors | None
) -> tf.data.Dataset:
    """Turn batches of indices into `(features, *columns)`."""
    strings, tensors = as_strings(rows[0]), [tf.constant(column) for column in rows[1:]]
    known = {} if sentences is None else {"sentence": tf.constant(sentences)}

    def read(batch: tf.Tensor) -> tuple[Any, ...]:
        vectors = {name: tf.gather(own, batch) for name, own in known.items()}
        features = {**preprocessor(tf.gather(strings, batch)), **vectors}
        return features, *(tf.gather(tensor, batch) for tensor in tensors)

    return order.map(read).prefetch(2)


def encode(
    model: TaskModel, texts: Sequence[str], progress_bar: bool = True, what: str = "reading messages"
) -> Vectors:
    """Return a pretrained encoder's vector of each text, float32 `[N, D]`: while it is frozen, they stay the same.

    Args:
        model: a model on a pretrained encoder.
        texts: N messages.
        progress_bar: show one on standard error.
        what: its label.

    Example (needs a trained model):
        >>> encode(model, ["Where is my parcel?"], progress_bar=False).shape
        (1, 384)
    """

    @tf.function(input_signature=[TEXT])
    def sentence(batch: Any) -> Any:
        vectors = model.backbone(model.preprocessor(batch), training=False)["sentence"]
        return {"sentence": keras.ops.cast(vectors, "float32")}

    return run_in_batches(sentence, texts, ["sentence"], ENCODED_BATCH, what if progress_bar else "")["sentence"]
