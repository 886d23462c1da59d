"""The backbone: the preprocessor's features -> vectors of tokens, for the heads of all tasks.

The layers of a network are those that its architecture names, made for its configuration.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from supportnet.architectures import ARCHITECTURES, made
from supportnet.config import BACKBONE_FIELDS, NetworkConfig
from supportnet.errors import UserError
from supportnet.layers import TokenEmbedding
from supportnet.pretrained.encoder import PretrainedEncoder
from supportnet.pretrained.pooling import SentencePooling
from supportnet.text.preprocessor import PieceFrontEnd, TextFrontEnd
from supportnet.text.vocabulary import Vocabulary


def build_preprocessor(config: NetworkConfig, vocabulary: Vocabulary | Sequence[str]) -> TextFrontEnd:
    """Make the preprocessor of a network with this configuration: texts -> features.

    Example:
        >>> build_preprocessor(NetworkConfig(max_length=64), Vocabulary(["where", "parcel"])).max_length
        64
    """
    options: dict[str, Any] = {
        "text_mode": config.text_mode,
        "max_length": config.max_length,
        "num_buckets": config.num_buckets,
    }
    if config.pretrained is None:
        return TextFrontEnd(vocabulary, **options)
    return PieceFrontEnd(vocabulary, prompt=config.pretrained["prompt"], **options)


def feature_inputs(config: NetworkConfig, prefix: str = "") -> dict[str, Any]:
    """Make the inputs of a functional network: the features of the preprocessor (see `TokenEmbedding`).

    Args:
        config: of the network.
        prefix: of their names, where a network reads several texts.

    Example:
        >>> feature_inputs(NetworkConfig(), "reply_")["mask"].shape
        (None, None)
    """
    specs = (TextFrontEnd if config.pretrained is None else PieceFrontEnd).specs
    return {name: keras.Input(shape[1:], dtype=dtype, name=prefix + name) for name, (shape, dtype) in specs.items()}


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
        UserError: the architecture has none.

    Example:
        >>> build_decoder(NetworkConfig(architecture="transformer", max_reply_length=40)).max_length
        40
    """
    name, architecture = config.architecture, ARCHITECTURES[config.architecture]
    if architecture.decoder is None:
        raise UserError(
            f"architecture must have a decoder to write replies: {name} has none. Received: architecture={name!r}"
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


@contextmanager
def dtype_policy(dtype: Any) -> Iterator[None]:
    """Make layers by a dtype policy, those of a user's own encoder too; by the global one, if it is None."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(keras.dtype_policies.get(dtype))
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@keras.saving.register_keras_serializable(package="supportnet")
class Backbone(keras.Model):
    """Token embedding and encoder, a functional model from features to vectors of tokens.

    Args:
        config: sizes and rates. A configuration as a dictionary is accepted too.
        vocab_size: number of token ids V.
        dtype: dtype policy of the layers; the global one if not given.

    Call arguments:
        inputs: the preprocessor's features.

    Returns:
        name -> float `[B, T, D]`: `words`, the vectors that are pooled without regard to order; and, unless the
        architecture is `none`, `encoded` and `tokens`, the output and the input of the encoder. An architecture whose
        decoder reads the message has `words` alone, of depth 2 D. A pretrained encoder gives `sentence` alone, float
        `[B, D]`, one vector a message.

    Example:
        >>> backbone = Backbone(NetworkConfig(), vocab_size=1000)
        >>> {name: tensor.shape for name, tensor in backbone.output.items()}["encoded"]
        (None, None, 128)
    """

    def __init__(
        self, config: NetworkConfig | Mapping[str, Any], vocab_size: int, dtype: Any = None, **kwargs: Any
    ) -> None:
        config = config if isinstance(config, NetworkConfig) else NetworkConfig(**config)
        inputs = feature_inputs(config)
        with dtype_policy(dtype):
            outputs = _sentences(config, inputs) if config.pretrained else _token_vectors(config, inputs, vocab_size)
            super().__init__(inputs, outputs, **{"name": "backbone", **kwargs})
        self.config = config
        self.vocab_size = vocab_size

    @property
    def embed(self) -> keras.layers.Layer:
        """The token embedding of all branches; its vectors are as deep as all of them together."""
        return self.get_layer("embed")

    @property
    def encoder(self) -> Any:
        """The encoder; None for an architecture without one."""
        return next((layer for layer in self.layers if layer.name == "encoder"), None)

    def encoder_input(self, features: Mapping[str, Any]) -> Any:
        """Return what the encoder is given, float `[B, T, D]`."""
        return ops.split(self.embed(features), 2, axis=-1)[1]

    def same_as(self, other: "Backbone") -> bool:
        """Tell whether another backbone reads every message as this one does: with equal sizes and weights."""
        if self is other:
            return True
        sizes = [(*(getattr(one.config, name) for name in BACKBONE_FIELDS), one.vocab_size) for one in (self, other)]
        return sizes[0] == sizes[1] and all(map(np.array_equal, self.get_weights(), other.get_weights()))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "config": asdict(self.config), "vocab_size": self.vocab_size}


def _token_vectors(config: NetworkConfig, inputs: dict[str, Any], vocab_size: int) -> dict[str, Any]:
    """Return vectors of the tokens: those that are pooled, and what an encoder makes of its own."""
    encoder = None if ARCHITECTURES[config.architecture].decoder_only else build_encoder(config)
    vectors = build_embedding(config, vocab_size)(inputs)
    if encoder is None:
        return {"words": vectors}
    words, tokens = ops.split(vectors, 2, axis=-1)
    return {"words": words, "encoded": encoder(tokens, mask=inputs["mask"]), "tokens": tokens}


def _sentences(config: NetworkConfig, inputs: dict[str, Any]) -> dict[str, Any]:
    """Return what a pretrained encoder makes of the word pieces, one vector a message."""
    stated = config.pretrained or {}
    mask = inputs["piece_mask"]
    states = PretrainedEncoder(**stated["encoder"], name="encoder")(inputs["piece_ids"], mask=mask)
    return {"sentence": SentencePooling(**stated["pooling"], name="pool")(states, mask=mask)}


class TaskModel:
    """A model of any task: a preprocessor, a backbone and a head; the base of each task's own, which makes the network.

    Args:
        config: what the network is built from.
        vocabulary: words with an id of their own.
        backbone: that of another task's model, to share its weights; a new one by default.

    Attributes:
        task: name of the task.
        config, vocabulary: the arguments.
        preprocessor: strings `[B]` -> features.
        backbone: features -> vectors of tokens.
        network: the whole functional model, features -> outputs.
        origin: the data it was trained on (`data`) and its validation metrics (`validation`); empty if untrained.
        licence: file -> text of what goes along with the weights of a pretrained encoder; empty without one.
        seen: hashes of the messages that it was trained and validated on (see `supportnet.training.seen`); None if
            unknown.
    """

    task: str
    network: keras.Model

    def __init__(self, config: NetworkConfig, vocabulary: Vocabulary, backbone: Backbone | None = None) -> None:
        self.config = config
        self.vocabulary = vocabulary
        self.origin: dict[str, Any] = {}
        self.licence: dict[str, str] = {}
        self.seen: npt.NDArray[np.uint32] | None = None
        self.preprocessor = build_preprocessor(config, vocabulary)
        self.backbone = backbone or Backbone(config, len(vocabulary))

    @property
    def head(self) -> keras.Model:
        """The head of the network: the backbone's vectors -> its outputs."""
        return self.network.get_layer("head")


def compose(backbone: Backbone, head: keras.Model, inputs: Mapping[str, Any], name: str, **more: Any) -> keras.Model:
    """Compose a backbone and a head into one functional model.

    Args:
        backbone: reads the features.
        head: takes the features, what the backbone makes of them, and `more`.
        inputs: see `feature_inputs`.
        name: of the model.
        **more: further inputs of the head, symbolic.
    """
    outputs = head({**inputs, **backbone(dict(inputs)), **more})
    return keras.Model({**inputs, **more}, outputs, name=name)


def token_inputs(backbone: Backbone) -> dict[str, Any]:
    """Make the inputs of a head: the features, and the vectors that the backbone makes of them.

    Example:
        >>> list(token_inputs(Backbone(NetworkConfig(architecture="none"), vocab_size=1000)))[-1]
        'words'
    """
    vectors = {name: keras.Input(tensor.shape[1:], name=name) for name, tensor in backbone.output.items()}
    return {**feature_inputs(backbone.config), **vectors}
