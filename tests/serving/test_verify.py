"""`verify` on exports that are right, and on ones that are wrong in one way each."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from supportnet.savedmodel.signatures import WARMUP, record
from supportnet.serving.verify.running_checks import (
    CRuntime,
    CRuntimeError,
    Request,
    batch_invariance,
    compare,
    nasty_strings,
    running_checks,
    warm_up,
)
from supportnet.serving.verify.static_checks import (
    Check,
    SavedModelFiles,
    assets,
    operations,
    signatures,
    size,
    static_checks,
)

TEXT = tf.TensorSpec([None], tf.string, name="text")


class Faulty(tf.Module):
    """A model that fails every check that one of its own can fail."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = [tf.Variable(tf.range(5000.0)) for _ in range(2)]

    @tf.function(input_signature=[TEXT])
    def batch(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Depends on the batch, and on the length."""
        size = tf.cast(tf.size(text), tf.float32)
        return {
            "score": tf.fill(tf.shape(text), size) / tf.cast(tf.strings.length(text), tf.float32),
            "cut": tf.strings.substr(text, 0, 4),
        }

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.string, name="message")])
    def shapes(self, message: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"answer_bytes": message[:, 0], "total": tf.reduce_sum(self.numbers[0] + self.numbers[1])}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
    def classify_examples(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"label": inputs}

    @tf.function(input_signature=[TEXT], jit_compile=True)
    def compiled(self, text: tf.Tensor) -> tf.Tensor:
        return tf.zeros(tf.shape(text))

    @tf.function(input_signature=[TEXT])
    def fast(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"zeros": self.compiled(text)}


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> SavedModelFiles:
    module, folder = Faulty(), tmp_path_factory.mktemp("faulty")
    names = ("batch", "shapes", "classify_examples", "fast")
    tf.saved_model.save(module, str(folder), signatures={name: getattr(module, name) for name in names})
    return SavedModelFiles(folder)


@pytest.fixture
def copied(tiny_export: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_export, tmp_path / "1"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tiny_export", "tiny_suggestions", "tiny_replies"])
def test_what_supportnet_exports_passes(name: str, request: pytest.FixtureRequest) -> None:
    model = SavedModelFiles(request.getfixturevalue(name))
    checks = {check.name: check for check in (*static_checks(model), *running_checks(model))}
    assert {name: check.says for name, check in checks.items() if check.passed is False} == {}
    figures = {"cold start", *(f"latency of {signature}" for signature in model.signatures)}
    assert {name for name, check in checks.items() if check.passed is None} == figures
    assert set(checks) - figures == {
        *("operations", "no compiler", "signatures", "assets", "size"),
        *("warm-up", "batch invariance", "nasty strings"),
    }
    assert checks["warm-up"].figures["records"] == 2 * len(model.signatures)
    for name in figures - {"cold start"}:
        assert 0 < checks[name].figures["seconds"] <= checks[name].figures["first_seconds"] + 1


def test_signatures_that_a_server_cannot_pass_on(faulty: SavedModelFiles) -> None:
    found = signatures(faulty)
    assert found.passed is False
    for problem in (
        "there is no serving_default",
        "shapes: the input message is not known",
        "shapes: the input message must have rank 1",
        "shapes: no input takes messages",
        "shapes: the text output answer_bytes would be sent as base64",
        "shapes: the output total has no row for each message",
        "classify_examples: the Classify API takes classes and scores, not label",
    ):
        assert problem in found.says


def test_a_compiled_function(faulty: SavedModelFiles) -> None:
    found = {check.name: check for check in operations(faulty)}
    assert found["operations"].passed is True
    assert found["no compiler"].passed is False
    assert "compiled" in found["no compiler"].says


def test_a_variable_that_is_stored_twice(faulty: SavedModelFiles) -> None:
    found = size(faulty)
    assert found.passed is False
    assert found.figures["parameters_bytes"] == 4 * 5000


def test_answers_that_depend_on_the_batch_or_are_none(faulty: SavedModelFiles) -> None:
    with CRuntime(faulty) as runtime:
        invariance = batch_invariance(faulty, runtime, ["batch"])
        nasty = nasty_strings(faulty, runtime, ["batch"])
    assert (invariance.passed, invariance.says) == (False, "batch: score differs")
    # 1 / 0 is no number; four bytes of a text may end within a character.
    assert nasty.passed is False
    assert "batch, empty: score can't be used" in nasty.says
    assert "batch, invalid UTF-8: cut can't be used" in nasty.says


def test_a_compiled_function_fails_where_the_compiler_is_off(faulty: SavedModelFiles) -> None:
    with CRuntime(faulty) as runtime, pytest.raises(CRuntimeError):
        runtime.ask([Request("fast", {"text": np.array([b"hello"], object)})])


def test_files_that_are_missing(copied: Path) -> None:
    (copied / "assets" / "vocabulary.txt").write_bytes(b"")
    (copied / WARMUP).unlink()
    model = SavedModelFiles(copied)
    assert assets(model) == Check("assets", False, f"missing or empty: assets/vocabulary.txt, {WARMUP}")
    shutil.rmtree(copied / "variables")
    assert "can't be read" in size(model).says
    (load,) = running_checks(model)
    assert (load.name, load.passed) == ("load", False)
    assert load.says.startswith("TensorFlow's C API can't load it: ")


@pytest.fixture(scope="module")
def tiny_runtime(tiny_export: Path) -> Any:
    with CRuntime(SavedModelFiles(tiny_export)) as runtime:
        yield runtime


def broken(data: list[bytes]) -> list[bytes]:
    return [b"no record", *data]


def without_the_last(data: list[bytes]) -> list[bytes]:
    return data[:-1]


def of_another_signature(data: list[bytes]) -> list[bytes]:
    return [*data, record("reply", {"text": np.array([b"hello"], object)}).SerializeToString()]


def of_another_input(data: list[bytes]) -> list[bytes]:
    log = PredictionLog.FromString(data[0])
    log.predict_log.request.inputs["tag"].CopyFrom(log.predict_log.request.inputs["text"])
    return [log.SerializeToString(), *data]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (broken, "the records can't be read"),
        (without_the_last, "no record for serving_default with 16"),
        (of_another_signature, "the model has no signature reply"),
        (of_another_input, "a record gives classify the inputs tag, text"),
    ],
)
def test_a_warm_up_that_would_not_do(
    change: Callable[[list[bytes]], list[bytes]], says: str, copied: Path, tiny_runtime: CRuntime
) -> None:
    data = list(tf.data.TFRecordDataset(str(copied / WARMUP)).as_numpy_iterator())
    with tf.io.TFRecordWriter(str(copied / WARMUP)) as writer:
        for line in change(data):
            writer.write(line)
    found = warm_up(SavedModelFiles(copied), tiny_runtime)
    assert found.passed is False
    assert says in found.says


def test_the_process_that_loads_is_gone(tiny_export: Path) -> None:
    with CRuntime(SavedModelFiles(tiny_export)) as runtime:
        runtime._process.kill()
        with pytest.raises(CRuntimeError, match="the process ended"):
            runtime.ask([Request("embed", {"text": np.array([b"hello"], object)})])


def test_a_graph_for_something_else(copied: Path) -> None:
    file = copied / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    saved.meta_graphs[0].meta_info_def.tags[:] = ["train"]
    file.write_bytes(saved.SerializeToString())
    with pytest.raises(ValueError, match="no graph with the tag serve"):
        SavedModelFiles(copied)


def test_as_good_as_equal() -> None:
    scores = np.array([[0.5, 0.3, 0.3 - 1e-6]], "float32")
    left = {"intents": np.array([[b"a", b"b", b"c"]], object), "scores": scores}
    right = {"intents": np.array([[b"a", b"c", b"b"]], object), "scores": scores}
    assert compare(left, right) == (0.0, [])
    swapped = {"intents": np.array([[b"b", b"a", b"c"]], object), "scores": scores}
    assert compare(left, swapped) == (0.0, ["intents"])
    assert compare({"n": np.array([1])}, {"n": np.array([2])}) == (0.0, ["n"])
    assert compare({"n": np.array([1])}, {"n": np.array([1, 1])}) == (0.0, ["n"])
    assert compare({"x": np.array([1.0])}, {"x": np.array([1.5])}) == (0.5, ["x"])
