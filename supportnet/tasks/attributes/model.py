"""A trained model of attributes: preprocessor, network and the attributes' values, used on plain strings."""

from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from supportnet.backbones.backbone import Backbone
from supportnet.checks import checked_texts
from supportnet.config import NetworkConfig
from supportnet.tasks.attributes.answers import Attributes
from supportnet.tasks.attributes.calibrate import Temperatures
from supportnet.tasks.attributes.data import Values
from supportnet.tasks.attributes.network import build_network
from supportnet.tasks.model import LabelModel
from supportnet.text.vocabulary import Vocabulary


class AttributeClassifier(LabelModel):
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

    Example (needs a training run):
        >>> model = supportnet.train("sample", task="attributes")
        >>> model.attributes(["this is the third time I ask, I need it TODAY"])[0].values
        {'priority': 'high'}
    """

    task = "attributes"
    fitted = "temperatures"

    def __init__(
        self,
        config: NetworkConfig,
        vocabulary: Vocabulary,
        values: Values,
        temperatures: Temperatures | None = None,
        backbone: Backbone | None = None,
    ) -> None:
        super().__init__(config, vocabulary, backbone)
        self.values = {name: list(own) for name, own in values.items()}
        self.network = build_network(config, self.backbone, [len(own) for own in self.values.values()])
        self.temperatures = temperatures or Temperatures()

    def decide(self, outputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the calibrated probabilities of each attribute's values, by attribute, float32 `[B, K]` each."""
        temperatures = self.temperatures.by_attribute
        return {
            _output(name): keras.ops.softmax(outputs[f"logits_{i}"] / temperatures.get(name, 1.0))
            for i, name in enumerate(self.values)
        }

    def probabilities(self, texts: Iterable[str], batch_size: int = 64) -> dict[str, npt.NDArray[np.float32]]:
        """Return attribute -> the probability of each value for every message, float32 `[N, K]`."""
        found = self._predict(texts, [_output(name) for name in self.values], batch_size)
        return {name: found[_output(name)] for name in self.values}

    def attributes(self, texts: Iterable[str]) -> list[Attributes]:
        """Return the attributes of messages: a list, a tuple, a pandas Series or any other iterable of strings.

        Raises:
            UserError: `texts` is a single string or a whole table, or holds something that isn't a string.
        """
        texts = checked_texts(texts)
        found = self.probabilities(texts)
        return [
            Attributes(
                text,
                {name: self.values[name][own[row].argmax()] for name, own in found.items()},
                {name: float(own[row].max()) for name, own in found.items()},
            )
            for row, text in enumerate(texts)
        ]


def _output(attribute: str) -> str:
    """Name the output that holds an attribute's probabilities; no attribute's is that of another output."""
    return f"probabilities of {attribute}"
