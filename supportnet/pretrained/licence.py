"""The licence of pretrained weights: its text goes with them into runs and exports."""

import os
from pathlib import Path

from supportnet.pretrained.weights import LICENCE_FILE, SOURCE_FILE

#: The folder of licences: in a run, and in `assets.extra` of an export.
LICENCES = "licences"
#: What a folder may call the text of its licence.
_LICENCE_NAMES = (LICENCE_FILE, "LICENSE.txt", "LICENSE.md", "LICENCE", "LICENCE.txt", "LICENCE.md")


def read_licence(folder: str | os.PathLike[str], digest: str) -> dict[str, str]:
    """Return what goes along with the weights of a folder.

    Args:
        folder: of the weights.
        digest: SHA-256 of the weights.

    Returns:
        `SOURCE.txt`, where the weights are from, as the folder says it or else its name and the digest; and `LICENSE`,
        the text of the licence, if the folder holds one.
    """
    path = Path(folder)
    source = path / SOURCE_FILE
    texts = {SOURCE_FILE: f"Weights: {path.name}\nSHA-256 of the weights: {digest}\n"}
    if source.is_file():
        texts[SOURCE_FILE] = source.read_text("utf-8", "replace")
    found = next((path / name for name in _LICENCE_NAMES if (path / name).is_file()), None)
    return texts if found is None else {LICENCE_FILE: found.read_text("utf-8", "replace"), **texts}


def changes(tuned_blocks: int, word_table: str) -> str:
    """Return the line that says what was done to the weights.

    Example:
        >>> changes(3, "int8")
        'Changed: yes (the upper 3 blocks are tuned; the word table is rounded to int8)'
    """
    done = [f"the upper {tuned_blocks} blocks are tuned"] if tuned_blocks else []
    done += [f"the word table is rounded to {word_table}"] if word_table != "float32" else []
    return f"Changed: yes ({'; '.join(done)})" if done else "Changed: no"


def write_licence(folder: Path, name: str, texts: dict[str, str]) -> None:
    """Write the texts below a folder, to `licences/NAME`."""
    target = folder / LICENCES / name
    target.mkdir(parents=True, exist_ok=True)
    for file, text in texts.items():
        (target / file).write_text(text, "utf-8")


def read_licences(folder: Path) -> dict[str, dict[str, str]]:
    """Return the texts that `write_licence` wrote below a folder, by name and by file.

    Example:
        >>> read_licences(Path("there is none"))
        {}
    """
    return {
        own.name: {file.name: file.read_text("utf-8", "replace") for file in sorted(own.iterdir())}
        for own in sorted((folder / LICENCES).glob("*"))
        if own.is_dir()
    }
