"""A trained model of attributes: preprocessor, network and the attributes' values, used on plain strings."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from supportnet.backbones.backbone import Backbone, build_preprocessor
from supportnet.backbones.texts import run_in_batches
from supportnet.checks import checked_texts
from supportnet.config import NetworkConfig
from supportnet.errors import UserError
from supportnet.files import read_json, write_json
from supportnet.tasks.attributes.answers import Attributes, record
from supportnet.tasks.attributes.data import Split, Values
from supportnet.tasks.attributes.fitted import Temperatures
from supportnet.tasks.attributes.network import build_network
from supportnet.text.vocabulary import Vocabulary

VALUES = "values.json"


class AttributeClassifier:
    """Raw strings in, a value of each attribute out.

    Args:
        config: what the network was built from.
        vocabulary: words with an id of their own.
        values: attribute -> its values, in the order of the logits.
        temperatures: those of the attributes; 1 each by default.
        backbone: that of another task's model, to share its weights; a new one by default.

    Attributes:
        config, vocabulary, values, temperatures, backbone: the arguments. `temperatures` can be replaced.
        origin: the data it was trained on (`data`) and its validation metrics (`validation`); empty if untrained.
        preprocessor: strings `[B]` -> features.
        network: the Keras model; see `build_network`.

    Example:
        >>> model = supportnet.train("sample", task="attributes")
        >>> model.attributes(["this is the third time I ask, I need it TODAY"])[0].values
        {'priority': 'high'}
    """

    task = "attributes"

    def __init__(
        self,
        config: NetworkConfig,
        vocabulary: Vocabulary,
        values: Values,
        temperatures: Temperatures | None = None,
        backbone: Backbone | None = None,
    ) -> None:
        self.config = config
        self.vocabulary = vocabulary
        self.values = {name: list(own) for name, own in values.items()}
        self.preprocessor = build_preprocessor(config, vocabulary)
        self.backbone = backbone or Backbone(config, len(vocabulary))
        self.network = build_network(config, self.backbone, [len(own) for own in self.values.values()])
        self.temperatures = temperatures or Temperatures()
        self.origin: dict[str, Any] = {}

    @property
    def head(self) -> keras.Model:
        """The head of the network: the backbone's vectors -> logits."""
        return self.network.get_layer("head")

    @property
    def temperatures(self) -> Temperatures:
        """The temperatures of the attributes."""
        return self._temperatures

    @temperatures.setter
    def temperatures(self, temperatures: Temperatures) -> None:
        self._temperatures = temperatures
        # A function that was traced before holds the old numbers.
        self._serve = tf.function(self._outputs, input_signature=[tf.TensorSpec([None], tf.string)])

    def _outputs(self, texts: Any) -> dict[str, Any]:
        outputs = self.network(self.preprocessor(texts), training=False)
        found = {f"probabilities_{i}": p for i, p in enumerate(self.calibrated(outputs))}
        return {"embedding": keras.ops.cast(outputs["embedding"], "float32"), **found}

    def calibrated(self, outputs: Any) -> list[Any]:
        """Return the calibrated probabilities of each attribute's values, float32 `[B, K]` each."""
        temperatures = self.temperatures.by_attribute
        return [
            keras.ops.softmax(outputs[f"logits_{i}"] / temperatures.get(name, 1.0))
            for i, name in enumerate(self.values)
        ]

    def probabilities(self, texts: Iterable[str], batch_size: int = 64) -> dict[str, npt.NDArray[np.float32]]:
        """Return attribute -> the probability of each value for every message, float32 `[N, K]`."""
        names = [f"probabilities_{i}" for i in range(len(self.values))]
        found = run_in_batches(self._serve, texts, names, batch_size)
        return dict(zip(self.values, (found[name] for name in names), strict=True))

    def embed(self, texts: Iterable[str], batch_size: int = 64) -> npt.NDArray[np.float32]:
        """Return one vector per message, float32 `[N, D]`."""
        return run_in_batches(self._serve, texts, ["embedding"], batch_size)["embedding"]

    def attributes(self, texts: Iterable[str]) -> list[Attributes]:
        """Return the attributes of messages: a list, a tuple, a pandas Series or any other iterable of strings.

        Raises:
            UserError: `texts` is a single string or a whole table, or holds something that isn't a string.
        """
        texts = checked_texts(texts)
        found = self.probabilities(texts)
        names = list(found)
        best = {name: probabilities.argmax(axis=1) for name, probabilities in found.items()}
        return [
            record(
                text,
                {
                    "attribute_names": names,
                    "attribute_values": [self.values[name][best[name][row]] for name in names],
                    "attribute_scores": [float(found[name][row].max()) for name in names],
                },
                top_k=1,
            )
            for row, text in enumerate(texts)
        ]


def build(
    network: NetworkConfig, vocabulary: Vocabulary, split: Split, backbone: Backbone | None = None
) -> AttributeClassifier:
    """Make a fresh model for the attributes of the training messages."""
    return AttributeClassifier(network, vocabulary, split.values, backbone=backbone)


def write(folder: Path, model: AttributeClassifier) -> None:
    """Write the attributes with their values."""
    write_json(folder / VALUES, model.values)


def read(folder: Path, config: NetworkConfig, vocabulary: Vocabulary) -> AttributeClassifier:
    """Make the model of a run folder, with fresh weights."""
    values = read_json(folder / VALUES)
    if not isinstance(values, dict) or not values or not all(isinstance(own, list) and own for own in values.values()):
        raise UserError(f"{folder / VALUES} is damaged: it must hold the values of each attribute.")
    return AttributeClassifier(config, vocabulary, values)
