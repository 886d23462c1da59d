"""Decoding in a SavedModel: core operations only, and the same replies in a process that has no Keras."""

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from toy_decoders import Network, pick_rows

from supportnet.serving.verify.static_checks import OPERATIONS
from supportnet.tasks.reply.decoding import Decoded, DecodingOptions, beam_search, greedy
from supportnet.tasks.reply.writer import sample

OPTIONS = DecodingOptions(max_length=10, min_length=2, no_repeat_ngram=3)

#: Reads the messages, and prints what each signature answers.
READER = """
import json, sys
sys.modules.update(keras=None, supportnet=None)
import tensorflow as tf
module = tf.saved_model.load(sys.argv[1])
inputs = {name: tf.constant(values, type) for name, (values, type) in json.load(sys.stdin).items()}
inputs["message"] = tf.reshape(inputs["message"], (-1, 3, 8))
answers = {}
for name, function in module.signatures.items():
    takes = function.structured_input_signature[1]
    outputs = function(**{key: value for key, value in inputs.items() if key in takes})
    answers[name] = {key: value.numpy().tolist() for key, value in outputs.items()}
json.dump(answers, sys.stdout)
"""


class Exported(tf.Module):
    """A network with a signature for each way of decoding, and the same as functions."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        floats = {name: tf.TensorSpec([None], name=name) for name in ("temperature", "top_p")}
        message = {"message": tf.TensorSpec([None, 3, 8], name="message")}
        seed = {"seed": tf.TensorSpec([None], tf.int64, "seed")}
        self.functions = {
            name: tf.function(getattr(self, name)).get_concrete_function(**message, **(more or {}))
            for name, more in {"greedily": None, "by_beam": None, "by_lot": {**floats, **seed}}.items()
        }

    def greedily(self, message: Any) -> dict[str, Any]:
        return self.answer(greedy(self.network.step, self.network.read(message), tf.shape(message)[0], OPTIONS))

    def by_beam(self, message: Any) -> dict[str, Any]:
        state, rows = self.network.read(message), tf.shape(message)[0]
        return self.answer(beam_search(self.network.step, state, pick_rows, rows, OPTIONS, width=4))

    def by_lot(self, message: Any, temperature: Any, top_p: Any, seed: Any) -> dict[str, Any]:
        state, rows = self.network.read(message), tf.shape(message)[0]
        return self.answer(sample(self.network.step, state, rows, OPTIONS, temperature, top_p, seed))

    def answer(self, replies: Decoded) -> dict[str, Any]:
        return replies._asdict()


@pytest.fixture(scope="module")
def exported() -> Exported:
    # More tokens than sampling looks at first.
    return Exported(Network(seed=20, rows=7, vocab_size=200))


@pytest.fixture(scope="module")
def folder(exported: Exported, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = str(tmp_path_factory.mktemp("decoding"))
    tf.saved_model.save(exported, folder, signatures=exported.functions)
    return folder


@pytest.mark.slow
def test_only_core_operations_are_used(folder: str) -> None:
    done = subprocess.run([sys.executable, "-P", OPERATIONS, folder], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["problems"] == {}


@pytest.mark.slow
@pytest.mark.parametrize("rows", [0, 1, 7])
def test_the_same_replies_without_keras(exported: Exported, folder: str, rows: int) -> None:
    message = exported.network.message[:rows]
    values = {
        "message": (message.ravel().tolist(), "float32"),
        "temperature": (np.linspace(0, 2, rows).tolist(), "float32"),
        "top_p": (np.linspace(1, 0.5, rows).tolist(), "float32"),
        "seed": (list(range(rows)), "int64"),
    }
    done = subprocess.run(
        [sys.executable, "-c", READER, folder], input=json.dumps(values), capture_output=True, text=True, check=True
    )
    answers = json.loads(done.stdout)
    tensors = {name: tf.constant(given, type) for name, (given, type) in values.items()} | {"message": message}
    eagerly = {
        "greedily": exported.greedily(message),
        "by_beam": exported.by_beam(message),
        "by_lot": exported.by_lot(**tensors),
    }
    assert answers.keys() == eagerly.keys()
    for name, expected in eagerly.items():
        assert answers[name]["ids"] == expected["ids"].numpy().tolist()
        assert answers[name]["length"] == expected["length"].numpy().tolist()
        np.testing.assert_allclose(answers[name]["score"], expected["score"], rtol=1e-5)
