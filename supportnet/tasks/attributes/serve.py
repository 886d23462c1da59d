"""The part of an export that predicts attributes."""

from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

from supportnet.files import write_json
from supportnet.savedmodel.reader import ServedReader, read_spec
from supportnet.savedmodel.signatures import TEXT
from supportnet.tasks.attributes.model import AttributeClassifier
from supportnet.tasks.task import ExportOptions

#: File of an export, in a folder that TensorFlow leaves alone: the values of each attribute.
VALUES = "assets.extra/attributes.json"


def signatures() -> Mapping[str, list[tf.TensorSpec]]:
    """Return the signatures by name, with their inputs."""
    return {"attributes": [TEXT], "embed": [TEXT]}


def serve(model: AttributeClassifier, reader: ServedReader, options: ExportOptions) -> "ServedAttributes":
    """Make the part of an export."""
    return ServedAttributes(model, reader)


def write_facts(folder: Path, model: AttributeClassifier, part: "ServedAttributes", options: ExportOptions) -> None:
    """Write what no server reads, and people do."""
    write_json(folder / VALUES, model.values)


class ServedAttributes(tf.Module):
    """The part of an export that predicts attributes.

    Args:
        model: a trained model.
        reader: reads messages for it.

    Attributes:
        reader: the argument.
        answer: messages, string `[B]`, and the outputs of `reader` -> the outputs of `attributes`.
    """

    def __init__(self, model: AttributeClassifier, reader: ServedReader) -> None:
        super().__init__()
        # tf.Module saves its attributes: the weights, and the reader.
        self.reader = reader
        self.weights = [weight.value for weight in model.head.weights]
        # Kept in closures so that they are not saved.
        self._head = lambda read: model.head(read, training=False)
        self._calibrated = lambda outputs: model.calibrated(outputs)
        self._values = lambda: model.values
        self.answer = tf.function(self._answer, input_signature=[TEXT, read_spec(reader)])

    def _answer(self, text: tf.Tensor, read: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        values, probabilities = self._values(), self._calibrated(self._head(read))
        best = [
            tf.gather(tf.constant(own), tf.argmax(found, axis=1))
            for own, found in zip(values.values(), probabilities, strict=True)
        ]
        return {
            "attribute_names": tf.tile(tf.constant([list(values)]), [tf.shape(text)[0], 1]),
            "attribute_values": tf.stack(best, axis=1),
            "attribute_scores": tf.stack([tf.reduce_max(found, axis=1) for found in probabilities], axis=1),
        }

    @tf.function(input_signature=[TEXT])
    def attributes(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """The likeliest value of each attribute, with its probability."""
        return dict(self.answer(text, self.reader.read(text)))

    @tf.function(input_signature=[TEXT])
    def embed(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """One vector per message."""
        return {"embedding": tf.cast(self._head(self.reader.read(text))["embedding"], tf.float32)}
