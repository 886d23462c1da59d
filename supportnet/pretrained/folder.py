"""Read what a folder in the form of Hugging Face's models says of its encoder: sizes, pooling and prompt.

The encoders are BERT's (Devlin et al. 2019) and DistilBERT's (Sanh et al. 2019), MiniLM among them (Wang et al. 2020).
Sentence encoders say in `modules.json` how the states of tokens become a vector (Reimers & Gurevych 2019). Everything
here is JSON; the weights are read by `supportnet.pretrained.tensors`. Nothing is ever unpickled.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

from supportnet.checks import check_positive
from supportnet.errors import UserError
from supportnet.files import read_json

#: The file of weights in a folder.
WEIGHTS_FILE = "model.safetensors"
#: Kind of encoder -> argument of `PretrainedEncoder` -> what `config.json` calls it.
_SIZES: Mapping[str, Mapping[str, str]] = {
    "bert": {
        "vocab_size": "vocab_size",
        "embedding_dim": "hidden_size",
        "hidden_dim": "intermediate_size",
        "num_layers": "num_hidden_layers",
        "num_heads": "num_attention_heads",
        "max_length": "max_position_embeddings",
    },
    "distilbert": {
        "vocab_size": "vocab_size",
        "embedding_dim": "dim",
        "hidden_dim": "hidden_dim",
        "num_layers": "n_layers",
        "num_heads": "n_heads",
        "max_length": "max_position_embeddings",
    },
}
#: Kind of encoder -> what `config.json` calls the activation.
_ACTIVATION = {"bert": "hidden_act", "distilbert": "activation"}
#: What `config.json` says -> the encoder's `activation`.
_ACTIVATIONS = {"gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "relu": "relu"}
#: Kinds of models that write text: they look back only, and make poor vectors of messages.
_DECODERS = {"llama", "gpt2", "gpt_neo", "gpt_neox", "mistral", "mixtral", "qwen2", "qwen3", "gemma", "phi3", "opt"}
#: BERT's own, where `config.json` says nothing; DistilBERT knows no other epsilon.
_EPSILON, _TOKEN_TYPES = 1e-12, 2
#: Modes of pooling that are read, as `1_Pooling/config.json` and `PretrainedFolder` call them.
_POOLINGS = {"mean_tokens": "mean", "cls_token": "cls", "mean": "mean", "cls": "cls"}
#: Where sentence encoders keep the prompt of a query, such as E5's.
_QUERY = "query"


class PretrainedFolder(NamedTuple):
    """What a folder says of its encoder.

    Attributes:
        path: the folder.
        model_type: "bert" or "distilbert".
        sizes: arguments of `PretrainedEncoder`: vocab_size, embedding_dim, hidden_dim, num_layers, num_heads,
            max_length, activation, epsilon.
        num_positions: number of positions that there are weights for, at least `max_length`.
        num_token_types: the same of token types; 0 for DistilBERT.
        pooling: "mean" or "cls", how states become a vector; "mean" where the folder doesn't say.
        unit_length: whether the vectors are then made 1 long.
        prompt: what to put before every message; empty for most.
    """

    path: Path
    model_type: str
    sizes: dict[str, Any]
    num_positions: int
    num_token_types: int
    pooling: str
    unit_length: bool
    prompt: str

    @property
    def tokenizer_file(self) -> Path:
        """The file of the tokenizer."""
        return self.path / "tokenizer.json"


def read_folder(path: str | os.PathLike[str], max_length: int | None = None) -> PretrainedFolder:
    """Read what a folder says of its encoder; its weights are left where they are.

    Args:
        path: a local folder with `config.json` and `tokenizer.json`, as `save_pretrained` writes it. `modules.json`,
            `1_Pooling/config.json`, `sentence_bert_config.json` and `config_sentence_transformers.json` are read where
            they are there.
        max_length: number of tokens that a message is cut to, with those that the tokenizer adds. If not given, what
            the folder says: its number of positions, or fewer where sentences were cut to fewer in training.

    Returns:
        What it says.

    Raises:
        UserError: if the folder or one of the two files is missing or damaged, the model isn't an encoder of a known
            kind, differs from it (activation, positions, further modules), or has fewer positions than `max_length`.
            The message names the file.

    Example (needs a folder of weights):
        >>> folder = read_folder("all-MiniLM-L6-v2")
        >>> folder.model_type, folder.sizes["num_layers"], folder.pooling, folder.unit_length
        ('bert', 6, 'mean', True)
    """
    path = Path(path)
    if not path.is_dir():
        raise UserError(
            f"{path} isn't a folder. Give one that holds config.json, tokenizer.json and model.safetensors."
        )
    file = path / "config.json"
    if not file.is_file():
        raise UserError(f"{file} is missing: give a folder that a Hugging Face model was saved in.")
    config = _read_object(file)
    model_type = _model_type(config, file)
    _check_tokenizer(path)
    sizes = _sizes(config, model_type, file)
    positions = sizes["max_length"]
    sizes["max_length"] = _max_length(path, positions, max_length, file)
    token_types = _size(config, "type_vocab_size", file, _TOKEN_TYPES) if model_type == "bert" else 0
    pooling = _read_modules(path)
    return PretrainedFolder(path, model_type, sizes, positions, token_types, *pooling, _read_prompt(path))


def _read_object(file: Path) -> dict[str, Any]:
    content = read_json(file)
    if not isinstance(content, dict):
        raise UserError(f"{file} must hold a JSON object. Received: {type(content).__name__}")
    return content


def _model_type(config: Mapping[str, Any], file: Path) -> str:
    kind, known = config.get("model_type"), ", ".join(_SIZES)
    architectures = [str(name) for name in config.get("architectures") or []]
    writes = kind in _DECODERS or config.get("is_decoder") or any(name.endswith("CausalLM") for name in architectures)
    if writes:
        raise UserError(f"{file}: the model is a decoder ({kind}), which writes text. Encoders are read: {known}.")
    if kind not in _SIZES:
        raise UserError(f"{file}: model_type must be one of {known}. Received: model_type={kind!r}")
    return str(kind)


def _check_tokenizer(path: Path) -> None:
    file = path / "tokenizer.json"
    if not file.is_file():
        remedy = f'AutoTokenizer.from_pretrained("{path}").save_pretrained("{path}") of transformers writes it'
        raise UserError(f"{file} is missing: {remedy}.")


def _sizes(config: Mapping[str, Any], model_type: str, file: Path) -> dict[str, Any]:
    """Return the arguments of `PretrainedEncoder`."""
    sizes: dict[str, Any] = {name: _size(config, theirs, file) for name, theirs in _SIZES[model_type].items()}
    if sizes["embedding_dim"] % sizes["num_heads"]:
        names = _SIZES[model_type]
        problem = f"{names['num_heads']} ({sizes['num_heads']}) must divide {names['embedding_dim']}"
        raise UserError(f"{file}: {problem} ({sizes['embedding_dim']}).")
    positions = config.get("position_embedding_type") or "absolute"
    if positions != "absolute":
        raise UserError(f"{file}: position_embedding_type must be absolute. Received: {positions!r}")
    return {**sizes, "activation": _activation(config, model_type, file), "epsilon": _epsilon(config, file)}


def _size(config: Mapping[str, Any], name: str, file: Path, default: int | None = None) -> int:
    try:
        return check_positive(name, cast(int, config.get(name, default)))
    except UserError as error:
        raise UserError(f"{file}: {error}") from None


def _activation(config: Mapping[str, Any], model_type: str, file: Path) -> str:
    name = _ACTIVATION[model_type]
    given = config.get(name, "gelu")
    # What is a list has no hash.
    if not isinstance(given, str) or given not in _ACTIVATIONS:
        raise UserError(f"{file}: {name} must be one of {', '.join(_ACTIVATIONS)}. Received: {name}={given!r}")
    return _ACTIVATIONS[given]


def _epsilon(config: Mapping[str, Any], file: Path) -> float:
    epsilon = config.get("layer_norm_eps", _EPSILON)
    if not isinstance(epsilon, float) or not 0 < epsilon < 1:
        raise UserError(f"{file}: layer_norm_eps must be between 0 and 1. Received: layer_norm_eps={epsilon!r}")
    return epsilon


def _max_length(path: Path, positions: int, wanted: int | None, config_file: Path) -> int:
    """Return the length that messages are cut to: the wanted one, or the folder's own."""
    if wanted is not None:
        if check_positive("max_length", wanted) > positions:
            problem = f"the encoder has {positions} positions, fewer than max_length. Received: max_length={wanted}"
            raise UserError(f"{config_file}: {problem}")
        return wanted
    file = path / "sentence_bert_config.json"
    config = _read_object(file) if file.is_file() else {}
    return positions if config.get("max_seq_length") is None else min(positions, _size(config, "max_seq_length", file))


