"""Personal data in messages stays out of all that pre-training, training, evaluation and export leave behind.

What is planted is invented: a bank code and numbers that belong to nobody, Ofcom's telephone numbers for drama, and
the top-level domain .example.
"""

import csv
import gzip
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tensorflow as tf
from leaks import leaks

import supportnet
from supportnet.embeddings import save_word_embeddings, train_word_embeddings

CARD = """
    4929738155260438
    4929 7381 5526 0438
    4929-7381-5526-0438
    4929.7381.5526.0438
    4929/7381/5526/0438
    4929_7381_5526_0438
    4929 - 7381 - 5526 - 0438
    4929  7381  5526  0438
    4929 73815526 0438
    49 29 73 81 55 26 04 38
    4 9 2 9 7 3 8 1 5 5 2 6 0 4 3 8
    ４９２９ ７３８１ ５５２６ ０４３８
    ４９２９７３８１５５２６０４３８
    𝟒𝟗𝟐𝟗 𝟕𝟑𝟖𝟏 𝟓𝟓𝟐𝟔 𝟎𝟒𝟑𝟖
    4929–7381–5526–0438
    4929\u20117381\u20115526\u20110438
    4929\u00a07381\u00a05526\u00a00438
    4929\u200b7381\u200b5526\u200b0438
    4929\t7381\t5526\t0438
    card4929738155260438"""
IBAN = """
    DE07500105178264937519
    de07500105178264937519
    DE07 5001 0517 8264 9375 19
    De07 5001 0517 8264 9375 19
    DE07-5001-0517-8264-9375-19
    DE07.5001.0517.8264.9375.19
    DE07/5001/0517/8264/9375/19
    DE07_5001_0517_8264_9375_19
    DE07  5001  0517  8264  9375  19
    DE07\u00a05001\u00a00517\u00a08264\u00a09375\u00a019
    ＤＥ０７ ５００１ ０５１７ ８２６４ ９３７５ １９
    GB57QWVX60161371926832
    GB57 QWVX 6016 1371 9268 32
    gb57.qwvx.6016.1371.9268.32"""
PHONE = """
    +442079460958
    +44 20 7946 0958
    +44 (0)20 7946 0958
    (+44) 20 7946 0958
    +44-20-7946-0958
    +44.20.7946.0958
    +44/20/7946/0958
    +44\u00a020\u00a07946\u00a00958
    ＋４４２０７９４６０９５８
    0044 20 7946 0958
    02079460958
    020 7946 0958
    (020) 7946 0958
    020-7946-0958
    020.7946.0958
    020/7946/0958
    020–7946–0958
    020  7946  0958
    tel:+442079460958"""
EMAIL = """
    zq.wxhart@kvplom.example
    ZQ.WXHART@KVPLOM.EXAMPLE
    Zq.Wxhart+Shop@mail.Kvplom.example
    zq.wxhart@kvplom
    zq.wxhart @ kvplom.example
    zq.wxhart (at) kvplom.example
    zq.wxhart(at)kvplom(dot)example
    zq.wxhart [at] kvplom [dot] example
    zq.wxhart{at}kvplom.example
    zq.wxhart(@)kvplom.example
    zq.wxhart AT kvplom DOT example
    zq dot wxhart at kvplom dot example
    zq.wxhart＠kvplom．example
    zq.wxhart\u00a0@\u00a0kvplom.example
    zq.wxhart\u200b@kvplom.example
    mailto:zq.wxhart@kvplom.example
    https://kvplom.example/zq/wxhart"""
CANARIES = [line.strip() for block in (CARD, IBAN, PHONE, EMAIL) for line in block.strip().split("\n")]
#: What canaries are made of. As a token of the vocabulary, each of them is a leak.
PIECES = {
    *("4929", "7381", "5526", "0438", "0517", "5001", "8264", "9375", "6016", "1371", "9268", "7946", "0958", "020"),
    *("de07", "gb57", "qwvx", "zq", "wxhart", "kvplom"),
}
AROUND = ["my data {} thanks", "({}), please!", "is it <{}>?", '"{}".']

