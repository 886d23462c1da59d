"""The part of an export that predicts attributes."""

from pathlib import Path
from typing import ClassVar

import tensorflow as tf

from supportnet.files import write_json
from supportnet.savedmodel.signatures import TEXT
from supportnet.tasks.attributes.model import AttributeClassifier
from supportnet.tasks.model import ServedLabels, Signatures
from supportnet.tasks.task import ExportOptions

#: File of an export, in a folder that TensorFlow leaves alone: the values of each attribute.
VALUES = "assets.extra/attributes.json"


class ServedAttributes(ServedLabels):
    """The part of an export that predicts attributes; see `ServedLabels`."""

    signatures: ClassVar[Signatures] = {"attributes": [TEXT], "embed": [TEXT]}

    def write_facts(self, folder: Path, model: AttributeClassifier, options: ExportOptions) -> None:
        write_json(folder / VALUES, model.values)

    def _answer(self, text: tf.Tensor, read: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        values, probabilities = self._model().values, self._model().decide(self._head(read)).values()
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
