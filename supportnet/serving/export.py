"""Export: a trained model as one SavedModel of core TensorFlow operations, strings in, strings out."""

import os
import tempfile
from pathlib import Path
from typing import Any

import tensorflow as tf

from supportnet.models.exported_model import CONFIDENCE
from supportnet.models.intent_classifier import IntentClassifier
from supportnet.models.scores import judged
from supportnet.serving.fused_lstm import FusedNetwork
from supportnet.serving.versions import TEXT, write_version
from supportnet.text.vocabulary import table_from_file


def export(
    model: IntentClassifier,
    path: str | os.PathLike[str],
    version: int | None = None,
    overwrite: bool = False,
) -> Path:
    """Write `model` to `path`/VERSION, as TensorFlow Serving wants it.

    Signatures, each with one input `text`, string `[B]`:
        `classify` (also `serving_default`): `intents` string `[B, K]`, best first, and `intent_scores` float32
            `[B, K]`, their calibrated probabilities; K is the number of intents. `in_scope` bool `[B]`, and
            `in_scope_score` float32 `[B]`, which it follows from; `route` bool `[B]`, whether the message can be
            routed without a human at the promised precision, and `route_score` float32 `[B]`; `coverage` float32
            `[B]`, the share of the message's character n-grams that training saw with the best intent.
        `embed`: `embedding` float32 `[B, D]`.

    The thresholds behind the decisions stand in `assets.extra/confidence.json`.

    Args:
        model: a trained model.
        path: the served model's folder, for example `saved_models/support`.
        version: number of the version, at least 1; one above the highest there if not given.
        overwrite: replace a version that is there.

    Returns:
        The folder of the version.

    Raises:
        UserError: the version is there, isn't a positive number, or the file system refuses.

    Example:
        >>> export(model, "saved_models/support")
        PosixPath('saved_models/support/1')
    """
    return write_version(path, lambda folder: _save(model, folder), version, overwrite)


class ServedClassifier(tf.Module):
    """What is saved: the network's variables, the vocabulary's table and the functions behind the signatures.

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

    @tf.function(input_signature=[TEXT])
    def embed(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """One vector a message."""
        return {"embedding": tf.cast(self._outputs(text)["embedding"], tf.float32)}

    @tf.function(input_signature=[TEXT])
    def _outputs(self, text: tf.Tensor) -> Any:
        """What the network says: one graph behind all signatures, because its table of code points is large."""
        return self.network(self._features(text))


def _save(model: IntentClassifier, folder: Path) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        vocabulary_path = Path(temporary) / "vocabulary.txt"
        model.vocabulary.save(vocabulary_path)
        module = ServedClassifier(model, vocabulary_path)
        signatures = {"serving_default": module.classify, "classify": module.classify, "embed": module.embed}
        tf.saved_model.save(module, str(folder), signatures=signatures)
    model.confidence.save(folder / CONFIDENCE)
