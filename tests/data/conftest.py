"""What tests of several data sources share."""

import shutil
from pathlib import Path

import pytest
from star_archive import DUMMY_DATA, write_archive


@pytest.fixture(scope="session")
def dummy_data(tmp_path_factory):
    """A folder for `data_dir` with the invented files of every source; don't change it."""
    folder = Path(shutil.copytree(DUMMY_DATA, tmp_path_factory.mktemp("data") / "dummy_data"))
    write_archive(folder)
    return folder


@pytest.fixture
def write(tmp_path):
    """A function that writes a file of a name and content, and returns its path."""

    def write_file(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file
