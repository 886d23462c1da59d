"""The embedding, and the encoders by name: `[B, T, D]` + mask `[B, T]` -> `[B, T, D]` is all that is known of one."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import keras

from supportnet.errors import UserError
from supportnet.layers import BiLSTMAttention, TokenEmbedding, TransformerEncoder

if TYPE_CHECKING:
    from supportnet.config import NetworkConfig


def build_encoder(config: "NetworkConfig") -> keras.layers.Layer | None:
    """Make the encoder that the configuration names, a layer with the name `encoder`; None for `none`.

    Example:
        >>> from supportnet.config import NetworkConfig
        >>> build_encoder(NetworkConfig(architecture="transformer", max_length=64)).max_length
        64

    Raises:
        UserError: the architecture is `gpt`, which has none.
    """
    if config.architecture == DECODER_ONLY:
        raise UserError(
            "architecture must have an encoder for this: gpt is for written replies (--task reply). "
            f"Received: architecture={DECODER_ONLY!r}"
        )
    return ENCODERS[config.architecture](config)


def num_trained_towers(config: "NetworkConfig") -> int:
    """Return how many towers of a network are trained: that of the words, and the encoder's where there is one."""
    return 1 if config.architecture == "none" else 2


def build_embedding(config: "NetworkConfig", vocab_size: int) -> TokenEmbedding:
    """Make the word vectors of all trained towers, a layer with the name `embed`.

    One lookup serves both: the first half of each vector is the words', the second the encoder's.

    Example:
        >>> from supportnet.config import NetworkConfig
        >>> build_embedding(NetworkConfig(embedding_dim=64), vocab_size=1000).embedding_dim
        128
    """
    depth = config.embedding_dim * num_trained_towers(config)
    return TokenEmbedding(vocab_size, depth, config.num_buckets, config.word_dropout, name="embed")


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

#: The architecture whose decoder reads the message as well: it writes replies, and does nothing else.
DECODER_ONLY = "gpt"
