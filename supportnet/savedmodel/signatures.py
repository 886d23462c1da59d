"""Signatures of an export: their inputs, and the warm-up records that ask each of them.

TensorFlow Serving runs the records before it calls a version ready, so that nobody waits for it: the first request of
each signature costs a hundred times as much as a later one. A record that fails fails the load of the whole model, so
that all are run here before the version is published.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from supportnet.errors import UserError

#: Messages, string `[B]`.
TEXT = tf.TensorSpec([None], tf.string, name="text")
#: Tags or languages, one a message: TensorFlow Serving has no optional inputs.
TAG = tf.TensorSpec([None], tf.string, name="tag")
#: Options of a reply that is drawn, one a message.
TEMPERATURE, TOP_P = (tf.TensorSpec([None], tf.float32, name=name) for name in ("temperature", "top_p"))
SEED = tf.TensorSpec([None], tf.int32, name="seed")
#: Serialized `tf.train.Example`, with a feature `text` of one string: what TensorFlow Serving's Classify API sends.
EXAMPLES = tf.TensorSpec([None], tf.string, name="inputs")

#: All of them.
INPUTS = (TEXT, TAG, TEMPERATURE, TOP_P, SEED, EXAMPLES)

#: The name that TensorFlow Serving's Classify API wants a signature's method to have.
CLASSIFY_METHOD = "tensorflow/serving/classify"
#: Suffix of the signatures that answer the Classify API.
EXAMPLES_SUFFIX = "_examples"

#: Where the server looks for the records, in the folder of a version.
WARMUP = "assets.extra/tf_serving_warmup_requests"
BATCH_SIZES = (1, 16)
#: Short, long, without a word, in another script.
TEXTS = (
    "Where is my parcel?",
    "I was charged twice for the same order last week and nobody answers, please give me my money back. " * 10,
    "",
    "我要退款 👍",
)
#: What the inputs other than messages get, each one value a message.
OPTIONS = {"tag": b"en", "temperature": 1.0, "top_p": 0.9, "seed": 1}


def write_warmup(folder: Path) -> None:
    """Write the records of a SavedModel into its folder, and run them.

    For every signature there is one with each of `BATCH_SIZES` messages.

    Args:
        folder: of the version, which is not published yet.

    Raises:
        UserError: a record fails.

    Example (needs an export):
        >>> write_warmup(Path("saved_models/support/1"))
    """
    path = folder / WARMUP
    path.parent.mkdir(exist_ok=True)
    signatures = tf.saved_model.load(str(folder)).signatures
    specs = {name: function.structured_input_signature[1] for name, function in signatures.items()}
    with tf.io.TFRecordWriter(str(path)) as writer:
        for name, size in product(sorted(signatures), BATCH_SIZES):
            texts = [TEXTS[i % len(TEXTS)].encode() for i in range(size)]
            request = record(name, inputs_of({key: spec.dtype for key, spec in specs[name].items()}, texts))
            writer.write(request.SerializeToString(deterministic=True))
    for name, inputs in read_warmup(folder):
        try:
            signatures[name](**{key: tf.constant(values, specs[name][key].dtype) for key, values in inputs.items()})
        except tf.errors.OpError as error:
            # The operation and its place stand before what went wrong.
            reason = error.message.rpartition("<stack traces unavailable>\n")[2].partition("\n")[0]
            raise UserError(f"The model was not written: a warm-up record of {name} fails ({reason}).") from None


def read_warmup(folder: Path) -> Iterator[tuple[str, dict[str, npt.NDArray[Any]]]]:
    """Yield the signature and the inputs of every record.

    Raises:
        tf.errors.OpError: the file isn't there, or damaged.
        google.protobuf.message.DecodeError: a record isn't one.
    """
    for data in tf.data.TFRecordDataset(str(folder / WARMUP)).as_numpy_iterator():
        log = PredictionLog.FromString(data)
        if log.HasField("classify_log"):
            request = log.classify_log.request
            examples = [one.SerializeToString(deterministic=True) for one in request.input.example_list.examples]
            inputs = {EXAMPLES.name: np.array(examples, object)}
        else:
            request = log.predict_log.request
            inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        yield request.model_spec.signature_name, inputs


def inputs_of(dtypes: Mapping[str, Any], texts: Sequence[bytes]) -> dict[str, npt.NDArray[Any]]:
    """What a signature takes to be asked about messages.

    Args:
        dtypes: name of each input -> its dtype.
        texts: B messages.

    Returns:
        Name -> array `[B]`; strings are `bytes` objects.

    Example:
        >>> inputs_of({"text": tf.string, "seed": tf.int32}, [b"where is my parcel?"])
        {'text': array([b'where is my parcel?'], dtype=object), 'seed': array([1], dtype=int32)}
    """
    return {name: np.array(_values(name, texts), dtype.as_numpy_dtype) for name, dtype in dtypes.items()}


def record(name: str, inputs: Mapping[str, npt.NDArray[Any]]) -> PredictionLog:
    """Make the record of a request: which signature, and its inputs."""
    log = PredictionLog()
    if EXAMPLES.name in inputs:
        request = log.classify_log.request
        request.input.example_list.examples.extend(map(tf.train.Example.FromString, inputs[EXAMPLES.name]))
    else:
        request = log.predict_log.request
        for key, values in inputs.items():
            request.inputs[key].CopyFrom(tf.make_tensor_proto(values))
    request.model_spec.signature_name = name
    return log


def _values(name: str, texts: Sequence[bytes]) -> list[Any]:
    if name == EXAMPLES.name:
        return [_example(text) for text in texts]
    return [OPTIONS[name]] * len(texts) if name in OPTIONS else list(texts)


def _example(text: bytes) -> bytes:
    """A serialized example whose feature `text` is the message."""
    feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[text]))
    return tf.train.Example(features=tf.train.Features(feature={"text": feature})).SerializeToString(deterministic=True)
