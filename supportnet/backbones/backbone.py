"""The trained towers: what the networks of all tasks make of a message before a head of their own reads it."""

from typing import Any

import keras
from keras import ops

from supportnet.backbones.encoders import build_embedding, build_encoder, num_trained_towers
from supportnet.config import NetworkConfig
from supportnet.layers import MaskedPooling, Phrases


def front_end_inputs(prefix: str = "") -> dict[str, Any]:
    """Make the inputs of a functional network: what the text front end returns (see `TokenEmbedding`).

    Args:
        prefix: of their names, where a network reads several texts.

    Example:
        >>> front_end_inputs("reply_")["mask"].shape
        (None, None)
    """
    shapes: dict[str, tuple[tuple[None, ...], str]] = {
        "token_ids": ((None,), "int32"),
        "mask": ((None,), "bool"),
        "word_index": ((None,), "int32"),
        "subword_ids": ((), "int32"),
        "subword_segments": ((), "int32"),
    }
    return {name: keras.Input(shape, dtype=dtype, name=prefix + name) for name, (shape, dtype) in shapes.items()}


class Towers:
    """Two readings of a text, each one vector. Calling an object twice reads both texts with the same weights.

    In one, the encoder reads the tokens in their order, and its output and its input are pooled side by side. The
    other pools word vectors of its own, as fastText does (Joulin et al. 2017), blind to order; with `num_filters`, what
    filters over short phrases make of them.

    Args:
        config: sizes and rates.
        vocab_size: number of token ids V.

    Attributes:
        inputs: what a network that is built on them takes beside the front end's dictionaries; nothing.

    Networks of several tasks that are built on the same object share its layers, and their weights.

    Call arguments:
        inputs: the front end's dictionary, symbolic.

    Returns:
        tower -> vector: `words` float `[B, 2 D]`, with F filters `[B, 4 F]`, and `context` float `[B, 4 D]`, which the
        architecture `none` lacks.

    Example:
        >>> pooled = Towers(NetworkConfig(), vocab_size=1000)(front_end_inputs())
        >>> pooled["words"].shape, pooled["context"].shape
        ((None, 256), (None, 512))
    """

    def __init__(self, config: NetworkConfig, vocab_size: int) -> None:
        self.config = config
        self.encoder = build_encoder(config)
        self.embed = build_embedding(config, vocab_size)
        self._make_pooling()

    def _make_pooling(self) -> None:
        self.pool = {name: MaskedPooling(name=f"pool_{name}") for name in ("words", "encoded", "tokens")}
        self.join = keras.layers.Concatenate(name="context")
        self.phrases = Phrases(self.config.num_filters, name="phrases") if self.config.num_filters else None
        self.inputs: dict[str, Any] = {}

    def __call__(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Read one text a row."""
        read = self.read(inputs)
        if self.phrases is not None:
            read = {**read, "words": self.phrases(read["words"], mask=inputs["mask"])}
        pooled = {name: self.pool[name](vectors, mask=inputs["mask"]) for name, vectors in read.items()}
        words = {"words": pooled["words"]}
        if "encoded" not in read:
            return words
        return {**words, "context": self.join([pooled["encoded"], pooled["tokens"]])}

    def read(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return one vector a token, float `[B, T, D]` each: `words`, and the encoder's `tokens` and `encoded`."""
        words, *tokens = ops.split(self.embed(inputs), num_trained_towers(self.config), axis=-1)
        if self.encoder is None:
            return {"words": words}
        return {"words": words, "encoded": self.encoder(*tokens, mask=inputs["mask"]), "tokens": tokens[0]}


#: The layers of `Towers` that have weights.
READING_LAYERS = ("embed", "encoder")


class GivenTowers(Towers):
    """Towers of a network that is given what others read: a head alone, without the layers that tasks can share.

    Args:
        config: sizes and rates.

    Attributes:
        inputs: what `Towers.read` returns of each text, by name, with the prefix of the text's other inputs.

    Example:
        >>> towers = GivenTowers(NetworkConfig())
        >>> towers(front_end_inputs())["words"].shape, list(towers.inputs)
        ((None, 256), ['words', 'encoded', 'tokens'])
    """

    def __init__(self, config: NetworkConfig) -> None:
        self.config = config
        self._make_pooling()

    def read(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Make the inputs of one text."""
        prefix = inputs["mask"].name.removesuffix("mask")
        names = ("words", "encoded", "tokens") if num_trained_towers(self.config) > 1 else ("words",)
        read = {name: keras.Input((None, self.config.embedding_dim), name=prefix + name) for name in names}
        self.inputs |= {prefix + name: tensor for name, tensor in read.items()}
        return read


def build_reading_network(config: NetworkConfig, vocab_size: int) -> keras.Model:
    """Build what stands before all heads: the front end's dictionary -> what `Towers.read` returns.

    Example:
        >>> list(build_reading_network(NetworkConfig(), vocab_size=1000).output)
        ['words', 'encoded', 'tokens']
    """
    inputs = front_end_inputs()
    return keras.Model(inputs, Towers(config, vocab_size).read(inputs), name="reading_network")


def copy_weights(network: keras.Model, part: keras.Model) -> None:
    """Give the layers of a part, such as a head, the weights that the network's layers of the same names have."""
    for layer in part.layers:
        if layer.weights:
            layer.set_weights(network.get_layer(layer.name).get_weights())
