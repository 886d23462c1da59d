"""Folders of tiny encoders with random weights, in the form of Hugging Face's, and what NumPy makes of them."""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

VOCAB, DEPTH, INNER, LAYERS, HEADS, POSITIONS = 11, 8, 12, 2, 2, 7

CONFIGS: dict[str, dict[str, Any]] = {
    "bert": {
        "model_type": "bert",
        "architectures": ["BertModel"],
        "vocab_size": VOCAB,
        "hidden_size": DEPTH,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "max_position_embeddings": POSITIONS,
        "type_vocab_size": 2,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "position_embedding_type": "absolute",
    },
    "distilbert": {
        "model_type": "distilbert",
        "architectures": ["DistilBertModel"],
        "vocab_size": VOCAB,
        "dim": DEPTH,
        "hidden_dim": INNER,
        "n_layers": LAYERS,
        "n_heads": HEADS,
        "max_position_embeddings": POSITIONS,
        "activation": "gelu",
    },
}
#: Kind -> names of a block's layers: queries, keys, values, output, norm, expand, contract, norm.
PARTS = {
    "bert": (
        *("encoder.layer.{}.attention.self.query", "encoder.layer.{}.attention.self.key"),
        *("encoder.layer.{}.attention.self.value", "encoder.layer.{}.attention.output.dense"),
        *("encoder.layer.{}.attention.output.LayerNorm", "encoder.layer.{}.intermediate.dense"),
        *("encoder.layer.{}.output.dense", "encoder.layer.{}.output.LayerNorm"),
    ),
    "distilbert": (
        *("transformer.layer.{}.attention.q_lin", "transformer.layer.{}.attention.k_lin"),
        *("transformer.layer.{}.attention.v_lin", "transformer.layer.{}.attention.out_lin"),
        *("transformer.layer.{}.sa_layer_norm", "transformer.layer.{}.ffn.lin1"),
        *("transformer.layer.{}.ffn.lin2", "transformer.layer.{}.output_layer_norm"),
    ),
}

LENGTHS = [6, 3, 1]
MASK = np.arange(6) < np.array(LENGTHS)[:, None]
IDS = np.where(MASK, [[2, 7, 10, 5, 5, 3], [2, 9, 3, 0, 0, 0], [4, 0, 0, 0, 0, 0]], 0).astype("int32")

Tensors = dict[str, np.ndarray]


def tensors_of(kind: str) -> Tensors:
    """The tensors of a folder; no two are alike, so that one that is mixed up shows."""
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (VOCAB, DEPTH),
        "embeddings.position_embeddings.weight": (POSITIONS, DEPTH),
        "embeddings.LayerNorm.weight": (DEPTH,),
        "embeddings.LayerNorm.bias": (DEPTH,),
    }
    if kind == "bert":
        shapes["embeddings.token_type_embeddings.weight"] = (2, DEPTH)
    inner = {5: (INNER, DEPTH), 6: (DEPTH, INNER)}
    for layer in range(LAYERS):
        for number, name in enumerate(PARTS[kind]):
            kernel = (DEPTH,) if number in (4, 7) else inner.get(number, (DEPTH, DEPTH))
            shapes |= {f"{name.format(layer)}.weight": kernel, f"{name.format(layer)}.bias": kernel[:1]}
    random = np.random.default_rng(0)
    return {name: random.normal(scale=0.5, size=shape).astype("float32") for name, shape in shapes.items()}


def write_folder(path: Path, kind: str = "bert", tensors: Tensors | None = None, **config: Any) -> Path:
    """Write a folder; tensors and parts of config.json may be others, None leaves a part out."""
    from safetensors.numpy import save_file

    path.mkdir(parents=True, exist_ok=True)
    whole = {name: value for name, value in {**CONFIGS[kind], **config}.items() if value is not None}
    write_json(path / "config.json", whole)
    write_json(path / "tokenizer.json", {})
    save_file(tensors_of(kind) if tensors is None else tensors, path / "model.safetensors", {"format": "pt"})
    return path


def write_reader(path: Path, words: Iterable[str], num_positions: int = 32, is_plain: bool = False) -> Path:
    """Write a folder whose tokenizer knows words, each a piece; the encoder has random weights, and its licence.

    With `is_plain`, its blocks add little, so that a text's vector is nearly the mean of its words'. Without, all texts
    get nearly the same vector.
    """
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *sorted(set(words)), *"abcdefghijklmnopqrstuvwxyz"]
    from tokenizers.implementations import BertWordPieceTokenizer

    random, tensors = np.random.default_rng(1), tensors_of("bert")
    for name, rows in (("word", len(pieces)), ("position", num_positions)):
        tensors[f"embeddings.{name}_embeddings.weight"] = random.normal(size=(rows, DEPTH)).astype("float32")
    if is_plain:
        tensors = {name: _plain(name, value) for name, value in tensors.items()}
    write_folder(path, "bert", tensors, vocab_size=len(pieces), max_position_embeddings=num_positions)
    tokenizer = BertWordPieceTokenizer(vocab={piece: number for number, piece in enumerate(pieces)})
    tokenizer.save(str(path / "tokenizer.json"))
    (path / "LICENSE").write_text("Anyone may do anything.\n", "utf-8")
    return path


def _plain(name: str, value: np.ndarray) -> np.ndarray:
    if "LayerNorm" in name:
        return np.full_like(value, name.endswith("weight"))
    return value if "word" in name else 0.1 * value


def write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), "utf-8")


def states(kind: str, tensors: Tensors, ids: np.ndarray, activation: str = "gelu") -> np.ndarray:
    """The last hidden states of one message without padding, `[T]` -> `[T, D]`, as the papers have them."""

    def dense(x: np.ndarray, name: str) -> np.ndarray:
        return x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        scaled = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return scaled * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]

    x = tensors["embeddings.word_embeddings.weight"][ids].astype("float64")
    x = x + tensors["embeddings.position_embeddings.weight"][: len(ids)]
    if kind == "bert":
        x = x + tensors["embeddings.token_type_embeddings.weight"][0]
    x = norm(x, "embeddings.LayerNorm")
    for layer in range(LAYERS):
        query, key, value, output, first, expand, contract, second = (name.format(layer) for name in PARTS[kind])
        heads = []
        for head in np.split(np.arange(DEPTH), HEADS):
            scores = dense(x, query)[:, head] @ dense(x, key)[:, head].T / math.sqrt(DEPTH / HEADS)
            exponents = np.exp(scores - scores.max(-1, keepdims=True))
            heads.append(exponents / exponents.sum(-1, keepdims=True) @ dense(x, value)[:, head])
        x = norm(x + dense(np.concatenate(heads, -1), output), first)
        x = norm(x + dense(ACTIVATIONS[activation](dense(x, expand)), contract), second)
    return x


ACTIVATIONS = {
    "gelu": np.vectorize(lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2),
    "gelu_new": np.vectorize(lambda x: x / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))),
    "gelu_pytorch_tanh": np.vectorize(lambda x: x / 2 * (1 + math.tanh(0.7978845608028654 * (x + 0.044715 * x**3)))),
    "relu": lambda x: np.maximum(x, 0),
}
