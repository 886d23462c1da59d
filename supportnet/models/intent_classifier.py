"""A trained intent model: text front end, network and the intents' names, used on plain strings."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from supportnet.layers.checks import check_positive
from supportnet.models.answers import ANSWERS, Answers, Classification, ranked
from supportnet.models.confidence import Confidence
from supportnet.models.config import NetworkConfig
from supportnet.models.intent_network import build_intent_network
from supportnet.models.messages import checked_texts
from supportnet.models.scores import judged
from supportnet.models.texts import build_front_end, run_in_batches
from supportnet.models.towers import Towers
from supportnet.text.vocabulary import Vocabulary


class IntentClassifier:
    """Raw strings in, intents out.

    Args:
        config: what the network was built from.
        vocabulary: words with an id of their own.
        intents: names of the intents, in the order of the logits.
        confidence: temperature and thresholds; of a model that nothing was fitted for, if not given.
        towers: those of another task's model, to share their weights; new ones, if not given.

    Attributes:
        config, vocabulary, intents, confidence: the arguments. `confidence` can be replaced.
        origin: what it learned from (`data`) and what validation said (`validation`); empty if nothing trained it.
        front_end: strings `[B]` -> what the network takes.
        network: the Keras model; see `build_intent_network`.

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
        towers: Towers | None = None,
    ) -> None:
        self.config = config
        self.vocabulary = vocabulary
        self.intents = list(intents)
        self.front_end = build_front_end(config, vocabulary)
        self.network = self.build_network(towers)
        self.confidence = confidence or Confidence()
        self.origin: dict[str, Any] = {}

    def build_network(self, towers: Towers | None = None) -> keras.Model:
        """Make a network such as this model's, with fresh weights; see `build_intent_network`."""
        return build_intent_network(self.config, len(self.vocabulary), len(self.intents), towers)

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
        outputs = self.network(self.front_end(texts), training=False)
        embedding = keras.ops.cast(outputs["embedding"], "float32")
        return {"embedding": embedding, **judged(outputs, self.confidence, self.intents)}

    def answers(self, texts: Iterable[str], batch_size: int = 64) -> Answers:
        """Return all that is said of every message, as arrays with rows in the order given."""
        return Answers(self.intents, **self._predict(texts, ANSWERS, batch_size))

    def probabilities(self, texts: Iterable[str], batch_size: int = 64) -> npt.NDArray[np.float32]:
        """Return the probability of every intent for every message, float32 `[N, K]`, rows in the order given."""
        return self._predict(texts, ["probabilities"], batch_size)["probabilities"]

    def embed(self, texts: Iterable[str], batch_size: int = 64) -> npt.NDArray[np.float32]:
        """Return one vector a message, float32: messages alike in meaning have a cosine near 1.

        Its depth is that of `embedding` in `build_intent_network`.
        """
        return self._predict(texts, ["embedding"], batch_size)["embedding"]

    def classify(self, texts: Iterable[str], top_k: int = 5) -> list[Classification]:
        """Classify messages: a list, a tuple, a pandas Series or any other iterable of strings.

        Args:
            texts: the messages; an empty one gets an answer like any other. What isn't valid Unicode (a lone
                surrogate) counts as a space.
            top_k: how many intents to list for each, at most.

        Returns:
            One `Classification` a message, in the order given.

        Raises:
            UserError: `texts` is a single string or a whole table, or holds something that isn't a string; or
                `top_k` is below 1.
        """
        texts = checked_texts(texts)
        check_positive("top_k", top_k)
        return ranked(texts, self.answers(texts), top_k)

    def _predict(self, texts: Iterable[str], outputs: Sequence[str], batch_size: int) -> dict[str, npt.NDArray[Any]]:
        return run_in_batches(self._serve, texts, outputs, batch_size)
