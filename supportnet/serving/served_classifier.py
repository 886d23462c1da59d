"""What an export of an intent model holds: the network and the functions behind the signatures."""

from pathlib import Path
from typing import Any

import tensorflow as tf

from supportnet.models.intent_classifier import IntentClassifier
from supportnet.models.scores import judged
from supportnet.serving.fused_lstm import FusedNetwork
from supportnet.serving.signatures import EXAMPLES, TEXT
from supportnet.text.vocabulary import table_from_file


class ServedClassifier(tf.Module):
    """The part of an export that classifies: the network's variables, the vocabulary's table and the functions.

    A module of plain TensorFlow variables is saved with each of them once; Keras's own export stores every
    variable twice.

    Args:
        model: a trained model.
        vocabulary_path: its vocabulary in a file, which becomes an asset.
    """

    def __init__(self, model: IntentClassifier, vocabulary_path: Path) -> None:
        super().__init__()
        # What is an attribute is saved: the weights, and the table with its asset.
        self.network = FusedNetwork(model.network)
        self.table = table_from_file(vocabulary_path)
        # Behind functions, so that it isn't.
        self._features = lambda text: model.front_end.features(text, self.table)
        self._judged = lambda outputs: judged(outputs, model.confidence, model.intents)
        self._intents = tf.constant(model.intents)

    @tf.function(input_signature=[TEXT])
    def classify(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Every intent with its probability, best first, and the decisions."""
        answers = self._judged(self._outputs(text))
        scores, order = tf.math.top_k(answers.pop("probabilities"), k=len(self._intents))
        return {"intents": tf.gather(self._intents, order), "intent_scores": scores, **answers}

    @tf.function(input_signature=[EXAMPLES])
    def classify_examples(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """The intents with their probabilities, as the Classify API asks and answers."""
        text = tf.io.parse_example(inputs, {"text": tf.io.FixedLenFeature([], tf.string)})["text"]
        answers = self.classify(text)
        return {"classes": answers["intents"], "scores": answers["intent_scores"]}

    @tf.function(input_signature=[TEXT])
    def embed(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """One vector a message."""
        return {"embedding": tf.cast(self._outputs(text)["embedding"], tf.float32)}

    @tf.function(input_signature=[TEXT])
    def _outputs(self, text: tf.Tensor) -> Any:
        """What the network says: one graph behind all signatures, because its table of code points is large."""
        return self.network(self._features(text))
