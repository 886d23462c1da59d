"""Index: a bank of answers into an export, without training."""

import os
import shutil
from pathlib import Path

from supportnet.data.bank import Bank
from supportnet.layers.checks import check_rate
from supportnet.models.exported_model import ExportedSuggester
from supportnet.models.suggester import Suggester
from supportnet.serving.export import export
from supportnet.serving.served_model import ServedModel
from supportnet.serving.served_suggestions import MIN_SCORE, serve_bank, write_bank_facts
from supportnet.serving.versions import write_version


def index(
    model: Suggester | ExportedSuggester,
    bank: Bank,
    path: str | os.PathLike[str],
    version: int | None = None,
    overwrite: bool = False,
    *,
    min_score: float = MIN_SCORE,
    keep: int | None = None,
) -> Path:
    """Read a bank's answers, and write the model with them inside to `path`/VERSION, as TensorFlow Serving wants it.

    Nothing is trained. What else an exported model does, it goes on doing.

    Args:
        model: a trained model, or an exported one, whose bank is replaced.
        bank: the answers.
        path, version, overwrite, min_score, keep: as for `supportnet.serving.export.export`, which says what signatures
            there are.

    Returns:
        The folder of the version.

    Raises:
        UserError: the bank is empty, or as for `export`.

    Example (needs an export):
        >>> index(ExportedSuggester("saved_models/support"), load_bank("new_answers.csv"), "saved_models/support")
        PosixPath('saved_models/support/2')
    """
    if isinstance(model, Suggester):
        return export(model, path, version, overwrite, bank=bank, min_score=min_score, keep=keep)
    check_rate("min_score", min_score)

    def save(folder: Path) -> None:
        suggestions = serve_bank(model.encoder, bank, min_score)
        ServedModel({**model.parts, "suggest": suggestions}).save(folder)
        shutil.copytree(model.path / "assets.extra", folder / "assets.extra")
        write_bank_facts(folder, bank, suggestions)

    return write_version(path, save, version, overwrite, keep)