ONCE, OFTEN = "zvetlomira", "bartolomeus"
TRAIN = [(text.format(value), intent) for value in CANARIES for text, intent in zip(AROUND, "abab", strict=True)]
#: Each with the other label as well: the audit lists them all.
TRAIN += [(AROUND[0].format(value), "b") for value in CANARIES]
TRAIN += [(f"{ONCE} wrote", "a"), *[(f"{OFTEN} wrote", "a")] * 4]
#: Under each of both labels, so that the model gets each message wrong once, and it is listed.
TEST = [(AROUND[0].format(value), intent) for value in CANARIES for intent in "ab"]
#: What a training is given beside messages without labels: there is nothing in it to leak.
FEW = [("my data thanks", "a"), ("is it ?", "b")] * 2
TINY = {"embedding-dim": 8, "hidden-dim": 4, "num-heads": 2, "num-layers": 0, "num-buckets": 100, "epochs": 1}

#: Run in one process of their own: TensorFlow is loaded once, and writes past Python's standard error too.
SCRIPT = """
import json, sys
from supportnet.cli import main
for arguments in json.load(sys.stdin):
    try:
        main(arguments)
    except SystemExit as end:
        assert not end.code, arguments
"""


@dataclass(frozen=True)
class Leavings:
    """What the commands left in `folder`, their standard output and standard error among it."""

    folder: Path
    figures: dict[str, Any]
    drift: dict[str, Any]

    def vocabulary(self, run: str = "run") -> list[str]:
        return (self.folder / run / "vocabulary.txt").read_text("utf-8").split("\n")


