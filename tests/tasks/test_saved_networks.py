"""Backbones and networks as `.keras` files: a new process reads them, and they give the same."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest

from supportnet.architectures import encoder_names
from supportnet.backbones import Backbone
from supportnet.config import NetworkConfig
from supportnet.tasks.attributes.network import build_network as build_attributes
from supportnet.tasks.classify.network import build_network as build_classify
from supportnet.tasks.reply.network import build_network as build_reply
from supportnet.tasks.suggest.network import build_network as build_suggest
from supportnet.tasks.suggest.network import of_side
from supportnet.text.preprocessor import TextFrontEnd

SMALL: dict[str, Any] = {"embedding_dim": 8, "hidden_dim": 8, "num_heads": 2, "num_buckets": 50, "num_pairs": 30}
READ = TextFrontEnd(["where", "is", "my", "parcel"], num_buckets=50)
MESSAGES, REPLIES = READ(["where is my parcel?", ""]), READ(["It is late.", "Bye.", "We don't know."])
PIECES = {"pieces": keras.ops.array([[1, 7, 5], [1, 8, 0]], "int32")}


class Case(NamedTuple):
    """A network, what it reads, and the modules that a process imports to load it."""

    name: str
    build: Callable[[NetworkConfig, Backbone], keras.Model]
    inputs: dict[str, Any]
    architectures: list[str]
    modules: tuple[str, ...] = ("supportnet.layers", "supportnet.backbones")


CASES = [
    Case("backbone", lambda config, backbone: backbone, MESSAGES, [*encoder_names(), "gpt"]),
    Case("classify", lambda config, backbone: build_classify(config, backbone, 5), MESSAGES, encoder_names()),
    Case("attributes", lambda config, backbone: build_attributes(config, backbone, [3, 2]), MESSAGES, encoder_names()),
    Case(
        "suggest",
        lambda config, backbone: build_suggest(config, backbone, num_labels=4),
        {**of_side("message", MESSAGES), **of_side("reply", REPLIES)},
        encoder_names(),
        # Its configuration is its own.
        ("supportnet.layers", "supportnet.backbones", "supportnet.tasks.suggest.network"),
    ),
    Case(
        "reply",
        lambda config, backbone: build_reply(config, backbone, num_pieces=9),
        {**MESSAGES, **PIECES},
        [*encoder_names(), "gpt"],
    ),
]

#: Its standard input lists pairs of an import and paths. Loads each model, calls it and keeps its outputs.
READER = """
import json
import sys
from importlib import import_module
from pathlib import Path

import keras
import numpy as np
import supportnet

for modules, paths in json.load(sys.stdin):
    for module in modules:
        import_module(module)
    load = keras.saving.load_model if modules else supportnet.load_model
    for path in map(Path, paths):
        outputs = load(path)(dict(np.load(path.with_suffix(".npz"))))
        np.savez(path.with_suffix(".outputs.npz"), **{k: keras.ops.convert_to_numpy(v) for k, v in outputs.items()})
"""


def build(case: Case, architecture: str) -> keras.Model:
    """A network whose weights are all random, those that are fitted too."""
    keras.utils.set_random_seed(0)
    config = NetworkConfig(architecture, **SMALL)
    network = case.build(config, Backbone(config, len(READ.vocabulary)))
    random = np.random.default_rng(0)
    network.set_weights([random.normal(scale=0.5, size=weight.shape) for weight in network.weights])
    return network


def numbers(tensors: dict[str, Any]) -> dict[str, np.ndarray]:
    return {name: keras.ops.convert_to_numpy(value) for name, value in tensors.items()}


def saved(case: Case, folder: Path) -> dict[Path, dict[str, np.ndarray]]:
    """Save the case's networks with their inputs; return their outputs by path."""
    expected = {}
    for architecture in case.architectures:
        network, path = build(case, architecture), folder / f"{architecture}.keras"
        network.save(path)
        np.savez(path.with_suffix(".npz"), **numbers(case.inputs))
        expected[path] = numbers(network(case.inputs))
    return expected


def check_new_process(groups: Sequence[tuple[Sequence[str], dict[Path, dict[str, np.ndarray]]]]) -> None:
    """Load models in a new process: for each group, the modules that it imports first, and the models' outputs."""
    asked = json.dumps([(modules, list(map(str, expected))) for modules, expected in groups])
    done = subprocess.run([sys.executable, "-c", READER], input=asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for path, outputs in (pair for _, expected in groups for pair in expected.items()):
        with np.load(path.with_suffix(".outputs.npz")) as found:
            assert set(found) == set(outputs)
            for name, value in outputs.items():
                np.testing.assert_array_equal(found[name], value, err_msg=f"{path.parent.name} {path.stem}: {name}")


def folder_of(case: Case, folder: Path) -> Path:
    own = folder / case.name
    own.mkdir(parents=True)
    return own


@pytest.mark.slow
def test_a_new_process_reads_them(tmp_path: Path) -> None:
    # What needs more modules comes last: they must not be there before.
    cases = sorted(CASES, key=lambda case: len(case.modules))
    check_new_process([(case.modules, saved(case, folder_of(case, tmp_path))) for case in cases])


@pytest.mark.slow
def test_load_model_imports_what_it_needs(tmp_path: Path) -> None:
    expected = {}
    for case in CASES:
        expected |= saved(case._replace(architectures=["bilstm_attention"]), folder_of(case, tmp_path))
    check_new_process([((), expected)])


def test_parts_are_found_by_name_in_what_is_loaded(tmp_path: Path) -> None:
    """A loaded network has its backbone, of the same configuration, which can be taken for another task."""
    network = build(CASES[1], "transformer")
    network.save(tmp_path / "network.keras")
    backbone = keras.saving.load_model(tmp_path / "network.keras").get_layer("backbone")
    assert isinstance(backbone, Backbone)
    assert backbone.config == network.get_layer("backbone").config
    assert backbone.same_as(network.get_layer("backbone"))
    other = build_reply(backbone.config, backbone, num_pieces=9)
    assert other.get_layer("backbone") is backbone


def test_the_configuration_is_json_that_makes_it_again() -> None:
    backbone = build(CASES[0], "conv")
    again = Backbone.from_config(json.loads(json.dumps(backbone.get_config())))
    assert (again.config, again.vocab_size, again.name) == (backbone.config, backbone.vocab_size, "backbone")
    assert [weight.shape for weight in again.weights] == [weight.shape for weight in backbone.weights]
    assert not again.same_as(backbone)
    again.set_weights(backbone.get_weights())
    assert again.same_as(backbone)
    wider = Backbone(backbone.config, backbone.vocab_size + 1)
    assert not wider.same_as(backbone)
