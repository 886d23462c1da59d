"""The part of an export that classifies, and an export loaded back."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from supportnet.checks import check_positive, checked_texts
from supportnet.errors import UserError
from supportnet.savedmodel.load import SavedModel
from supportnet.savedmodel.reader import ServedReader
from supportnet.savedmodel.signatures import EXAMPLES, TEXT
from supportnet.tasks.classify.answers import ANSWERS, Answers, Classifier
from supportnet.tasks.classify.calibrate import Confidence, Numbers, decide
from supportnet.tasks.classify.model import IntentClassifier
from supportnet.tasks.model import ServedLabels, Signatures
from supportnet.tasks.task import ExportOptions

#: Files of an export, in a folder that TensorFlow leaves alone: its confidence, and its intents one per line.
CONFIDENCE, LABELS = "assets.extra/confidence.json", "assets.extra/labels.txt"


class ServedClassifier(ServedLabels):
    """The part of an export that classifies; see `ServedLabels`."""

    signatures: ClassVar[Signatures] = {"classify": [TEXT], "classify_examples": [EXAMPLES], "embed": [TEXT]}

    def __init__(self, model: IntentClassifier, reader: ServedReader) -> None:
        super().__init__(model, reader)
        self._intents = tf.constant(model.intents)
        # A variable, so that an export can be calibrated anew; see `ExportedModel.calibrated`.
        self.numbers = tf.Variable(model.confidence.numbers, trainable=False, dtype=tf.float32, name="confidence")

    def write_facts(self, folder: Path, model: IntentClassifier, options: ExportOptions) -> None:
        model.confidence.save(folder / CONFIDENCE)
        (folder / LABELS).write_text("".join(f"{intent}\n" for intent in model.intents), "utf-8")

    def _answer(self, text: tf.Tensor, read: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        answers = decide(self._head(read), Numbers(*tf.unstack(self.numbers)), self._model().intents)
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


class ExportedModel(SavedModel, Classifier):
    """A SavedModel that classifies.

    Args:
        path: `NAME` (its highest version) or `NAME/VERSION`.

    Attributes:
        path: the version's folder.
        intents: names of the intents, sorted.
        confidence: the temperature and the thresholds that the graph applies.

    Raises:
        UserError: no model there, or a damaged one.

    Example (needs an export):
        >>> ExportedModel("saved_models/support").classify(["where is my parcel?"])[0].intent
        'track_order'
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        self.confidence = Confidence.load(self.path / CONFIDENCE)

    def _check(self) -> None:
        self.intents = sorted(_strings(self.run("classify", [""])["intents"][0]))

    def answers(self, texts: Iterable[str], batch_size: int = 64) -> Answers:
        batches = [
            {**_unknown(outputs), **outputs, "probabilities": self._columns(outputs)}
            for outputs in self._batches("classify", texts, batch_size)
        ]
        return Answers(self.intents, **{name: np.concatenate([batch[name] for batch in batches]) for name in ANSWERS})

    def calibrated(self, confidence: Confidence) -> Any:
        """Set the confidence that the part of the export applies, and return it, for another export.

        Raises:
            UserError: the export is of a version whose numbers are part of the graph.
        """
        part = self.part("classify")
        if not hasattr(part, "numbers"):
            raise UserError(f"{self.path} was exported before 0.2, and can't be calibrated: export its run again.")
        part.numbers.assign(confidence.numbers)
        self.confidence = confidence
        return part

    def token_ids(self, texts: Any) -> Any:
        """Return the ids of the tokens of messages, string `[B]`, as int32 `[B, T]`, 0 where padded."""
        return self.part("classify").reader.read(texts)["token_ids"]

    def embed(self, texts: Iterable[str], batch_size: int = 64) -> npt.NDArray[np.float32]:
        """Return one vector a message, float32 `[N, D]`; see `IntentClassifier.embed`."""
        return np.concatenate([outputs["embedding"] for outputs in self._batches("embed", texts, batch_size)])

    def _batches(self, signature: str, texts: Iterable[str], batch_size: int) -> Iterator[dict[str, npt.NDArray[Any]]]:
        """Run in batches, at least one."""
        texts = checked_texts(texts)
        check_positive("batch_size", batch_size)
        for start in range(0, max(len(texts), 1), batch_size):
            yield self.run(signature, texts[start : start + batch_size])

    def _columns(self, outputs: dict[str, npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
        """Undo the order of the signature's outputs, best first."""
        names = np.array([_strings(row) for row in outputs["intents"]]).reshape(outputs["intents"].shape)
        return np.take_along_axis(outputs["intent_scores"], np.argsort(names, axis=1), axis=1)


def _strings(row: Iterable[bytes]) -> list[str]:
    return [value.decode() for value in row]


def _unknown(outputs: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[np.float32]]:
    """Return what exports of 0.1 don't say; their decisions are made in the graph."""
    return {name: np.ones_like(outputs["coverage"]) for name in ("margin", "known_words")}