@pytest.fixture(scope="module")
def leavings(tmp_path_factory: pytest.TempPathFactory) -> Leavings:
    folder, home = tmp_path_factory.mktemp("leavings"), tmp_path_factory.mktemp("data")
    data, few = home / "tickets.csv", home / "few.csv"
    rows = [(split, *row) for split, rows in (("train", TRAIN), ("val", TEST), ("test", TEST)) for row in rows]
    for path, content in ((data, rows), (few, [("train", *row) for row in FEW])):
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("split", "text", "intent"), *content])
    source, tiny = ["--data", str(data)], [f"--{name}={value}" for name, value in TINY.items()]
    rounds = ["--data", str(few), "--unlabelled", str(data), "--rounds=2", "--round-epochs=1", "--validation-share=0"]
    commands = [
        ["train", *source, "--out", "run", *tiny],
        ["pretrain", *source, "--out", "encoder", *tiny],
        ["train", *rounds, "--init", "encoder", "--epochs=1", "--out", "started"],
        ["train", *rounds, "--embeddings", "fasttext", *tiny, "--out", "unlabelled"],
        ["export", "run", "model"],
        ["evaluate", "run", *source],
        ["audit", *source, "--out", "doubts.csv"],
        ["drift", "run", *source, f"--most={len(TRAIN)}", "--plots", "plots"],
        ["drift", "model", *source, "--reference", str(data), f"--most={len(TRAIN)}", "--json"],
        ["evaluate", "run", *source, "--against", "model", "--json"],
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(supportnet.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps(commands).encode(),
        capture_output=True,
        cwd=folder,
        env=environment,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr.decode()
    (folder / "stdout.txt").write_bytes(done.stdout)
    (folder / "stderr.txt").write_bytes(done.stderr)
    drift, figures = map(json.loads, done.stdout.splitlines()[-2:])
    # Once more without escapes, which would hide full-width digits from the search.
    (folder / "stdout.json").write_text(json.dumps([drift, figures], ensure_ascii=False), encoding="utf-8")
    return Leavings(folder, figures, drift)


@pytest.mark.slow
def test_nothing_leaks(leavings: Leavings) -> None:
    names = {str(path.relative_to(leavings.folder)) for path in leavings.folder.rglob("*") if path.is_file()}
    assert {"run/checkpoint.npz", "run/weights.weights.h5", "run/vocabulary.txt", "run/seen.npy"} <= names
    assert "model/1/saved_model.pb" in names
    assert {"model/1/assets/vocabulary.txt", "stdout.txt", "stderr.txt", "doubts.csv"} <= names
    assert {"run/traffic.json", "plots/drift.png"} <= names
    assert {"encoder/checkpoint.npz", "encoder/weights.weights.h5", "encoder/vocabulary.txt"} <= names
    for number in (1, 2):
        home = {f"{run}/round_{number}" for run in ("started", "unlabelled")}
        assert {f"{path}/{name}" for path in home for name in ("pseudo_labels.npy", "checkpoint.npz")} <= names
    for place in ("run/", "encoder/", "started/round_2/"):
        assert any(name.startswith(place) and "events.out" in name for name in names)
    assert leaks(leavings.folder, [*CANARIES, "wxhart", "kvplom"]) == []


@pytest.mark.slow
@pytest.mark.parametrize("run", ["run", "encoder", "started", "unlabelled"])
def test_words_are_placeholders(leavings: Leavings, run: str) -> None:
    """The messages were read, with their canaries: without labels too."""
    assert PIECES & set(leavings.vocabulary(run)) == set()
    assert {"<card>", "<iban>", "<phone>", "<email>", "thanks"} <= set(leavings.vocabulary(run))


@pytest.mark.slow
def test_reports_are_redacted(leavings: Leavings) -> None:
    """Each canary is in both lists, without what it says."""
    texts = [error["text"] for error in leavings.figures["errors"]]
    assert len(texts) == len(CANARIES)
    assert all("<" in text for text in texts)
    with (leavings.folder / "doubts.csv").open(newline="") as file:
        doubts = [row["text"] for row in csv.DictReader(file)]
    assert len(doubts) >= 2 * len(CANARIES)
    texts = [row["text"] for row in leavings.drift["unlike"]]
    # Values of one kind read alike once they are redacted.
    assert {f"my data <{kind}> thanks" for kind in ("card", "iban", "phone", "email")} <= set(texts)


@pytest.mark.slow
def test_names(leavings: Leavings) -> None:
    """No pattern knows a name: the minimum count keeps out what was typed once, and nothing what was typed often."""
    for place in ("run", "model", "encoder", "started", "unlabelled"):
        assert leaks(leavings.folder / place, [ONCE]) == []
    for run in ("run", "encoder", "started", "unlabelled"):
        assert OFTEN in leavings.vocabulary(run)


@pytest.mark.parametrize("method", ["word2vec", "fasttext"])
def test_word_vectors_leak_nothing(method: str, tmp_path: Path) -> None:
    texts = [text for text, _ in TRAIN]
    vectors = train_word_embeddings(texts, method, embedding_dim=4, epochs=1, progress_bar=False)
    save_word_embeddings(tmp_path / "vectors.bin", vectors)
    save_word_embeddings(tmp_path / "vectors.bin.gz", vectors)
    assert leaks(tmp_path, [*CANARIES, "wxhart", "kvplom", ONCE]) == []
    assert PIECES & set(vectors.index_to_key) == set()
    assert {"<card>", "<iban>", "<phone>", "<email>", "thanks", OFTEN} <= set(vectors.index_to_key)


def _hdf5(path: Path, value: str) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("a/b", data=np.array([value.encode()] * 50), compression="gzip")


def _hdf5_attribute(path: Path, value: str) -> None:
    with h5py.File(path, "w") as file:
        file.create_group("a/b").attrs["note"] = value


def _tensorboard(path: Path, value: str) -> None:
    with tf.summary.create_file_writer(str(path)).as_default():
        tf.summary.text("note", value, step=0)


def _module(path: Path, value: str) -> None:
    module = tf.Module()
    module.note = tf.function(lambda: tf.constant(f"my {value}"), input_signature=[])
    tf.saved_model.save(module, str(path))


PLANTED = {
    "text": lambda path, value: path.write_text(f"a {value.upper()} b"),
    "text in UTF-16": lambda path, value: path.write_text(value, encoding="utf-16"),
    "without spaces": lambda path, value: path.write_text(f"a{''.join(filter(str.isalnum, value))}b"),
    "file in a folder": lambda path, value: (path.mkdir(), (path / "note").write_text(value)),
    "gzip": lambda path, value: path.write_bytes(gzip.compress(value.encode() * 2)),
    "arrays of strings": lambda path, value: np.savez(path, note=np.array([value])),
    "one array": lambda path, value: np.save(path, np.array([value] * 5)),
    "packed arrays": lambda path, value: np.savez_compressed(path, note=np.array([value.encode()] * 50)),
    "HDF5": _hdf5,
    "HDF5's attributes": _hdf5_attribute,
    "TensorBoard's logs": _tensorboard,
    "SavedModel": _module,
}


@pytest.mark.parametrize("where", PLANTED)
def test_the_search_finds_what_is_planted(where: str, tmp_path: Path) -> None:
    for number, value in enumerate(["4929 7381 5526 0438", "zq.wxhart (at) kvplom.example"]):
        assert leaks(tmp_path, [value]) == []
        PLANTED[where](tmp_path / f"note{number}", value)
        assert {found for _, found in leaks(tmp_path, [value])} == {value}
