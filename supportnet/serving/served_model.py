"""One SavedModel of all the tasks that were trained: the functions behind its signatures."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from supportnet.savedmodel.signatures import CLASSIFY_METHOD, EXAMPLES_SUFFIX, TEXT
from supportnet.tasks import NAMES, get_task
from supportnet.text.graph import redact_graph


class ServedModel(tf.Module):
    """What is saved: one part for each task, as an attribute of the task's name.

    Args:
        parts: task -> a module with the functions of its signatures, made of a trained model, or one that TensorFlow
            loaded from another export.

    Example (needs a trained model):
        >>> reader = ServedReader(model, table_from_file("vocabulary.txt"))
        >>> ServedModel({"classify": ServedClassifier(model, reader)}).save(Path("saved_models/tiny/1"))
    """

    def __init__(self, parts: Mapping[str, Any]) -> None:
        super().__init__()
        # In the same order, however they were given: the first one's `embed` is the model's.
        self._tasks = [task for task in NAMES if task in parts]
        for task in self._tasks:
            setattr(self, task, parts[task])

    def save(self, folder: Path) -> None:
        """Write the SavedModel."""
        signatures = self._signatures()
        tf.saved_model.save(self, str(folder), signatures=signatures)
        examples = [name for name in signatures if name.endswith(EXAMPLES_SUFFIX)]
        if examples:
            # TensorFlow writes every signature as one of the Predict API.
            updater = tf.compat.v1.saved_model.signature_def_utils.MethodNameUpdater(str(folder))
            for name in examples:
                updater.replace_method_name(name, CLASSIFY_METHOD)
            updater.save()

    def _signatures(self) -> dict[str, Any]:
        functions: dict[str, Any] = {"redact": tf.function(_redact, input_signature=[TEXT])}
        for task in reversed(self._tasks):
            for name, inputs in get_task(task).signatures().items():
                functions[name] = tf.function(self._function(task, name), input_signature=inputs)
        return {"serving_default": tf.function(self._answer, input_signature=[TEXT]), **functions}

    def _function(self, task: str, name: str) -> Callable[..., Any]:
        function = getattr(getattr(self, task), name)
        return lambda *inputs: function(*inputs)

    def _answer(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """What all tasks say, each message read once by each reader; no two of them have an output of the same name."""
        parts = [getattr(self, task) for task in self._tasks]
        readers = {id(part.reader): part.reader for part in parts}
        read = {key: reader.read(text) for key, reader in readers.items()}
        return {name: value for part in parts for name, value in part.answer(text, read[id(part.reader)]).items()}


def _redact(text: tf.Tensor) -> dict[str, tf.Tensor]:
    """The messages without personal data, for whoever shows or keeps them."""
    return {"redacted": redact_graph(text)}
