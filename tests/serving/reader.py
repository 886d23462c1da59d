"""Ask exported models in a fresh Python that can't import what trained them.

    python reader.py tf2|tf1 FOLDER... < requests.json > answers.json

Standard input is a list for each folder, of pairs: the name of a signature, and its inputs by name, each a dtype and a
list of values, texts in base64. Standard output is a list for each folder of what the signatures answer: name of the
output -> its `shape` and its `values` in one flat list.
"""

import base64
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Run = Callable[..., Mapping[str, np.ndarray]]


def tf2(folder: str) -> Run:
    """Load as TensorFlow 2 does."""
    import tensorflow as tf

    module = tf.saved_model.load(folder)
    dtypes = {"object": tf.string, "float32": tf.float32, "int32": tf.int32}

    def run(signature: str, **inputs: np.ndarray) -> Mapping[str, np.ndarray]:
        outputs = module.signatures[signature](
            **{name: tf.constant(values, dtypes[values.dtype.name]) for name, values in inputs.items()}
        )
        return {name: output.numpy() for name, output in outputs.items()}

    return run


def tf1(folder: str) -> Run:
    """Load a graph and run it in a session, with the names that the signatures give."""
    import tensorflow as tf

    session = tf.compat.v1.Session(graph=tf.Graph())
    with session.graph.as_default():
        signatures = tf.compat.v1.saved_model.load(session, ["serve"], folder).signature_def

    def run(signature: str, **given: np.ndarray) -> Mapping[str, np.ndarray]:
        inputs, outputs = signatures[signature].inputs, signatures[signature].outputs
        wanted = {name: info.name for name, info in outputs.items()}
        return session.run(wanted, {inputs[name].name: values for name, values in given.items()})

    return run


READERS = {"tf2": tf2, "tf1": tf1}


def as_input(dtype: str, values: list[Any]) -> np.ndarray:
    return np.array([base64.b64decode(text) for text in values] if dtype == "object" else values, dtype)


def as_json(array: np.ndarray) -> dict[str, Any]:
    values = [value.decode() if isinstance(value, bytes) else value for value in array.ravel().tolist()]
    return {"shape": list(array.shape), "values": values}


def answer(run: Run, signature: str, inputs: dict[str, Any]) -> dict[str, Any]:
    outputs = run(signature, **{name: as_input(*pair) for name, pair in inputs.items()})
    return {name: as_json(np.asarray(output)) for name, output in outputs.items()}


def main() -> None:
    how, *folders = sys.argv[1:]
    blocked = ["supportnet", "keras"]
    # Python refuses to import what stands as None here, and its parts.
    sys.modules.update(dict.fromkeys(blocked))
    answers = [
        [answer(run, signature, inputs) for signature, inputs in requests]
        for run, requests in zip(map(READERS[how], folders), json.load(sys.stdin), strict=True)
    ]
    assert not any(map(sys.modules.get, blocked))
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
