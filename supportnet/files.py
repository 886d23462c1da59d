"""Writing files so that a reader never sees half of one, and a failure leaves nothing behind; reading them."""

import hashlib
import json
import os
import shutil
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from supportnet.errors import UserError

# A name that starts with a dot and holds no number: TensorFlow Serving's poller never takes it for a version.
_INCOMPLETE = ".incomplete-"


@contextmanager
def written_whole(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` if the block succeeds, else remove it.

    Works for a file and for a folder (the block creates either). Parents are created. What stood at `path` is
    replaced, and stays as it was if the block or the rename fails.

    Example:
        >>> with written_whole("model/labels.txt") as temporary:
        ...     size = temporary.write_text("refund")
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    holder = Path(tempfile.mkdtemp(prefix=_INCOMPLETE, dir=target.parent))
    new = holder / target.name
    try:
        yield new
        if target.is_dir() and new.is_dir():
            # A rename can't replace a folder that isn't empty. A file can't replace a folder at all, and mustn't.
            target.rename(holder / f"{new.name}.old")
        new.replace(target)
    finally:
        shutil.rmtree(holder, ignore_errors=True)


def make_folder(path: str | os.PathLike[str]) -> None:
    """Make a folder with its parents, unless it is there; a `UserError` that names it if the file system refuses."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{error.filename or path} can't be written: {error.strerror or error}.") from None


def remove_incomplete(folder: str | os.PathLike[str]) -> None:
    """Remove what `written_whole` left directly in `folder` when its process was killed.

    Only for a folder that nothing else writes to.
    """
    for holder in Path(folder).glob(f"{_INCOMPLETE}*"):
        shutil.rmtree(holder, ignore_errors=True)


def folder_bytes(folder: Path) -> int:
    """Return the size of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of what a file holds, as hexadecimal digits; the file may be larger than memory."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write `value` as readable JSON, whole or not at all."""
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read a JSON file that this package wrote; a missing or damaged one is a `UserError` that names it."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing.") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} can't be read: it is damaged or not JSON ({error}).") from None


def write_array(path: str | os.PathLike[str], array: Any) -> None:
    """Write a NumPy array as a `.npy` file, whole or not at all."""
    import numpy as np

    with written_whole(path) as temporary, temporary.open("wb") as file:
        np.save(file, array)


def read_array(path: str | os.PathLike[str]) -> Any:
    """Read what `write_array` wrote; a missing or damaged file is a `UserError` that names it."""
    import numpy as np

    try:
        # `np.load` would open an archive too.
        with Path(path).open("rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path} can't be read: it is damaged ({error}).") from None


def read_toml(path: str | os.PathLike[str], flag: str = "") -> dict[str, Any]:
    """Read a TOML file of a user's; a `UserError` that names it, and the flag that named it, if it can't be read."""
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{flag and f'{flag}: '}{path} can't be read: {error}") from None
