"""The layers that an architecture names, made for a configuration."""

import keras

from supportnet.architectures import ARCHITECTURES, made
from supportnet.config import NetworkConfig
from supportnet.errors import UserError
from supportnet.layers import TokenEmbedding


def build_encoder(config: NetworkConfig) -> keras.layers.Layer | None:
    """Make the encoder that the configuration names, a layer named `encoder`; None for an architecture without one.

    Raises:
        UserError: the architecture reads messages with its decoder.

    Example:
        >>> build_encoder(NetworkConfig(architecture="transformer", max_length=64)).max_length
        64
    """
    check_encoder(config)
    architecture = ARCHITECTURES[config.architecture]
    if architecture.encoder is None:
        return None
    encoder = made(architecture.encoder, config)
    # A user's own may have another name; weights are saved under this one.
    encoder.name = "encoder"
    return encoder


def check_encoder(config: NetworkConfig) -> None:
    """Raise a `UserError` for an architecture that reads messages with its decoder.

    Example:
        >>> check_encoder(NetworkConfig(architecture="gpt"))
        Traceback (most recent call last):
        supportnet.errors.UserError: architecture must have an encoder for this: gpt is for written replies ...
    """
    name = config.architecture
    if ARCHITECTURES[name].decoder_only:
        raise UserError(
            f"architecture must have an encoder for this: {name} is for written replies (--task reply). "
            f"Received: architecture={name!r}"
        )


def build_decoder(config: NetworkConfig) -> keras.layers.Layer:
    """Make the decoder that belongs to the configuration's architecture, a layer named `decoder`.

    Raises:
        UserError: the architecture was registered without one.

    Example:
        >>> build_decoder(NetworkConfig(architecture="transformer", max_reply_length=40)).max_length
        40
    """
    name, architecture = config.architecture, ARCHITECTURES[config.architecture]
    if architecture.decoder is None:
        raise UserError(
            f"architecture must have a decoder to write replies: {name} was registered without one "
            f"(supportnet.register_encoder). Received: architecture={name!r}"
        )
    decoder = made(architecture.decoder, config)
    decoder.name = "decoder"
    return decoder


def build_embedding(config: NetworkConfig, vocab_size: int) -> TokenEmbedding:
    """Make the word vectors of all branches, a layer named `embed`.

    One lookup serves both: the first half of each vector is pooled, the second goes to the encoder.

    Example:
        >>> build_embedding(NetworkConfig(embedding_dim=64), vocab_size=1000).embedding_dim
        128
    """
    depth = config.embedding_dim * ARCHITECTURES[config.architecture].num_branches
    return TokenEmbedding(vocab_size, depth, config.num_buckets, config.word_dropout, name="embed")
