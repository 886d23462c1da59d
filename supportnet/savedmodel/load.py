"""An export, loaded back: plain TensorFlow."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt
import tensorflow as tf

from supportnet.backbones.texts import warn_if_cut
from supportnet.checks import checked_texts
from supportnet.errors import UserError
from supportnet.files import read_json
from supportnet.text.graph import as_strings

#: The description of its models, task -> `supportnet.tasks.task.Task.card`, in a folder that TensorFlow leaves alone.
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

    def part(self, task: str) -> Any:
        """Return the part of a task (see `supportnet.serving.saved_models.ServedModel`); None if it has none."""
        return getattr(self._module, task, None)

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
            read = [card["network"] for card in cards.values() if card["reads_conversations"]]
            for network in read[:1]:
                warn_if_cut(texts, network["text_mode"], network["max_length"], stacklevel=3)
        except (KeyError, TypeError):
            raise UserError(f"{self.path / CARD} is damaged: it must hold text_mode and max_length.") from None


def _tensor(values: list[Any], dtype: Any) -> Any:
    return as_strings(values) if dtype == tf.string else tf.constant(values, dtype)
