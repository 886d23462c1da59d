"""What the models of tasks have in common beside `TaskModel`: labels of messages, and the part of an export of each."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from supportnet.backbones.backbone import TaskModel
from supportnet.backbones.texts import run_in_batches
from supportnet.savedmodel.reader import ServedReader, read_spec
from supportnet.savedmodel.signatures import TEXT
from supportnet.tasks.task import ExportOptions

#: name -> specs of the inputs of signatures.
Signatures = Mapping[str, list[tf.TensorSpec]]


class LabelModel(TaskModel):
    """A model that labels messages: one compiled function says all that it has to say of them.

    Attributes:
        fitted: name of the attribute that holds the numbers fitted on validation data; it can be replaced.
    """

    fitted: ClassVar[str]

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == self.fitted:
            # A function that was traced before holds the old numbers.
            self._serve = tf.function(self._outputs, input_signature=[TEXT])

    def decide(self, outputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return calibrated probabilities and what follows from them, of the outputs of the network or of its head."""
        raise NotImplementedError

    def _outputs(self, texts: Any) -> dict[str, Any]:
        outputs = self.network(self.preprocessor(texts), training=False)
        return {"embedding": keras.ops.cast(outputs["embedding"], "float32"), **self.decide(outputs)}

    def _predict(self, texts: Iterable[str], outputs: Sequence[str], batch_size: int) -> dict[str, npt.NDArray[Any]]:
        return run_in_batches(self._serve, texts, outputs, batch_size)

    def embed(self, texts: Iterable[str], batch_size: int = 64) -> npt.NDArray[np.float32]:
        """Return one vector per message, float32 `[N, D]`: messages alike in meaning have a cosine near 1.

        Its depth is that of `embedding` in `build_head`.
        """
        return self._predict(texts, ["embedding"], batch_size)["embedding"]


class ServedPart(tf.Module):
    """The part of an export that answers for a task; its class method `of` makes it of a model, reader and options.

    Args:
        reader: reads messages for it.

    Attributes:
        signatures: name -> specs of the inputs, that of the task first; a method, a `tf.function`, has each name.
        reader: the argument.
        answer: messages, string `[B]`, and what `reader` read in them -> the outputs of the task's signature.
    """

    signatures: ClassVar[Signatures]

    def __init__(self, reader: ServedReader) -> None:
        super().__init__()
        # tf.Module saves its attributes.
        self.reader = reader
        self.answer = tf.function(self._answer, input_signature=[TEXT, read_spec(reader)])

    def _answer(self, text: tf.Tensor, read: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        raise NotImplementedError

    def write_facts(self, folder: Path, model: Any, options: ExportOptions) -> None:
        """Write what no server reads, and people do, into the folder of an export."""
        raise NotImplementedError


class ServedLabels(ServedPart):
    """The part of an export that labels messages.

    Args:
        model: a trained model.
        reader: reads messages for it.
    """

    @classmethod
    def of(cls, model: Any, reader: ServedReader, options: ExportOptions) -> Self:
        """Make the part of a trained model."""
        return cls(model, reader)

    def __init__(self, model: LabelModel, reader: ServedReader) -> None:
        super().__init__(reader)
        self.weights = [weight.value for weight in model.head.weights]
        # Kept in closures so that they are not saved: each variable would be stored a second time.
        self._head = lambda read: model.head(read, training=False)
        self._model: Callable[[], Any] = lambda: model

    @tf.function(input_signature=[TEXT])
    def embed(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """One vector a message."""
        return {"embedding": tf.cast(self._head(self.reader.read(text))["embedding"], tf.float32)}
