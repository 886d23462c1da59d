"""Downloading and preparing through tensorflow-datasets, from a server on this machine."""

import functools
import hashlib
import http.server
import shutil
import threading
from pathlib import Path

import pytest
from star_archive import DIALOGUES, write_archive
from tensorflow_datasets.core.download.checksums import UrlInfo

from supportnet.data import load, prepared, star, upstream
from supportnet.errors import UserError

DUMMY_DATA = Path(__file__).parent / "dummy_data"
BUILDERS = {"banking77": prepared.Banking77, "clinc150": prepared.Clinc150}

pytestmark = pytest.mark.filterwarnings("ignore:.*isn't the recorded file")


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path):
    """A server with the invented files; its folder, its address and a way to stop it."""
    folder = shutil.copytree(DUMMY_DATA, tmp_path / "upstream")
    write_archive(folder)
    handler = functools.partial(QuietHandler, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.folder = folder
    server.address = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def invented_upstream(server, tmp_path, monkeypatch):
    """Let the builders download from the server, with the checksums of its files; prepare in `tmp_path`."""
    monkeypatch.setattr("tensorflow_datasets.core.constants.DATA_DIR", str(tmp_path / "prepared"))
    files, checksums = {}, {name: {} for name in BUILDERS}
    for file in upstream.recorded_files().values():
        (name,) = [name for name in BUILDERS if (server.folder / name / file.name).exists()]
        files[file.name] = file._replace(url=f"{server.address}/{name}/{file.name}")
        checksums[name][files[file.name].url] = url_info(server.folder / name / file.name)
    monkeypatch.setattr(upstream, "recorded_files", lambda: files)
    for name, builder in BUILDERS.items():
        monkeypatch.setattr(builder, "url_infos", checksums[name])
    monkeypatch.setattr(star, "URL", f"{server.address}/star/{star.FILE}")
    monkeypatch.setattr(star, "DIALOGUES_SHA256", star.dialogues_sha256(DIALOGUES))


def url_info(path):
    content = path.read_bytes()
    return UrlInfo(size=len(content), checksum=hashlib.sha256(content).hexdigest(), filename=path.name)


@pytest.mark.parametrize("name", ["banking77", "clinc150", "clinc150/oos_plus"])
def test_a_download_gives_the_same_tickets_as_copies_and_is_kept(name, server, capsys):
    copies = load(name, data_dir=DUMMY_DATA, train_oos=True)
    assert load(name, train_oos=True) == copies
    assert capsys.readouterr().out == ""
    server.shutdown()
    server.server_close()
    assert load(name, train_oos=True) == copies


@pytest.mark.parametrize("options", [{}, {"context_turns": 1}])
def test_star_downloaded_gives_the_same_tickets_as_a_copy_and_is_kept(options, server, dummy_data, capsys):
    copy = load("star", data_dir=dummy_data, **options)
    assert load("star", **options) == copy
    assert capsys.readouterr().out == ""
    server.shutdown()
    server.server_close()
    assert load("star", **options) == copy


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-40]), "isn't a whole zip archive"),
        (
            lambda path: write_archive(path.parents[1], {**DIALOGUES, "1.json": DIALOGUES["2.json"]}),
            r"^star can't be downloaded: .*isn't the recorded one.*--data-dir",
        ),
    ],
)
def test_a_download_of_star_that_is_refused_is_not_kept(damage, problem, server):
    damage(server.folder / "star" / star.FILE)
    with pytest.raises(UserError, match=problem):
        load("star")
    write_archive(server.folder)
    assert load("star")["train"]


def test_without_a_network_the_error_says_so_and_names_the_way_out(server):
    server.shutdown()
    server.server_close()
    with pytest.raises(UserError, match=r"^clinc150 can't be downloaded: there is no network.*--data-dir DIR\)\.$"):
        load("clinc150/small")
    with pytest.raises(UserError, match=r"^star can't be downloaded: there is no network, or 127\.0\.0\.1 can't"):
        load("star")


def test_a_file_that_is_gone_upstream_is_named(server):
    (server.folder / "banking77" / "categories.json").unlink()
    with pytest.raises(UserError, match=r"^banking77 can't be downloaded: 404 .*categories\.json\. .*--data-dir"):
        load("banking77")


def test_a_file_that_goes_while_downloading_is_named(server):
    (server.folder / "banking77" / "train.csv").unlink()
    with pytest.raises(UserError, match=r"^banking77 can't be downloaded: .*train\.csv.*404.*--data-dir"):
        load("banking77")


def test_a_download_that_is_not_the_recorded_file_is_refused(server):
    path = server.folder / "banking77" / "test.csv"
    path.write_text(path.read_text(encoding="utf-8") + "One more,lost_card\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"^banking77 can't be downloaded: .*isn't the recorded one.*--data-dir"):
        load("banking77")