def _read_modules(path: Path) -> tuple[str, bool]:
    """Return the pooling, and whether the vectors are made 1 long: of the modules after the encoder."""
    file = path / "modules.json"
    if not file.is_file():
        return "mean", False
    modules = read_json(file)
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise UserError(f"{file} must hold a list of JSON objects.")
    pooling, unit_length = "mean", False
    for module in modules:
        kind = str(module.get("type")).rpartition(".")[2]
        if kind == "Pooling":
            pooling = _read_pooling(path / _folder_inside(module.get("path"), file) / "config.json")
        elif kind == "Normalize":
            unit_length = True
        elif kind != "Transformer":
            known = "Transformer, Pooling, Normalize"
            raise UserError(f"{file}: modules must be of the types {known}. Received: type={module.get('type')!r}")
    return pooling, unit_length


def _folder_inside(name: Any, file: Path) -> str:
    """Return the name of a folder beside `file`; a file from elsewhere mustn't name others."""
    if not isinstance(name, str) or Path(name).name != name:
        raise UserError(f"{file}: the path of a module must be the name of a folder beside it. Received: path={name!r}")
    return name


def _read_pooling(file: Path) -> str:
    config = _read_object(file)
    prefix = "pooling_mode_"
    modes = [name.removeprefix(prefix) for name, used in config.items() if name.startswith(prefix) and used is True]
    if "pooling_mode" in config:
        modes.append(str(config["pooling_mode"]))
    if len(modes) != 1 or modes[0] not in _POOLINGS:
        raise UserError(f"{file}: the pooling must be mean or cls. Received: {', '.join(modes) or 'none'}")
    if config.get("include_prompt") is False:
        raise UserError(f"{file}: pooling that leaves out the prompt isn't known. Received: include_prompt=False")
    return _POOLINGS[modes[0]]


def _read_prompt(path: Path) -> str:
    """Return the prompt that the folder has for any message, or for a query; empty if it has neither."""
    file = path / "config_sentence_transformers.json"
    config = _read_object(file) if file.is_file() else {}
    prompts = config.get("prompts") or {}
    if not isinstance(prompts, dict) or not all(isinstance(prompt, str) for prompt in prompts.values()):
        raise UserError(f"{file}: prompts must be a JSON object of strings. Received: prompts={prompts!r}")
    default = config.get("default_prompt_name")
    name = _QUERY if default is None else default
    if default is not None and name not in prompts:
        raise UserError(f"{file}: default_prompt_name must be one of the prompts. Received: {name!r}")
    return prompts.get(name, "")
