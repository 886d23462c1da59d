"""A reader never sees half a file, and a failure leaves what was there."""

from pathlib import Path

import pytest

from supportnet.errors import UserError
from supportnet.files import read_json, write_json, written_whole


def contents(folder: Path) -> dict[str, str]:
    """Every file below `folder`, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def write_folder(path: Path, **files: str) -> None:
    path.mkdir()
    for name, text in files.items():
        (path / name).write_text(text)


def test_file_and_its_parents(tmp_path: Path) -> None:
    for text in ("first", "second"):
        with written_whole(tmp_path / "a" / "b.txt") as temporary:
            temporary.write_text(text)
        assert contents(tmp_path) == {"a/b.txt": text}


def test_folder_is_replaced_whole(tmp_path: Path) -> None:
    for files in ({"old": "1", "both": "1"}, {"new": "2", "both": "2"}):
        with written_whole(tmp_path / "run") as temporary:
            write_folder(temporary, **files)
    assert contents(tmp_path) == {"run/new": "2", "run/both": "2"}


def test_failure_keeps_the_old_folder(tmp_path: Path) -> None:
    write_folder(tmp_path / "run", old="1")
    with pytest.raises(FileNotFoundError), written_whole(tmp_path / "run") as temporary:
        (temporary / "missing" / "new").write_text("2")
    with pytest.raises(FileNotFoundError), written_whole(tmp_path / "run"):
        pass  # Nothing was written.
    assert contents(tmp_path) == {"run/old": "1"}
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_file_never_replaces_a_folder(tmp_path: Path) -> None:
    write_folder(tmp_path / "run", old="1")
    with pytest.raises(IsADirectoryError), written_whole(tmp_path / "run") as temporary:
        temporary.write_text("a file")
    assert contents(tmp_path) == {"run/old": "1"}


def test_temporary_name_is_no_version(tmp_path: Path) -> None:
    """A server that polls the folder takes what is a number for a version."""
    with written_whole(tmp_path / "7") as temporary:
        temporary.write_text("text")
        assert [path.name[0] for path in tmp_path.iterdir()] == ["."]


def test_json(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"é": [1, None]})
    assert read_json(tmp_path / "a.json") == {"é": [1, None]}
    assert "é" in (tmp_path / "a.json").read_text("utf-8")


@pytest.mark.parametrize("content", [None, b"", b'{"a": ', b"\xff"])
def test_json_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.json (is missing|can't be read)"):
        read_json(path)
