"""A trained intent model: preprocessor, network and the intents' names, used on plain strings."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras

from supportnet.backbones.backbone import Backbone
from supportnet.config import NetworkConfig
from supportnet.tasks.classify.answers import ANSWERS, Answers, Classifier
from supportnet.tasks.classify.calibrate import Confidence, decide
from supportnet.tasks.classify.network import build_network
from supportnet.tasks.model import LabelModel
from supportnet.text.vocabulary import Vocabulary


class IntentClassifier(LabelModel, Classifier):
    """Raw strings in, intents out.

    Args:
        config: what the network was built from.
        vocabulary: words with an id of their own.
        intents: names of the intents, in the order of the logits.
        confidence: temperature and thresholds; by default those of a model that nothing was fitted for.
        backbone: that of another task's model, to share its weights; a new one by default.

    Attributes:
        config, vocabulary, intents, confidence, backbone: the arguments. `confidence` can be replaced.
        origin: the data it was trained on (`data`) and its validation metrics (`validation`); empty if untrained.
        preprocessor: strings `[B]` -> features.
        network: the Keras model; see `build_network`.

    Example (needs a training run):
        >>> model = supportnet.train("sample")
        >>> model.classify(["where is my parcel?"])[0].intent
        'track_order'
    """

    task = "classify"
    fitted = "confidence"

    def __init__(
        self,
        config: NetworkConfig,
        vocabulary: Vocabulary,
        intents: Sequence[str],
        confidence: Confidence | None = None,
        backbone: Backbone | None = None,
    ) -> None:
        super().__init__(config, vocabulary, backbone)
        self.intents = list(intents)
        self.network = self.build_network(self.backbone)
        self.confidence = confidence or Confidence()

    def build_network(self, backbone: Backbone | None = None) -> keras.Model:
        """Make a network such as this model's, with fresh weights; see `build_network`."""
        return build_network(self.config, backbone or Backbone(self.config, len(self.vocabulary)), len(self.intents))

    def decide(self, outputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return probabilities and decisions; see `supportnet.tasks.classify.calibrate.decide`."""
        return decide(outputs, self.confidence, self.intents)

    def token_ids(self, texts: Any) -> Any:
        """Return the ids of the tokens of messages, string `[B]`, as int32 `[B, T]`, 0 where padded."""
        return self.preprocessor(texts)["token_ids"]

    def answers(self, texts: Iterable[str], batch_size: int = 64) -> Answers:
        return Answers(self.intents, **self._predict(texts, ANSWERS, batch_size))
