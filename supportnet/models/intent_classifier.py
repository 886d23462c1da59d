"""A trained intent model: text front end, network and the intents' names, used on plain strings."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from supportnet.errors import UserError
from supportnet.layers.checks import check_positive
from supportnet.models.config import NetworkConfig
from supportnet.models.intent_network import build_intent_network
from supportnet.text.front_end import TextFrontEnd
from supportnet.text.graph import as_strings
from supportnet.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class Classification:
    """What the model says of one message.

    Attributes:
        text: the message.
        intent: the best intent.
        score: its probability.
        intents: the best intents, best first.
        scores: their probabilities.
    """

    text: str
    intent: str
    score: float
    intents: tuple[str, ...]
    scores: tuple[float, ...]


class IntentClassifier:
    """Raw strings in, intents out.

    Args:
        config: what the network was built from.
        vocabulary: words with an id of their own.
        intents: names of the intents, in the order of the logits.

    Attributes:
        config, vocabulary, intents: the arguments.
        front_end: strings `[B]` -> what the network takes.
        network: the Keras model; see `build_intent_network`.

    Example:
        >>> model = supportnet.train("sample")
        >>> model.classify(["where is my parcel?"])[0].intent
        'track_order'
    """

    def __init__(self, config: NetworkConfig, vocabulary: Vocabulary, intents: Sequence[str]) -> None:
        self.config = config
        self.vocabulary = vocabulary
        self.intents = list(intents)
        self.front_end = TextFrontEnd(
            vocabulary, mode=config.text_mode, max_length=config.max_length, num_buckets=config.num_buckets
        )
        self.network = build_intent_network(config, len(vocabulary), len(self.intents))
        self._serve = tf.function(self._outputs, input_signature=[tf.TensorSpec([None], tf.string)])

    def _outputs(self, texts: Any) -> dict[str, Any]:
        outputs = self.network(self.front_end(texts), training=False)
        return {
            "probabilities": keras.ops.softmax(keras.ops.cast(outputs["logits"], "float32")),
            "embedding": keras.ops.cast(outputs["embedding"], "float32"),
        }

    def probabilities(self, texts: Iterable[str], batch_size: int = 64) -> npt.NDArray[np.float32]:
        """Return the probability of every intent for every message, float32 `[N, K]`, rows in the order given."""
        return self._predict(texts, "probabilities", batch_size)

    def embed(self, texts: Iterable[str], batch_size: int = 64) -> npt.NDArray[np.float32]:
        """Return one vector a message, float32 `[N, 6 D]`: messages alike in meaning have a cosine near 1."""
        return self._predict(texts, "embedding", batch_size)

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
        return ranked(texts, self.intents, self.probabilities(texts), top_k)

    def _predict(self, texts: Iterable[str], output: str, batch_size: int) -> npt.NDArray[np.float32]:
        """Run in batches of similar length: padding costs as much as words do."""
        texts = checked_texts(texts)
        check_positive("batch_size", batch_size)
        order = np.argsort([len(text) for text in texts], kind="stable")
        batches = [order[i : i + batch_size] for i in range(0, len(order), batch_size)] or [order]
        rows = [self._serve(as_strings([texts[i] for i in batch]))[output].numpy() for batch in batches]
        result = np.concatenate(rows)
        result[order] = result.copy()
        return result


def checked_texts(texts: Iterable[str]) -> list[str]:
    """Return the messages as a list, or raise a `UserError` that says what is wrong with them."""
    if isinstance(texts, str | bytes):
        raise UserError(f"Messages must be given as a list of strings. Received one string: {texts[:50]!r}")
    # A dictionary or a data frame would give the names of its columns for messages.
    if not isinstance(texts, Iterable) or isinstance(texts, Mapping) or hasattr(texts, "columns"):
        kind = type(texts).__name__
        raise UserError(f"Messages must be given as a list or one column of strings. Received: {kind}")
    texts = list(texts)
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise UserError(f"Message {row} (counted from 0) must be a string. Received: {text!r}")
    return texts


def ranked(
    texts: Sequence[str], intents: Sequence[str], probabilities: npt.NDArray[np.float32], top_k: int
) -> list[Classification]:
    """Put names to probabilities `[N, K]`: the best `top_k` of each row."""
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :top_k]
    return [
        Classification(
            text,
            intents[best[0]],
            float(row[best[0]]),
            tuple(intents[i] for i in best),
            tuple(float(row[i]) for i in best),
        )
        for text, best, row in zip(texts, order, probabilities, strict=True)
    ]
