"""The invented dialogues, packed as GitHub packs STAR's repository."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

from supportnet.data.star import COMMIT, FILE

DUMMY_DATA = Path(__file__).parent / "dummy_data"
DIALOGUES = {path.name: path.read_bytes() for path in (DUMMY_DATA / "star" / "dialogues").glob("*.json")}


def write_archive(data_dir: Path, dialogues: Mapping[str, bytes] = DIALOGUES) -> Path:
    """Write an archive of `dialogues`, and of other files, to the place in `data_dir` where `load` looks for it."""
    path = data_dir / "star" / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"STAR-{COMMIT}/README.md", "# Kites")
        archive.writestr(f"STAR-{COMMIT}/tasks/kites/kites.json", "[]")
        for name in sorted(dialogues):
            archive.writestr(f"STAR-{COMMIT}/dialogues/{name}", dialogues[name])
    return path
