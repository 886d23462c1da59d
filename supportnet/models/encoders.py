"""The encoders by name. Whatever holds one knows only this: `[B, T, D]` + mask `[B, T]` -> `[B, T, D]`."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import keras

from supportnet.layers import BiLSTMAttention, TransformerEncoder

if TYPE_CHECKING:
    from supportnet.models.config import NetworkConfig


def build_encoder(config: "NetworkConfig") -> keras.layers.Layer | None:
    """Make the encoder that the configuration names, a layer with the name `encoder`; None for `none`.

    Example:
        >>> from supportnet.models.config import NetworkConfig
        >>> build_encoder(NetworkConfig(architecture="transformer", max_length=64)).max_length
        64
    """
    return ENCODERS[config.architecture](config)


def _bilstm_attention(config: "NetworkConfig") -> keras.layers.Layer:
    return BiLSTMAttention(**_sizes(config))


def _transformer(config: "NetworkConfig") -> keras.layers.Layer:
    return TransformerEncoder(**_sizes(config), max_length=config.max_length)


def _sizes(config: "NetworkConfig") -> dict[str, Any]:
    """What every encoder takes."""
    return {
        "hidden_dim": config.hidden_dim,
        "num_layers": config.num_layers,
        "num_heads": config.num_heads,
        "dropout_rate": config.dropout_rate,
        "name": "encoder",
    }


#: architecture -> the function that makes its encoder. With `none`, nothing reads the order of words: what the others
#: are worth shows beside it.
ENCODERS: Mapping[str, Callable[["NetworkConfig"], keras.layers.Layer | None]] = MappingProxyType(
    {"bilstm_attention": _bilstm_attention, "transformer": _transformer, "none": lambda config: None}
)
