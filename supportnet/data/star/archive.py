"""STAR's one file: an archive of its repository, and the dialogues in it."""

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Mapping

from supportnet.errors import UserError

COMMIT = "3058975092cdd09798e4a3a9e4ae135755824545"
FILE = f"STAR-{COMMIT}.zip"
URL = f"https://github.com/RasaHQ/STAR/archive/{COMMIT}.zip"

#: `dialogues_sha256` of the commit. An archive's own hash would say nothing: GitHub packs it anew when it is asked for.
DIALOGUES_SHA256 = "152414d7a99985e1860230289554328e17533e02ef13707f096cf59a6aa19d5c"

# The archive's first folder is named after the repository and the commit.
_DIALOGUE = re.compile(r"[^/]+/dialogues/([0-9]+\.json)")


def read_dialogues(content: bytes, name: str) -> dict[str, bytes]:
    """Return what each dialogue's file holds, in the order of their numbers, whatever the order in the archive.

    Args:
        content: a zip archive with FOLDER/dialogues/NUMBER.json; other files in it don't matter.
        name: the archive's name for error messages.

    Returns:
        File name, such as `7.json`, -> what it holds.

    Raises:
        UserError: if it isn't a whole archive, or has no dialogue.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            found = {member: match[1] for member in archive.namelist() if (match := _DIALOGUE.fullmatch(member))}
            files = {file: archive.read(member) for member, file in found.items()}
    # Compression or encryption that isn't known is a NotImplementedError or a RuntimeError.
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise UserError(f"{name} isn't a whole zip archive ({error}).") from None
    if not files:
        raise UserError(f"{name} has no dialogues/NUMBER.json.")
    return dict(sorted(files.items(), key=lambda item: int(item[0].removesuffix(".json"))))


def dialogues_sha256(files: Mapping[str, bytes]) -> str:
    """Return one hash for the names and contents of all dialogues.

    It is what `LC_ALL=C; sha256sum *.json | sha256sum` says in the folder of the dialogues.

    Example:
        >>> dialogues_sha256({"1.json": b"{}"})[:8]
        'a96b784f'
    """
    lines = (f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return hashlib.sha256("".join(lines).encode()).hexdigest()
