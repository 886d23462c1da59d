"""What an export of a model that writes replies holds: its weights, and the loop over pieces in the graph."""

from pathlib import Path
from typing import Any

import tensorflow as tf

from supportnet.models.decoding import Decoded, DecodingOptions
from supportnet.models.replier import Replier
from supportnet.models.reply_writer import ReplyWriter, transposed_table
from supportnet.serving.fused_lstm import FusedNetwork
from supportnet.serving.signatures import SEED, TEMPERATURE, TEXT, TOP_P
from supportnet.text.vocabulary import table_from_file


class ServedReplies(tf.Module):
    """The part of an export that writes replies: the network's variables, the vocabulary's table and the functions.

    Args:
        model: a trained model.
        vocabulary_path: its vocabulary of words in a file, which becomes an asset.
        beam: how many beginnings of a reply are followed at a time; 1 writes the likeliest piece each time.
    """

    def __init__(self, model: Replier, vocabulary_path: Path, beam: int) -> None:
        super().__init__()
        # What is an attribute is saved: the weights, and the table with its asset.
        self.reader = FusedNetwork(model.reader)
        read = {weight.path for weight in model.reader.weights}
        self.weights = [weight.value for weight in model.network.weights if weight.path not in read]
        self.table = table_from_file(vocabulary_path)
        options = DecodingOptions(model.config.max_reply_length)
        self.projection = transposed_table(model.network)
        sizes = (options, model.config.max_length, self.projection)
        writer = ReplyWriter(model.network, self.reader, model.pieces.pieces, *sizes)
        # Behind functions, so that it isn't.
        self._features = lambda text: model.front_end.features(text, self.table)
        self._handoff = model.handoff.applies_to
        self._writer = lambda: writer
        self._beam = beam

    @tf.function(input_signature=[TEXT])
    def reply(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """The likeliest reply."""
        features, writer = self._features(text), self._writer()
        decoded = writer.greedy(features) if self._beam == 1 else writer.beam(features, self._beam)
        return self._answers(decoded, text, features)

    @tf.function(input_signature=[TEXT, TEMPERATURE, TOP_P, SEED])
    def reply_sample(self, text: tf.Tensor, temperature: tf.Tensor, top_p: tf.Tensor, seed: tf.Tensor) -> Any:
        """A reply drawn at random."""
        features = self._features(text)
        return self._answers(self._writer().sample(features, temperature, top_p, seed), text, features)

    @tf.function(input_signature=[TEXT])
    def embed(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """One vector a message: the mean of its tokens'."""
        features = self._features(text)
        memory = tf.cast(self.reader(features), tf.float32)
        real = tf.cast(features["mask"], tf.float32)
        total = tf.einsum("bsm,bs->bm", memory, real)
        return {"embedding": total / tf.maximum(tf.reduce_sum(real, axis=1, keepdims=True), 1.0)}

    def _answers(self, decoded: Decoded, text: tf.Tensor, features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        answers = self._writer().answers(decoded, text, features)
        handoff = self._handoff(answers["reply_score"], answers["complete"])
        return {"handoff": handoff, **{name: answers[name] for name in ("reply", "reply_score", "reply_tokens")}}
