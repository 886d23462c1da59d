"""The decoders by architecture: `[B, T, D]` of a reply, beside `[B, S, D]` of a message -> `[B, T, D]`."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import keras

from supportnet.backbones.encoders import DECODER_ONLY
from supportnet.config import NetworkConfig
from supportnet.layers import PrefixDecoder, RecurrentDecoder, TransformerDecoder


def build_decoder(config: NetworkConfig) -> keras.layers.Layer:
    """Make the decoder that belongs to the configuration's architecture, a layer with the name `decoder`.

    Example:
        >>> build_decoder(NetworkConfig(architecture="transformer", max_reply_length=40)).max_length
        40
    """
    return DECODERS[config.architecture](config)


def _recurrent(config: NetworkConfig) -> keras.layers.Layer:
    return RecurrentDecoder(**_sizes(config))


def _transformer(config: NetworkConfig) -> keras.layers.Layer:
    return TransformerDecoder(**_sizes(config), max_length=config.max_reply_length)


def _gpt(config: NetworkConfig) -> keras.layers.Layer:
    # As many blocks as the Transformer's encoder and decoder have together.
    sizes = {**_sizes(config), "num_layers": 2 * config.num_layers}
    return PrefixDecoder(**sizes, max_length=config.max_reply_length, max_memory_length=config.max_length)


def _sizes(config: NetworkConfig) -> dict[str, Any]:
    """What every decoder takes."""
    return {
        "hidden_dim": config.hidden_dim,
        "num_layers": config.num_layers,
        "num_heads": config.num_heads,
        "dropout_rate": config.dropout_rate,
        "name": "decoder",
    }


#: architecture -> the function that makes its decoder. `none` reads messages without an encoder, and writes as the
#: Transformer does; `gpt` reads them with its decoder.
DECODERS: Mapping[str, Callable[[NetworkConfig], keras.layers.Layer]] = MappingProxyType(
    {"bilstm_attention": _recurrent, "transformer": _transformer, "none": _transformer, DECODER_ONLY: _gpt}
)
