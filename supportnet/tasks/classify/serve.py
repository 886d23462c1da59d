"""What an export of an intent model holds: its head, and the functions behind the signatures."""

from typing import Any

import tensorflow as tf

from supportnet.savedmodel.fused_lstm import FusedNetwork
from supportnet.savedmodel.reader import ServedReader, build_head, read_spec
from supportnet.savedmodel.signatures import EXAMPLES, TEXT
from supportnet.tasks.classify.model import IntentClassifier
from supportnet.tasks.classify.scores import judged


class ServedClassifier(tf.Module):
    """The part of an export that classifies.

    Args:
        model: a trained model.
        reader: reads messages for it.

    Attributes:
        reader: the argument.
        answer: messages, string `[B]`, and what `reader` read in them -> the outputs of `classify`.
    """

    def __init__(self, model: IntentClassifier, reader: ServedReader) -> None:
        super().__init__()
        # What is an attribute is saved.
        self.reader = reader
        self.network = FusedNetwork(build_head(model))
        # Behind functions, so that it isn't.
        self._judged = lambda outputs: judged(outputs, model.confidence, model.intents)
        self._intents = tf.constant(model.intents)
        self.answer = tf.function(self._answer, input_signature=[TEXT, read_spec(reader)])

    def _answer(self, text: tf.Tensor, read: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        answers = self._judged(self.network(read))
        scores, order = tf.math.top_k(answers.pop("probabilities"), k=len(self._intents))
        return {"intents": tf.gather(self._intents, order), "intent_scores": scores, **answers}

    @tf.function(input_signature=[TEXT])
    def classify(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Every intent with its probability, best first, and the decisions."""
        return dict(self.answer(text, self.reader.read(text)))

    @tf.function(input_signature=[EXAMPLES])
    def classify_examples(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """The intents with their probabilities, as the Classify API asks and answers."""
        text = tf.io.parse_example(inputs, {"text": tf.io.FixedLenFeature([], tf.string)})["text"]
        answers = self.classify(text)
        return {"classes": answers["intents"], "scores": answers["intent_scores"]}

    @tf.function(input_signature=[TEXT])
    def embed(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """One vector a message."""
        outputs: Any = self.network(self.reader.read(text))
        return {"embedding": tf.cast(outputs["embedding"], tf.float32)}
