"""Weights from safetensors files."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file
from tiny_encoders import CONFIGS, DEPTH, LAYERS, PARTS, Tensors, tensors_of, write_folder, write_json

from supportnet.errors import UserError
from supportnet.pretrained import read_folder
from supportnet.pretrained.tensors import Array, read_weights

WORDS = "embeddings.word_embeddings.weight"
FILE = "model.safetensors"


def weights_of(path: Path, kind: str = "bert", tensors: Tensors | None = None) -> dict[str, Array]:
    return read_weights(read_folder(write_folder(path, kind, tensors)))


def error(path: Path) -> str:
    with pytest.raises(UserError) as raised:
        read_weights(read_folder(path))
    assert "\n" not in str(raised.value)
    return str(raised.value)


def assert_same(found: dict[str, Array], expected: dict[str, Array]) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == "float32"
        np.testing.assert_array_equal(found[name], array, err_msg=name)


@pytest.mark.parametrize("kind", CONFIGS)
def test_names_and_shapes(kind: str, tmp_path: Path) -> None:
    tensors, weights = tensors_of(kind), weights_of(tmp_path, kind)
    assert len(weights) == 4 + 12 * LAYERS
    np.testing.assert_array_equal(weights["words"], tensors[WORDS])
    query, key, value = (tensors[f"{name.format(1)}.weight"] for name in PARTS[kind][:3])
    np.testing.assert_array_equal(weights["block_1/input/kernel"], np.concatenate([query.T, key.T, value.T], 1))
    np.testing.assert_array_equal(weights["block_0/expand/kernel"], tensors[f"{PARTS[kind][5].format(0)}.weight"].T)
    types = tensors["embeddings.token_type_embeddings.weight"][0] if kind == "bert" else 0.0
    np.testing.assert_array_equal(weights["positions"], tensors["embeddings.position_embeddings.weight"] + types)


def test_fewer_positions(tmp_path: Path) -> None:
    whole = weights_of(tmp_path)
    cut = read_weights(read_folder(tmp_path, max_length=3))
    assert_same(cut, {**whole, "positions": whole["positions"][:3]})


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_model_with_a_head(kind: str, tmp_path: Path) -> None:
    named = {f"{kind}.{name}": tensor for name, tensor in tensors_of(kind).items()}
    others = {"cls.predictions.bias": np.ones(3, "float32"), f"{kind}.embeddings.position_ids": np.arange(7)[None]}
    assert_same(weights_of(tmp_path / "head", kind, {**named, **others}), weights_of(tmp_path / "plain", kind))


def test_older_names(tmp_path: Path) -> None:
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in tensors_of("bert").items()
    }
    assert_same(weights_of(tmp_path / "old", tensors=old), weights_of(tmp_path / "new"))


@pytest.mark.parametrize("dtype", [np.float64, np.float16, ml_dtypes.bfloat16])
def test_dtypes(dtype: type, tmp_path: Path) -> None:
    tensors = tensors_of("distilbert")
    rounded = {name: tensor.astype(dtype).astype("float32") for name, tensor in tensors.items()}
    given = {name: tensor.astype(dtype) for name, tensor in tensors.items()}
    assert_same(weights_of(tmp_path / "a", "distilbert", given), weights_of(tmp_path / "b", "distilbert", rounded))


def sharded(path: Path) -> Path:
    """A folder whose weights are in two files."""
    tensors = tensors_of("bert")
    write_folder(path, tensors={})
    (path / FILE).unlink()
    halves = {
        "model-00001-of-00002.safetensors": list(tensors)[::2],
        "model-00002-of-00002.safetensors": list(tensors)[1::2],
    }
    for file, names in halves.items():
        save_file({name: tensors[name] for name in names}, path / file)
    weight_map = {name: file for file, names in halves.items() for name in names}
    write_json(path / f"{FILE}.index.json", {"metadata": {}, "weight_map": weight_map})
    return path


def test_several_files(tmp_path: Path) -> None:
    assert_same(read_weights(read_folder(sharded(tmp_path / "two"))), weights_of(tmp_path / "one"))


def test_indexes_that_are_refused(tmp_path: Path) -> None:
    index = sharded(tmp_path) / f"{FILE}.index.json"
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    assert f"model-00002-of-00002.safetensors is missing, which {index} names" in error(tmp_path)
    for weight_map in ({}, ["a"]):
        write_json(index, {"weight_map": weight_map})
        assert "must hold a weight_map" in error(tmp_path)
    for name in ("../other.safetensors", 3):
        write_json(index, {"weight_map": {WORDS: name}})
        assert f"weights must be in files beside it. Received: {name!r}" in error(tmp_path)


def test_no_weights(tmp_path: Path) -> None:
    (write_folder(tmp_path) / FILE).unlink()
    assert f"{FILE} is missing, and weights of another form" in error(tmp_path)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "weights.pt"])
def test_pickles_are_refused(name: str, tmp_path: Path) -> None:
    (write_folder(tmp_path) / FILE).unlink()
    (tmp_path / name).write_bytes(b"\x80\x04.")
    refused = error(tmp_path)
    assert f"{tmp_path / name} is pickled" in refused
    assert "save_pretrained" in refused


def _lying_length(data: bytes) -> bytes:
    return (2**40).to_bytes(8, "little") + data[8:]


def _lying_shape(data: bytes) -> bytes:
    return data.replace(b'"shape":[11,8]', b'"shape":[11,9]')


def _pickled(data: bytes) -> bytes:
    return b"\x80\x04" + data


def _cut(size: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:size]


@pytest.mark.parametrize(
    "damage", [_cut(0), _cut(5), _cut(60), _cut(-1), _lying_length, _lying_shape, _pickled], ids=range(7)
)
def test_damaged_files(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    file = write_folder(tmp_path) / FILE
    file.write_bytes(damage(file.read_bytes()))
    assert f"{file} can't be read: it is damaged or no safetensors file" in error(tmp_path)


def test_a_tensor_that_is_missing(tmp_path: Path) -> None:
    tensors = tensors_of("bert")
    del tensors["encoder.layer.1.output.dense.bias"]
    missing = error(write_folder(tmp_path, tensors=tensors))
    assert (
        f"no file of weights has the tensor encoder.layer.1.output.dense.bias, which {tmp_path / 'config.json'}"
        in missing
    )
    assert "encoder.layer.2.attention.self.query.weight" in error(write_folder(tmp_path, num_hidden_layers=3))


@pytest.mark.parametrize(
    ("name", "shape", "stated"),
    [
        (WORDS, (10, 8), "[11, 8]"),
        ("embeddings.position_embeddings.weight", (6, 8), "[7, 8]"),
        ("embeddings.token_type_embeddings.weight", (1, 8), "[2, 8]"),
        ("embeddings.LayerNorm.bias", (1,), "[8]"),
        ("encoder.layer.0.intermediate.dense.weight", (8, 12), "[12, 8]"),
        ("encoder.layer.1.attention.self.key.bias", (8, 1), "[8]"),
    ],
)
def test_a_tensor_of_another_shape(name: str, shape: tuple[int, ...], stated: str, tmp_path: Path) -> None:
    tensors = {**tensors_of("bert"), name: np.zeros(shape, "float32")}
    found = error(write_folder(tmp_path, tensors=tensors))
    assert (
        f"the tensor {name} has the shape {list(shape)}, but by {tmp_path / 'config.json'} it must be {stated}" in found
    )


def test_tensors_that_are_no_numbers(tmp_path: Path) -> None:
    tensors = {**tensors_of("bert"), WORDS: np.zeros((11, DEPTH), "int8")}
    assert f"the tensor {WORDS} must be one of F64, F32, F16, BF16. Received: I8" in error(
        write_folder(tmp_path, tensors=tensors)
    )
    tensors[WORDS] = np.full((11, DEPTH), np.inf, "float32")
    assert f"the tensor {WORDS} holds numbers that aren't finite" in error(write_folder(tmp_path, tensors=tensors))


def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(tmp_path)
    monkeypatch.setitem(sys.modules, "safetensors", None)
    assert "pip install 'supportnet[pretrained]'" in error(tmp_path)


def test_the_header_is_json(tmp_path: Path) -> None:
    """The damage above does what its name says."""
    data = (write_folder(tmp_path) / FILE).read_bytes()
    assert WORDS in json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert _lying_shape(data) != data
