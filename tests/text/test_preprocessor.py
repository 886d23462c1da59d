"""The contract of preprocessors, on one that reads the bytes of texts."""

from typing import Any, ClassVar

import keras
import numpy as np
import pytest
import tensorflow as tf

from supportnet.errors import UserError
from supportnet.text.preprocessor import Preprocessor, TextFrontEnd

TEXTS = ["abc", "", "é"]


class Bytes(Preprocessor):
    """The bytes of texts; a byte's id is its value and 1."""

    specs: ClassVar = {
        "token_ids": ((None, None), "int32"),
        "mask": ((None, None), "bool"),
        "real_ids": ((None,), "int32"),
    }
    table = 1

    def features(self, texts: Any, table: Any) -> dict[str, Any]:
        token_ids = tf.io.decode_raw(texts, tf.uint8, fixed_length=self.max_length)
        mask = tf.sequence_mask(tf.strings.length(texts), self.max_length)
        ids = tf.where(mask, tf.cast(token_ids, tf.int32) + table, 0)
        return {"token_ids": ids, "mask": mask, "real_ids": ids[mask]}


def test_lists_and_tensors_are_read_alike() -> None:
    read = Bytes(max_length=4, text_mode="bytes")
    for texts in (TEXTS, np.array(TEXTS, object), tf.constant(TEXTS)):
        assert read(texts)["token_ids"].numpy().tolist() == [[98, 99, 100, 0], [0] * 4, [196, 170, 0, 0]]
    assert read([])["mask"].shape == (0, 4)


def test_another_table_is_used_instead_of_its_own() -> None:
    ids = Bytes(max_length=2, text_mode="bytes").features(tf.constant(["a"]), 2)["token_ids"]
    assert ids.numpy().tolist() == [[99, 0]]


def test_a_network_takes_inputs_made_from_the_specs() -> None:
    for read in (Bytes(max_length=4, text_mode="bytes"), TextFrontEnd(["abc"])):
        inputs = {name: keras.Input(shape[1:], dtype=dtype, name=name) for name, (shape, dtype) in read.specs.items()}
        features = read(TEXTS)
        outputs = keras.Model(inputs, {name: keras.ops.copy(tensor) for name, tensor in inputs.items()})(features)
        assert {name: value.numpy().tolist() for name, value in outputs.items()} == {
            name: value.numpy().tolist() for name, value in features.items()
        }


def test_symbolic_tensors_know_the_size_of_the_batch() -> None:
    tensors = Bytes(max_length=4, text_mode="bytes")(keras.Input((), batch_size=3, dtype="string"))
    shapes = {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()}
    assert shapes == {"token_ids": ((3, None), "int32"), "mask": ((3, None), "bool"), "real_ids": ((None,), "int32")}


def test_config_makes_the_same_layer() -> None:
    read = Bytes(max_length=4, text_mode="bytes", name="bytes")
    again = Bytes.from_config(read.get_config())
    assert (again.name, again.max_length, again.text_mode, again.weights) == ("bytes", 4, "bytes", [])


def test_wrong_arguments_are_errors() -> None:
    with pytest.raises(UserError, match=r"max_length must be at least 1\. Received: max_length=0"):
        Bytes(max_length=0, text_mode="bytes")
    with pytest.raises(UserError, match="texts must be a list or an array of texts"):
        Bytes(max_length=4, text_mode="bytes")("abc")
    with pytest.raises(TypeError, match="abstract"):
        Preprocessor(max_length=4, text_mode="bytes")
