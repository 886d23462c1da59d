"""Export of a model that writes replies: messages in, replies out, the loop over pieces in the graph."""

import os
import tempfile
from pathlib import Path
from typing import Any

import tensorflow as tf

from supportnet.layers.checks import check_positive
from supportnet.models.decoding import Decoded, DecodingOptions
from supportnet.models.replier import Replier
from supportnet.models.reply_writer import ReplyWriter, transposed_table
from supportnet.serving.fused_lstm import FusedNetwork
from supportnet.serving.versions import TEXT, write_version
from supportnet.text.vocabulary import table_from_file

#: What an export says of when a person takes over, in its folder.
HANDOFF = "assets.extra/handoff.json"
#: Options of `reply_sample`, one a message: TensorFlow Serving has no optional inputs.
TEMPERATURE, TOP_P = (tf.TensorSpec([None], tf.float32, name=name) for name in ("temperature", "top_p"))
SEED = tf.TensorSpec([None], tf.int32, name="seed")


def export_replies(
    model: Replier,
    path: str | os.PathLike[str],
    version: int | None = None,
    overwrite: bool = False,
    beam: int = 1,
) -> Path:
    """Write `model` to `path`/VERSION, as TensorFlow Serving wants it.

    Signatures, which take `text`, string `[B]`:
        `reply` (also `serving_default`): `reply` string `[B]`; `reply_score` float32 `[B]`, the mean logarithm of its
            pieces' probabilities; `reply_tokens` int32 `[B]`, how many pieces it has; `handoff` bool `[B]`, whether a
            human shall see to it: also where a slot of the reply is open. A message without words gets an empty reply,
            and is handed over.
        `reply_sample`: the same, drawn at random; takes `temperature` and `top_p`, float32 `[B]`, and `seed`, int32
            `[B]`, as well.
        `embed`: `embedding` float32 `[B, D]`, the mean of what the decoder sees of the message.

    Args:
        model: a trained model.
        path, version, overwrite: as for `supportnet.serving.export.export`.
        beam: how many beginnings of a reply are followed at a time; 1 writes the likeliest piece each time.

    Returns:
        The folder of the version.

    Raises:
        UserError: `beam` is below 1, or as for `export`.

    Example:
        >>> export_replies(load_replier("runs/replies"), "saved_models/replies", beam=4)
        PosixPath('saved_models/replies/1')
    """
    check_positive("beam", beam)
    return write_version(path, lambda folder: _save(model, folder, beam), version, overwrite)


class ServedReplies(tf.Module):
    """What is saved: the network's variables, the vocabulary's table and the functions behind the signatures.

    Args:
        model: a trained model.
        vocabulary_path: its vocabulary of words in a file, which becomes an asset.
        beam: see `export_replies`.
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


#: What an export answers, beside `serving_default`.
SIGNATURES = ("reply", "reply_sample", "embed")


def _save(model: Replier, folder: Path, beam: int) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        vocabulary_path = Path(temporary) / "vocabulary.txt"
        model.vocabulary.save(vocabulary_path)
        module = ServedReplies(model, vocabulary_path, beam)
        signatures = {name: getattr(module, name) for name in SIGNATURES}
        tf.saved_model.save(module, str(folder), signatures={"serving_default": module.reply, **signatures})
    model.handoff.save(folder / HANDOFF)
