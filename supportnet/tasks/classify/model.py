"""A trained intent model: preprocessor, network and the intents' names, used on plain strings."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from supportnet.backbones.backbone import Backbone, build_preprocessor
from supportnet.backbones.texts import run_in_batches
from supportnet.checks import check_positive, checked_texts
from supportnet.config import NetworkConfig
from supportnet.files import write_json
from supportnet.tasks.classify.answers import ANSWERS, Answers, Classification, ranked
from supportnet.tasks.classify.data import Split
from supportnet.tasks.classify.fitted import Confidence
from supportnet.tasks.classify.network import build_network
from supportnet.tasks.classify.scores import decide
from supportnet.text.vocabulary import Vocabulary
from supportnet.training.run_folder import read_names

INTENTS = "intents.json"


class IntentClassifier:
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

    def __init__(
        self,
        config: NetworkConfig,
        vocabulary: Vocabulary,
        intents: Sequence[str],
        confidence: Confidence | None = None,
        backbone: Backbone | None = None,
    ) -> None:
        self.config = config
        self.vocabulary = vocabulary
        self.intents = list(intents)
        self.preprocessor = build_preprocessor(config, vocabulary)
        self.backbone = backbone or Backbone(config, len(vocabulary))
        self.network = self.build_network(self.backbone)
        self.confidence = confidence or Confidence()
        self.origin: dict[str, Any] = {}

    def build_network(self, backbone: Backbone | None = None) -> keras.Model:
        """Make a network such as this model's, with fresh weights; see `build_network`."""
        return build_network(self.config, backbone or Backbone(self.config, len(self.vocabulary)), len(self.intents))

    @property
    def head(self) -> keras.Model:
        """The head of the network: the backbone's vectors -> logits."""
        return self.network.get_layer("head")

    @property
    def confidence(self) -> Confidence:
        """Temperature and thresholds."""
        return self._confidence

    @confidence.setter
    def confidence(self, confidence: Confidence) -> None:
        self._confidence = confidence
        # A function that was traced before holds the old numbers.
        self._serve = tf.function(self._outputs, input_signature=[tf.TensorSpec([None], tf.string)])

    def _outputs(self, texts: Any) -> dict[str, Any]:
        outputs = self.network(self.preprocessor(texts), training=False)
        embedding = keras.ops.cast(outputs["embedding"], "float32")
        return {"embedding": embedding, **decide(outputs, self.confidence, self.intents)}

    def answers(self, texts: Iterable[str], batch_size: int = 64) -> Answers:
        """Return all outputs for every message, as arrays with rows in the order given."""
        return Answers(self.intents, **self._predict(texts, ANSWERS, batch_size))

    def probabilities(self, texts: Iterable[str], batch_size: int = 64) -> npt.NDArray[np.float32]:
        """Return the probability of every intent for every message, float32 `[N, K]`, rows in the order given."""
        return self._predict(texts, ["probabilities"], batch_size)["probabilities"]

    def embed(self, texts: Iterable[str], batch_size: int = 64) -> npt.NDArray[np.float32]:
        """Return one vector per message, float32: messages alike in meaning have a cosine near 1.

        Its depth is that of `embedding` in `build_head`.
        """
        return self._predict(texts, ["embedding"], batch_size)["embedding"]

    def classify(self, texts: Iterable[str], top_k: int = 5) -> list[Classification]:
        """Classify messages: a list, a tuple, a pandas Series or any other iterable of strings.

        Args:
            texts: the messages; an empty one gets an answer like any other. What isn't valid Unicode (a lone
                surrogate) counts as a space.
            top_k: how many intents to list for each, at most.

        Returns:
            One `Classification` per message, in the order given.

        Raises:
            UserError: `texts` is a single string or a whole table, or holds something that isn't a string; or
                `top_k` is below 1.
        """
        texts = checked_texts(texts)
        check_positive("top_k", top_k)
        return ranked(texts, self.answers(texts), top_k)

    def _predict(self, texts: Iterable[str], outputs: Sequence[str], batch_size: int) -> dict[str, npt.NDArray[Any]]:
        return run_in_batches(self._serve, texts, outputs, batch_size)


def build(
    network: NetworkConfig, vocabulary: Vocabulary, split: Split, backbone: Backbone | None = None
) -> IntentClassifier:
    """Make a fresh model for the intents of the training messages."""
    return IntentClassifier(network, vocabulary, split.intents, backbone=backbone)


def write(folder: Path, model: IntentClassifier) -> None:
    """Write the names that the outputs stand for."""
    write_json(folder / INTENTS, model.intents)


def read(folder: Path, config: NetworkConfig, vocabulary: Vocabulary) -> IntentClassifier:
    """Make the model of a run folder, with fresh weights."""
    return IntentClassifier(config, vocabulary, read_names(folder / INTENTS, least=1))
