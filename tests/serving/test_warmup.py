"""Warm-up records: one for every signature and batch size, in TensorFlow Serving's own messages, that all succeed."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from supportnet.errors import UserError
from supportnet.savedmodel.signatures import WARMUP, inputs_of, read_warmup
from supportnet.serving.saved_models import write_version

TEXT = tf.TensorSpec([None], tf.string, name="text")
EXAMPLES = tf.TensorSpec([None], tf.string, name="inputs")


class Module(tf.Module):
    """A model of two signatures, one for the Classify API; `most` is the largest batch that it takes."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    @tf.function(input_signature=[TEXT])
    def length(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        with tf.control_dependencies([tf.debugging.assert_less_equal(tf.size(text), self.most, "too many")]):
            return {"length": tf.strings.length(text)}

    @tf.function(input_signature=[EXAMPLES])
    def classify_examples(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        features = tf.io.parse_example(inputs, {"text": tf.io.FixedLenFeature([], tf.string)})
        return {"classes": features["text"][:, None]}


def save(most: int) -> Callable[[Path], None]:
    module = Module(most)
    signatures = {"serving_default": module.length, "classify_examples": module.classify_examples}
    return lambda folder: tf.saved_model.save(module, str(folder), signatures=signatures)


def records(folder: Path) -> list[PredictionLog]:
    return [
        PredictionLog.FromString(data) for data in tf.data.TFRecordDataset(str(folder / WARMUP)).as_numpy_iterator()
    ]


def test_every_signature_is_asked(tiny_export: Path, tiny_suggestions: Path, tiny_replies: Path) -> None:
    for folder in (tiny_export, tiny_suggestions, tiny_replies):
        signatures = tf.saved_model.load(str(folder)).signatures
        requests = [record.predict_log.request for record in records(folder) if record.HasField("predict_log")]
        asked = {
            (request.model_spec.signature_name, request.inputs["text"].tensor_shape.dim[0].size): request
            for request in requests
        }
        predicted = sorted(set(signatures) - {"classify_examples"})
        assert sorted(asked) == [(name, size) for name in predicted for size in (1, 16)]
        for (name, size), request in asked.items():
            wanted = signatures[name].structured_input_signature[1]
            assert set(request.inputs) == set(wanted)
            for key, tensor in request.inputs.items():
                assert (tensor.dtype, tf.make_ndarray(tensor).shape) == (wanted[key].dtype, (size,))


def test_the_classify_api_is_asked_with_examples(tmp_path: Path) -> None:
    folder = write_version(tmp_path / "model", save(most=16))
    logs = records(folder)
    assert [log.WhichOneof("log_type") for log in logs] == ["classify_log"] * 2 + ["predict_log"] * 2
    classify = [log.classify_log.request for log in logs[:2]]
    assert [request.model_spec.signature_name for request in classify] == ["classify_examples"] * 2
    assert [len(request.input.example_list.examples) for request in classify] == [1, 16]
    assert classify[0].input.example_list.examples[0].features.feature["text"].bytes_list.value[0].startswith(b"Where")
    names, inputs = zip(*read_warmup(folder), strict=True)
    assert names == ("classify_examples", "classify_examples", "serving_default", "serving_default")
    assert inputs[1]["inputs"].tolist() == [
        example.SerializeToString(deterministic=True) for example in classify[1].input.example_list.examples
    ]


def test_a_record_that_fails_fails_the_export(tmp_path: Path) -> None:
    write_version(tmp_path / "model", save(most=16))
    with pytest.raises(UserError, match=r"warm-up record of serving_default fails \(assertion failed: \[too many\]"):
        write_version(tmp_path / "model", save(most=15))
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["1"]


def test_inputs() -> None:
    dtypes = {"text": tf.string, "temperature": tf.float32, "top_p": tf.float32, "seed": tf.int32, "tag": tf.string}
    inputs = inputs_of(dtypes, [b"hello", b"\xff"])
    assert inputs["text"].tolist() == [b"hello", b"\xff"]
    assert {name: values.dtype for name, values in inputs.items() if name != "text"} == {
        "temperature": np.float32,
        "top_p": np.float32,
        "seed": np.int32,
        "tag": object,
    }
    assert {values.shape for values in inputs.values()} == {(2,)}
    assert {values.shape for values in inputs_of(dtypes, []).values()} == {(0,)}
