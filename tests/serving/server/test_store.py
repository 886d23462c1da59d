"""Which versions are served: found, replaced, left out, warmed up, let go."""

import gc
import shutil
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from supportnet.errors import UserError
from supportnet.savedmodel.signatures import WARMUP
from supportnet.serving.server.codes import ServingError
from supportnet.serving.server.store import ConfiguredModel, Store, Version, Versions, read_config


@pytest.fixture
def folder(toy_folder: Path, tmp_path: Path) -> Path:
    """A folder of the toy's version 1 that may be changed."""
    shutil.copytree(toy_folder / "1", tmp_path / "toy" / "1")
    return tmp_path / "toy"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def versions(folder: Path, said: list[str]) -> Versions:
    served = Versions(ConfiguredModel("toy", folder), 100, said.append)
    served.poll()
    return served


def served_by(versions: Versions) -> int:
    model = versions.get(None)
    assert model
    return model.version


def test_a_new_version_replaces_the_old_one_after_its_last_request(
    versions: Versions, folder: Path, toy_folder: Path, said: list[str]
) -> None:
    running = versions.get(1)
    assert running
    shutil.copytree(toy_folder / "2", folder / "2")
    versions.poll()
    assert (served_by(versions), versions.get(1)) == (2, None)
    assert {number: version.state for number, version in versions.states().items()} == {2: "AVAILABLE", 1: "END"}
    assert said[1:] == ["serving version 2 of toy (0 warm-up requests)", "let go of version 1 of toy"]
    text = np.array([b"a"], object)
    assert running.run("serving_default", {"text": text})["version"].tolist() == [1]
    closed = weakref.ref(running)
    del running
    gc.collect()
    assert closed() is None


@pytest.mark.parametrize("missing", ["saved_model.pb", "variables/variables.data-00000-of-00001"])
def test_a_half_copied_version_is_left_out_until_it_is_whole(
    versions: Versions, folder: Path, toy_folder: Path, said: list[str], missing: str
) -> None:
    shutil.copytree(toy_folder / "2", folder / "2", ignore=shutil.ignore_patterns(Path(missing).name))
    versions.poll()
    versions.poll()
    assert served_by(versions) == 1
    # Once, not at each poll.
    (line,) = said[1:]
    assert line.startswith(f"left out {folder / '2'}: ")
    assert versions.states()[2].state == "END"
    assert versions.states()[2].error
    shutil.copy(toy_folder / "2" / missing, folder / "2" / missing)
    versions.poll()
    assert served_by(versions) == 2
    assert versions.states()[2] == Version("AVAILABLE", versions.get(2))


def test_a_damaged_version_is_left_out(versions: Versions, folder: Path, toy_folder: Path) -> None:
    shutil.copytree(toy_folder / "2", folder / "2")
    (folder / "2" / "saved_model.pb").write_bytes(b"damaged")
    versions.poll()
    assert served_by(versions) == 1


def test_a_folder_that_is_empty_for_a_moment_ends_nothing(versions: Versions, folder: Path) -> None:
    shutil.rmtree(folder / "1")
    versions.poll()
    assert served_by(versions) == 1


def test_what_is_no_number_is_no_version(versions: Versions, folder: Path) -> None:
    (folder / "1").rename(folder / ".incomplete-3")
    (folder / "2.tmp").mkdir()
    versions.poll()
    assert list(versions.states()) == [1]


def warm_up_records(folder: Path, texts: list[str]) -> None:
    target = folder / WARMUP
    target.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(target)) as writer:
        for text in texts:
            record = PredictionLog()
            request = record.predict_log.request
            request.model_spec.signature_name = "redact" if text else "x"
            request.inputs["text"].CopyFrom(tf.make_tensor_proto([text]))
            writer.write(record.SerializeToString())


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["a", ""], 'Serving signature key "x" not found.'),
        (["a"] * 1001, "Number of warmup records exceeds the maximum (1000)"),
        (None, "can't be read"),
    ],
)
def test_a_version_whose_warm_up_fails_is_left_out(
    versions: Versions, folder: Path, toy_folder: Path, said: list[str], texts: list[str] | None, message: str
) -> None:
    for number, records in ((2, ["a", "b"]), (3, texts)):
        shutil.copytree(toy_folder / "2", folder / str(number))
        warm_up_records(folder / str(number), records or [])
        if records is None:
            (folder / str(number) / WARMUP).write_bytes(b"no record" * 9)
        versions.poll()
    assert served_by(versions) == 2
    assert said[1] == "serving version 2 of toy (2 warm-up requests)"
    assert message in said[-1]


Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a models.config whose only model is the toy with some more fields."""

    def write(fields: str) -> Path:
        path = tmp_path / "models.config"
        path.write_text(f'model_config_list {{ config {{ name: "toy" {fields} }} }}')
        return path

    return write


@pytest.mark.parametrize(
    ("fields", "served"),
    [
        ("", {3}),
        ("model_version_policy { latest { num_versions: 2 } }", {2, 3}),
        ("model_version_policy { specific { versions: 1 versions: 9 } }", {1}),
        ("model_version_policy { all {} }", {1, 2, 3}),
    ],
)
def test_policies(write: Write, fields: str, served: set[int]) -> None:
    (model,) = read_config(write(fields))
    assert model.policy({1, 2, 3}) == served


def test_labels(write: Write, folder: Path) -> None:
    fields = (
        f'base_path: "{folder}" version_labels {{ key: "stable" value: 1 }} version_labels {{ key: "next" value: 2 }}'
    )
    store = Store(read_config(write(fields)), 100, lambda line: None)
    assert store.get(ModelSpec(name="toy", version_label="stable")).version == 1
    with pytest.raises(ServingError, match=r"Servable not found for request: Specific\(toy, 2\)"):
        store.get(ModelSpec(name="toy", version_label="next"))


def test_a_folder_that_cannot_be_listed_is_looked_at_again(tmp_path: Path) -> None:
    versions = Versions(ConfiguredModel("toy", tmp_path / ("a name that is too long" * 20)), 100, print)
    versions.poll()
    assert versions.get(None) is None


@pytest.mark.parametrize("text", ["model_config_list {", "model_config_list {}", "models {}"])
def test_a_wrong_config_is_a_users_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "models.config"
    path.write_text(text)
    with pytest.raises(UserError, match=f"--config {path} "):
        read_config(path)


@pytest.mark.parametrize("content", ["", "1", "model"])
def test_a_folder_that_is_no_model_is_a_users_error(tmp_path: Path, content: str) -> None:
    folder = tmp_path / "toy"
    folder.mkdir()
    if content == "1":
        (folder / "1").mkdir()
    elif content:
        (folder / "saved_model.pb").write_bytes(b"")
    message = {
        "": "is no model: it holds no version",
        "1": "No version of .* can be served: .*it holds no saved_model.pb",
        "model": f"is one version of a model: name the folder that holds its versions, {tmp_path}",
    }
    with pytest.raises(UserError, match=message[content]):
        Store([ConfiguredModel("toy", folder)], 100, lambda line: None)
