"""An exported model, loaded back: plain TensorFlow, the same methods as a trained one."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from supportnet.errors import UserError
from supportnet.files import read_json
from supportnet.layers.checks import check_positive
from supportnet.models.answers import ANSWERS, Answers, Classification, ranked
from supportnet.models.confidence import Confidence
from supportnet.models.messages import checked_texts
from supportnet.models.task import TASKS
from supportnet.models.texts import warn_if_cut
from supportnet.text.graph import as_strings

#: Where an export keeps its confidence; TensorFlow leaves files in this folder alone.
CONFIDENCE = "assets.extra/confidence.json"
#: And what it says of its models: task -> `supportnet.models.card.model_card`.
CARD = "assets.extra/model_card.json"


def version_folder(path: str | os.PathLike[str]) -> Path:
    """Return the SavedModel at `path`: a version's folder, or the highest version below a model's folder.

    Raises:
        UserError: there is no SavedModel.

    Example (needs an export):
        >>> version_folder("saved_models/support")
        PosixPath('saved_models/support/2')
    """
    folder = Path(path)
    if (folder / "saved_model.pb").exists():
        return folder
    versions = {number: child for number, child in versions_in(folder).items() if (child / "saved_model.pb").exists()}
    if not versions:
        raise UserError(f"There is no exported model at {folder}: no saved_model.pb, and no version that holds one.")
    return versions[max(versions)]


def versions_in(folder: Path) -> dict[int, Path]:
    """Return what stands below a model's folder under a version's number, whole or not; nothing if it isn't there."""
    return {int(child.name): child for child in folder.iterdir() if child.name.isdecimal()} if folder.is_dir() else {}


class SavedModel:
    """A SavedModel that supportnet wrote, of any task.

    Args:
        path: `NAME` (its highest version) or `NAME/VERSION`.

    Attributes:
        path: the version's folder.

    Raises:
        UserError: no model there, or a damaged one.

    Example (needs an export):
        >>> SavedModel("saved_models/support").run("embed", ["where is my parcel?"])["embedding"].shape
        (1, 768)
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = version_folder(path)
        try:
            # Held, because its signatures don't keep its variables alive.
            self._module: Any = tf.saved_model.load(str(self.path))
            self._check()
        # Nothing is certain about a damaged file: TensorFlow's loader trips over it in many ways.
        except Exception as error:
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise UserError(f"{self.path} can't be loaded: damaged, or no export of supportnet ({reason}).") from None

    def _check(self) -> None:
        """Run what every model must answer."""
        self.run("embed", [""])

    @property
    def parts(self) -> dict[str, Any]:
        """What it does: task -> the part that a `supportnet.serving.served_model.ServedModel` was made of."""
        return {task: getattr(self._module, task) for task in TASKS if hasattr(self._module, task)}

    @property
    def signatures(self) -> list[str]:
        """Names of the signatures, sorted."""
        return sorted(self._module.signatures)

    def run(self, signature: str, texts: Iterable[str], **options: Iterable[Any]) -> dict[str, npt.NDArray[Any]]:
        """Run a signature on one batch of messages.

        Args:
            signature: its name, such as `classify`.
            texts: B messages, as for `IntentClassifier.classify`.
            **options: further inputs of the signature by name, B strings or numbers each.

        Returns:
            The outputs by name, `[B, ...]`; strings are `bytes`.

        Raises:
            UserError: the model has no such signature, the signature has other inputs, or `texts` isn't a list of
                strings.
        """
        if signature not in self._module.signatures:
            known = ", ".join(self.signatures)
            raise UserError(f"{self.path} has no signature {signature!r}. It has: {known}.")
        function = self._module.signatures[signature]
        wanted = function.structured_input_signature[1]
        if sorted(wanted) != sorted(["text", *options]):
            received = ", ".join(["text", *options])
            raise UserError(f"{signature} must get the inputs {', '.join(sorted(wanted))}. Received: {received}")
        inputs = {name: _tensor(list(values), wanted[name].dtype) for name, values in options.items()}
        inputs["text"] = as_strings(checked_texts(texts))
        return {name: value.numpy() for name, value in function(**inputs).items()}

    def warn_if_cut(self, texts: Sequence[str]) -> None:
        """Warn of messages that are longer than what the model reads, where they may be whole conversations.

        Raises:
            UserError: the model card, which says how much is read, is damaged.
        """
        cards = read_json(self.path / CARD) if (self.path / CARD).exists() else {}
        try:
            read = [cards[task]["network"] for task in ("reply", "suggest") if task in cards]
            for network in read[:1]:
                warn_if_cut(texts, network["text_mode"], network["max_length"], stacklevel=3)
        except (KeyError, TypeError):
            raise UserError(f"{self.path / CARD} is damaged: it must hold text_mode and max_length.") from None


class ExportedSuggester(SavedModel):
    """A SavedModel that suggests answers.

    Attributes:
        encoder: what a new bank leaves as it is; see `supportnet.serving.served_suggestions.ServedEncoder`.
        bank: the answers; see `supportnet.serving.served_suggestions.ServedBank`.

    Example (needs an export):
        >>> model = ExportedSuggester("saved_models/answers")
        >>> index(model, supportnet.load_bank("new_answers.csv"), "saved_models/answers")
        PosixPath('saved_models/answers/2')
    """

    def _check(self) -> None:
        self.encoder, self.bank = self.parts["suggest"].encoder, self.parts["suggest"].bank
        self.run("suggest", [""])


class ExportedModel(SavedModel):
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
        """Return all that is said of every message; see `IntentClassifier.answers`."""
        batches = [
            {**outputs, "probabilities": self._columns(outputs)}
            for outputs in self._batches("classify", texts, batch_size)
        ]
        return Answers(self.intents, **{name: np.concatenate([batch[name] for batch in batches]) for name in ANSWERS})

    def probabilities(self, texts: Iterable[str], batch_size: int = 64) -> npt.NDArray[np.float32]:
        """Return the probability of every intent for every message, float32 `[N, K]`, columns as in `intents`."""
        return self.answers(texts, batch_size).probabilities

    def embed(self, texts: Iterable[str], batch_size: int = 64) -> npt.NDArray[np.float32]:
        """Return one vector a message, float32 `[N, D]`; see `IntentClassifier.embed`."""
        return np.concatenate([outputs["embedding"] for outputs in self._batches("embed", texts, batch_size)])

    def classify(self, texts: Iterable[str], top_k: int = 5) -> list[Classification]:
        """Classify messages; see `IntentClassifier.classify`."""
        texts = checked_texts(texts)
        check_positive("top_k", top_k)
        return ranked(texts, self.answers(texts), top_k)

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


def _tensor(values: list[Any], dtype: Any) -> Any:
    return as_strings(values) if dtype == tf.string else tf.constant(values, dtype)


def _strings(row: Iterable[bytes]) -> list[str]:
    return [value.decode() for value in row]
