"""An exported model, loaded back: plain TensorFlow, the same methods as a trained one."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from supportnet.errors import UserError
from supportnet.models.intent_classifier import Classification, checked_texts


def version_folder(path: str | os.PathLike[str]) -> Path:
    """Return the SavedModel at `path`: a version's folder, or the highest version below a model's folder.

    Raises:
        UserError: there is no SavedModel.

    Example:
        >>> version_folder("saved_models/support")
        PosixPath('saved_models/support/2')
    """
    folder = Path(path)
    if (folder / "saved_model.pb").exists():
        return folder
    versions = [child for child in folder.iterdir() if child.name.isdecimal()] if folder.is_dir() else []
    versions = [child for child in versions if (child / "saved_model.pb").exists()]
    if not versions:
        raise UserError(f"There is no exported model at {folder}: no saved_model.pb, and no version that holds one.")
    return max(versions, key=lambda child: int(child.name))


class ExportedModel:
    """A SavedModel that `supportnet export` wrote.

    Args:
        path: `NAME` (its highest version) or `NAME/VERSION`.

    Attributes:
        path: the version's folder.
        intents: names of the intents, sorted.

    Raises:
        UserError: no model there, or a damaged one.

    Example:
        >>> ExportedModel("saved_models/support").classify(["where is my parcel?"])[0].intent
        'track_order'
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = version_folder(path)
        try:
            # Held, because its signatures don't keep its variables alive.
            self._module: Any = tf.saved_model.load(str(self.path))
        except (OSError, ValueError, tf.errors.OpError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"{self.path} can't be loaded: it is damaged or no SavedModel ({reason}).") from None
        self.intents = sorted(_strings(self.run("classify", [""])["intents"][0])) if self.has("classify") else []

    def has(self, signature: str) -> bool:
        """Tell whether the model has a signature of that name."""
        return signature in self._module.signatures

    def run(self, signature: str, texts: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
        """Run a signature on a batch of messages and return its outputs by name.

        Raises:
            UserError: the model has no such signature.
        """
        if not self.has(signature):
            known = ", ".join(sorted(self._module.signatures))
            raise UserError(f"{self.path} has no signature {signature!r}. It has: {known}.")
        outputs = self._module.signatures[signature](text=tf.constant(list(texts), tf.string))
        return {name: value.numpy() for name, value in outputs.items()}

    def probabilities(self, texts: Iterable[str], batch_size: int = 64) -> npt.NDArray[np.float32]:
        """Return the probability of every intent for every message, float32 `[N, K]`."""
        texts = checked_texts(texts)
        rows = [self._probabilities(texts[i : i + batch_size]) for i in range(0, len(texts), batch_size)]
        return np.concatenate([np.zeros((0, len(self.intents)), "float32"), *rows])

    def classify(self, texts: Iterable[str], top_k: int = 5) -> list[Classification]:
        """Classify messages; see `IntentClassifier.classify`."""
        texts = checked_texts(texts)
        outputs = self.run("classify", texts)
        return [
            Classification(text, names[0], float(scores[0]), tuple(names[:top_k]), tuple(map(float, scores[:top_k])))
            for text, names, scores in zip(
                texts, map(_strings, outputs["intents"]), outputs["intent_scores"], strict=True
            )
        ]

    def _probabilities(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Undo the order of the signature's outputs, best first."""
        outputs = self.run("classify", texts)
        column = {intent: i for i, intent in enumerate(self.intents)}
        order = np.array([[column[name] for name in _strings(row)] for row in outputs["intents"]])
        result = np.zeros((len(texts), len(self.intents)), "float32")
        np.put_along_axis(result, order, outputs["intent_scores"], axis=1)
        return result


def _strings(row: Iterable[bytes]) -> list[str]:
    return [value.decode() for value in row]
