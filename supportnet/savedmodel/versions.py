"""The versions of a served model: each a folder with a number, whole or not there."""

import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from supportnet.checks import check_positive
from supportnet.errors import UserError
from supportnet.files import written_whole
from supportnet.savedmodel.load import versions_in
from supportnet.savedmodel.signatures import write_warmup


def write_version(
    path: str | os.PathLike[str],
    save: Callable[[Path], None],
    version: int | None = None,
    overwrite: bool = False,
    keep: int | None = None,
) -> Path:
    """Write a version of a model.

    It is written under a temporary name and renamed when it is whole and has answered its own warm-up records, so that
    a server that polls the folder never loads half of one, and a full disk leaves nothing behind.

    Args:
        path: the served model's folder, for example `saved_models/support`.
        save: writes the SavedModel into the folder it is given.
        version: number of the version, at least 1; one above the highest there if not given.
        overwrite: replace a version that is there.
        keep: then remove the oldest versions, so that as many are left, this one among them.

    Returns:
        The folder of the version.

    Raises:
        UserError: the version is there, `version` or `keep` isn't a positive number, or the file system refuses.

    Example (needs a trained model):
        >>> write_version("saved_models/support", lambda folder: tf.saved_model.save(module, str(folder)))
        PosixPath('saved_models/support/1')
    """
    folder = Path(path)
    for name, number in (("version", version), ("keep", keep)):
        if number is not None:
            check_positive(name, number)
    try:
        target = folder / str(version or max(versions_in(folder), default=0) + 1)
        if target.exists() and not overwrite:
            raise UserError(f"{target} is there already: choose another version, or overwrite it (--overwrite).")
        with written_whole(target) as temporary:
            save(temporary)
            write_warmup(temporary)
        _remove_oldest(target, keep)
    except (OSError, tf.errors.OpError) as error:
        raise UserError(f"The export to {folder} failed: {_reason(error)}.") from None
    return target


def _remove_oldest(new: Path, keep: int | None) -> None:
    """Remove versions beside the new one, the oldest first; what a server still answers from, it has in memory."""
    if keep is None:
        return
    others = {number: folder for number, folder in versions_in(new.parent).items() if folder != new}
    for number in sorted(others, reverse=True)[keep - 1 :]:
        # Not in its place: a server that looks meanwhile must not find half of it.
        with tempfile.TemporaryDirectory(prefix=".removed-", dir=new.parent) as holder:
            others[number].rename(Path(holder) / others[number].name)


def _reason(error: Any) -> str:
    """Say what the system said, without the names of operations that TensorFlow puts around it."""
    message = getattr(error, "strerror", None) or str(error).partition("\n")[0]
    return re.sub(r"\{\{.*?\}\} *| *\[Op:.*", "", message)
