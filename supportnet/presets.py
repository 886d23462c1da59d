"""Sizes of a network by name; they suit either architecture."""

from collections.abc import Mapping
from types import MappingProxyType

from supportnet.errors import UserError

#: name -> fields of `NetworkConfig`. The width of the feed-forward layers is the depth, not four times it as is
#: usual in a Transformer: the same number is the LSTM's units in each direction.
PRESETS: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "tiny": {"embedding_dim": 64, "hidden_dim": 64, "num_layers": 1, "num_heads": 4},
        "small": {"embedding_dim": 128, "hidden_dim": 128, "num_layers": 2, "num_heads": 4},
        "base": {"embedding_dim": 256, "hidden_dim": 256, "num_layers": 4, "num_heads": 8},
    }
)


def get_preset(name: str) -> Mapping[str, int]:
    """Return the sizes that a name stands for; another name is a `UserError` that lists the known ones.

    Example:
        >>> get_preset("tiny")["embedding_dim"]
        64
    """
    if name not in PRESETS:
        raise UserError(f"preset must be one of {', '.join(PRESETS)}. Received: preset={name!r}")
    return PRESETS[name]
