"""Read the weights of an encoder from safetensors files, and give them the names that `PretrainedEncoder` has for them.

A file of this format is a header and plain arrays. The header is checked by the library `safetensors`, which runs no
code that a file brings. What `torch.save` wrote is pickled, which does, and is refused.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from supportnet.errors import UserError
from supportnet.files import file_sha256, read_json
from supportnet.pretrained.folder import WEIGHTS_FILE, PretrainedFolder

Array = np.ndarray[Any, Any]

_INDEX = "model.safetensors.index.json"
#: Files of pickled weights, which aren't read.
_PICKLED = ("pytorch_model*.bin", "*.pt", "*.pth", "*.ckpt")
_DTYPES = ("F64", "F32", "F16", "BF16")
_WORDS, _POSITIONS, _TOKEN_TYPES = (
    f"embeddings.{name}_embeddings.weight" for name in ("word", "position", "token_type")
)
#: Kind of encoder -> how its block i begins -> weight of ours -> parts of its name there, joined in this order.
_BLOCKS: Mapping[str, tuple[str, Mapping[str, tuple[str, ...]]]] = {
    "bert": (
        "encoder.layer",
        {
            "input": ("attention.self.query", "attention.self.key", "attention.self.value"),
            "output": ("attention.output.dense",),
            "attention_norm": ("attention.output.LayerNorm",),
            "expand": ("intermediate.dense",),
            "contract": ("output.dense",),
            "feed_forward_norm": ("output.LayerNorm",),
        },
    ),
    "distilbert": (
        "transformer.layer",
        {
            "input": ("attention.q_lin", "attention.k_lin", "attention.v_lin"),
            "output": ("attention.out_lin",),
            "attention_norm": ("sa_layer_norm",),
            "expand": ("ffn.lin1",),
            "contract": ("ffn.lin2",),
            "feed_forward_norm": ("output_layer_norm",),
        },
    ),
}
#: What older files call the weights of a normalization.
_OLD_PARTS = {"weight": "gamma", "bias": "beta"}


def read_weights(folder: PretrainedFolder) -> dict[str, Array]:
    """Read the weights of an encoder.

    Args:
        folder: what `read_folder` returned, with `model.safetensors`, or `model.safetensors.index.json` and the files
            that it names. Tensors may be float64, float32, float16 or bfloat16.

    Returns:
        float32 arrays: `words` `[V, D]`; `positions` `[max_length, D]`, with the vector of token type 0 added;
        `norm/gamma` and `norm/beta` `[D]`; and of each block i, with `block_i/` before its name, `input/kernel`
        `[D, 3 D]` of queries, keys and values, `output/kernel` `[D, D]`, `expand/kernel` `[D, F]` and
        `contract/kernel` `[F, D]`, each with its `bias`, and of `attention_norm` and `feed_forward_norm` `gamma` and
        `beta`. V is the number of tokens, D the depth, F the width of the feed-forward layers.

    Raises:
        UserError: if `safetensors` isn't installed; a file is missing, damaged or pickled; a tensor is missing, holds
            what isn't a finite number, or has another shape than `config.json` says.

    Example (needs a folder of weights):
        >>> from supportnet.pretrained.folder import read_folder
        >>> read_weights(read_folder("all-MiniLM-L6-v2"))["words"].shape
        (30522, 384)
    """
    depth, inner = folder.sizes["embedding_dim"], folder.sizes["hidden_dim"]
    with _opened(folder) as tensors:
        positions = tensors.take(_POSITIONS, folder.num_positions, depth)[: folder.sizes["max_length"]]
        if folder.num_token_types:
            # A message is all of one type: the vector of type 0 is a part of every position.
            positions = positions + tensors.take(_TOKEN_TYPES, folder.num_token_types, depth)[0]
        weights = {"words": tensors.take(_WORDS, folder.sizes["vocab_size"], depth), "positions": positions}
        weights |= tensors.norm("norm", "embeddings.LayerNorm", depth)
        start, names = _BLOCKS[folder.model_type]
        for block in range(folder.sizes["num_layers"]):
            for name, parts in names.items():
                ours, theirs = f"block_{block}/{name}", [f"{start}.{block}.{part}" for part in parts]
                if name.endswith("norm"):
                    weights |= tensors.norm(ours, theirs[0], depth)
                else:
                    shape = {"expand": (depth, inner), "contract": (inner, depth)}.get(name, (depth, depth))
                    weights |= tensors.dense(ours, theirs, *shape)
    return weights


def weights_digest(folder: PretrainedFolder) -> str:
    """Return the SHA-256 of the file of weights, as hexadecimal digits; of several files, that of their digests."""
    digests = [file_sha256(path) for path in sorted(folder.path.glob("*.safetensors"))]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


class _Tensors:
    """The tensors of a folder, whichever file each is in."""

    def __init__(self, folder: PretrainedFolder, files: Mapping[Path, Any]) -> None:
        self._folder = folder
        self._config = folder.path / "config.json"
        # An opened file isn't a mapping.
        self._files = {name: (path, file) for path, file in files.items() for name in list(file.keys())}
        # Models with a head put the encoder's name before those of its tensors.
        prefix = f"{folder.model_type}."
        self._prefix = prefix if prefix + _WORDS in self._files else ""

    def take(self, name: str, *shape: int) -> Array:
        """Return a tensor as float32; a `UserError` unless it is there, has this shape and is finite."""
        name = self._name(name)
        path, file = self._files[name]
        view = file.get_slice(name)
        found, dtype = view.get_shape(), view.get_dtype()
        if list(found) != list(shape):
            problem = f"the shape {list(found)}, but by {self._config} it must be {list(shape)}"
            raise UserError(f"{path}: the tensor {name} has {problem}.")
        if dtype not in _DTYPES:
            raise UserError(f"{path}: the tensor {name} must be one of {', '.join(_DTYPES)}. Received: {dtype}")
        tensor: Array = np.asarray(file.get_tensor(name)).astype("float32")
        if not np.isfinite(tensor).all():
            raise UserError(f"{path}: the tensor {name} holds numbers that aren't finite.")
        return tensor

    def norm(self, ours: str, theirs: str, depth: int) -> dict[str, Array]:
        """Return the weights of a normalization."""
        names = {"gamma": "weight", "beta": "bias"}
        return {f"{ours}/{name}": self.take(f"{theirs}.{part}", depth) for name, part in names.items()}

    def dense(self, ours: str, theirs: list[str], rows: int, columns: int) -> dict[str, Array]:
        """Return the weights of dense layers, side by side, the kernel as `[in, out]`; files hold `[out, in]`."""
        kernels = [self.take(f"{name}.weight", columns, rows).T for name in theirs]
        biases = [self.take(f"{name}.bias", columns) for name in theirs]
        return {f"{ours}/kernel": np.concatenate(kernels, axis=1), f"{ours}/bias": np.concatenate(biases)}

    def _name(self, name: str) -> str:
        """Return what the files call a tensor."""
        name = self._prefix + name
        start, _, part = name.rpartition(".")
        names = [name, f"{start}.{_OLD_PARTS[part]}"]
        for each in names:
            if each in self._files:
                return each
        raise UserError(
            f"{self._folder.path}: no file of weights has the tensor {name}, which {self._config} asks for."
        )


@contextmanager
def _opened(folder: PretrainedFolder) -> Iterator[_Tensors]:
    """Yield the tensors of a folder; files stay on disk until a tensor is taken."""
    safe_open, refusal = _library()
    with ExitStack() as stack:
        files = {}
        for path in _files(folder.path):
            try:
                files[path] = stack.enter_context(safe_open(path, framework="numpy"))
            except (refusal, OSError) as error:
                raise UserError(f"{path} can't be read: it is damaged or no safetensors file ({error}).") from None
        yield _Tensors(folder, files)


def _library() -> tuple[Any, type[Exception]]:
    """Return what opens files and what it raises."""
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        remedy = "pip install 'supportnet[pretrained]'"
        raise UserError(f"Pretrained weights need the package safetensors, which isn't installed: {remedy}") from None
    # NumPy knows bfloat16 from then on.
    import ml_dtypes  # noqa: F401

    return safe_open, SafetensorError


def _files(path: Path) -> list[Path]:
    """Return the files of a folder's weights."""
    if (path / WEIGHTS_FILE).is_file():
        return [path / WEIGHTS_FILE]
    if (path / _INDEX).is_file():
        return _indexed(path / _INDEX)
    found = sorted(file.name for pattern in _PICKLED for file in path.glob(pattern))
    if not found:
        raise UserError(f"{path / WEIGHTS_FILE} is missing, and weights of another form aren't read.")
    remedy = f'AutoModel.from_pretrained("{path}").save_pretrained("{path}") of transformers writes {WEIGHTS_FILE}'
    raise UserError(f"{path / found[0]} is pickled, and may run any code when it is read, so it isn't: {remedy}.")


def _indexed(index: Path) -> list[Path]:
    """Return the files that an index names."""
    content = read_json(index)
    names = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(names, dict) or not names:
        raise UserError(f"{index} must hold a weight_map, tensors and their files.")
    for name in names.values():
        if not isinstance(name, str) or Path(name).name != name:
            raise UserError(f"{index}: weights must be in files beside it. Received: {name!r}")
    files = [index.parent / name for name in sorted(set(names.values()))]
    for file in files:
        if not file.is_file():
            raise UserError(f"{file} is missing, which {index} names.")
    return files
