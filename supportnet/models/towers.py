"""The trained towers: what the networks of all tasks make of a message before a head of their own reads it."""

from typing import Any

import keras
from keras import ops

from supportnet.layers import MaskedPooling
from supportnet.models.config import NetworkConfig
from supportnet.models.encoders import build_embedding, build_encoder, num_trained_towers


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
    other pools word vectors of its own, as fastText does (Joulin et al. 2017), blind to order.

    Args:
        config: sizes and rates.
        vocab_size: number of token ids V.

    Call arguments:
        inputs: the front end's dictionary, symbolic.

    Returns:
        tower -> vector: `words` float `[B, 2 D]`, and `context` float `[B, 4 D]`, which the architecture `none` lacks.

    Example:
        >>> pooled = Towers(NetworkConfig(), vocab_size=1000)(front_end_inputs())
        >>> pooled["words"].shape, pooled["context"].shape
        ((None, 256), (None, 512))
    """

    def __init__(self, config: NetworkConfig, vocab_size: int) -> None:
        self.count = num_trained_towers(config)
        self.encoder = build_encoder(config)
        self.embed = build_embedding(config, vocab_size)
        self.pool = {name: MaskedPooling(name=f"pool_{name}") for name in ("words", "encoded", "tokens")}
        self.join = keras.layers.Concatenate(name="context")

    def __call__(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Read one text a row."""
        read = self.read(inputs)
        pooled = {name: self.pool[name](vectors, mask=inputs["mask"]) for name, vectors in read.items()}
        words = {"words": pooled["words"]}
        return words if self.encoder is None else {**words, "context": self.join([pooled["encoded"], pooled["tokens"]])}

    def read(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return one vector a token, float `[B, T, D]` each: `words`, and the encoder's `tokens` and `encoded`."""
        words, *tokens = ops.split(self.embed(inputs), self.count, axis=-1)
        if self.encoder is None:
            return {"words": words}
        return {"words": words, "encoded": self.encoder(*tokens, mask=inputs["mask"]), "tokens": tokens[0]}
