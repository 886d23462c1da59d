"""The part of an export that writes replies: weights, and the loop over pieces in the graph."""

from pathlib import Path
from typing import Any, ClassVar

import tensorflow as tf

from supportnet.savedmodel.reader import ServedReader
from supportnet.savedmodel.signatures import SEED, TEMPERATURE, TEXT, TOP_P
from supportnet.tasks.model import ServedPart, Signatures
from supportnet.tasks.reply.decoding import Decoded, DecodingOptions
from supportnet.tasks.reply.model import Replier
from supportnet.tasks.reply.writer import ReplyWriter, build_memory, transposed_table
from supportnet.tasks.task import ExportOptions

#: File of an export, in a folder that TensorFlow leaves alone: when a person takes over.
HANDOFF = "assets.extra/handoff.json"


class ServedReplies(ServedPart):
    """The part of an export that writes replies.

    Args:
        model: a trained model.
        reader: reads messages for it.
        beam: how many beginnings of a reply are followed at a time; 1 writes the likeliest piece each time.

    Attributes:
        signatures, reader, answer: see `ServedPart`.
    """

    signatures: ClassVar[Signatures] = {
        "reply": [TEXT],
        "reply_sample": [TEXT, TEMPERATURE, TOP_P, SEED],
        "embed": [TEXT],
    }

    def __init__(self, model: Replier, reader: ServedReader, beam: int) -> None:
        super().__init__(reader)
        head = model.head
        self.weights = [weight.value for weight in head.weights]
        self.projection = transposed_table(head)
        remember = build_memory(head)
        # Kept in closures so that they are not saved.
        self._memory = lambda read: remember(read, training=False)
        options = DecodingOptions(model.config.max_reply_length)
        writer = ReplyWriter(head, self._memory, model.pieces.pieces, options, model.config.max_length, self.projection)
        self._handoff = model.handoff.applies_to
        self._writer = lambda: writer
        self._beam = beam

    @classmethod
    def of(cls, model: Replier, reader: ServedReader, options: ExportOptions) -> "ServedReplies":
        return cls(model, reader, options.beam)

    def write_facts(self, folder: Path, model: Replier, options: ExportOptions) -> None:
        model.handoff.save(folder / HANDOFF)

    def _answer(self, text: tf.Tensor, read: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        writer = self._writer()
        decoded = writer.greedy(read) if self._beam == 1 else writer.beam(read, self._beam)
        return self._answers(decoded, text, read)

    @tf.function(input_signature=[TEXT])
    def reply(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """The likeliest reply."""
        return dict(self.answer(text, self.reader.read(text)))

    @tf.function(input_signature=[TEXT, TEMPERATURE, TOP_P, SEED])
    def reply_sample(self, text: tf.Tensor, temperature: tf.Tensor, top_p: tf.Tensor, seed: tf.Tensor) -> Any:
        """A reply drawn at random."""
        read = self.reader.read(text)
        return self._answers(self._writer().sample(read, temperature, top_p, seed), text, read)

    @tf.function(input_signature=[TEXT])
    def embed(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """One vector a message: the mean of its tokens'."""
        read = self.reader.read(text)
        memory = tf.cast(self._memory(read), tf.float32)
        real = tf.cast(read["mask"], tf.float32)
        total = tf.einsum("bsm,bs->bm", memory, real)
        return {"embedding": total / tf.maximum(tf.reduce_sum(real, axis=1, keepdims=True), 1.0)}

    def _answers(self, decoded: Decoded, text: tf.Tensor, read: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        answers = self._writer().answers(decoded, text, read)
        handoff = self._handoff(answers["reply_score"], answers["complete"])
        return {"handoff": handoff, **{name: answers[name] for name in ("reply", "reply_score", "reply_tokens")}}
