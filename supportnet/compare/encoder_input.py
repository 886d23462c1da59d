"""A trained model's encoder, and what it is given of messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops


@dataclass(frozen=True)
class EncoderInput:
    """What an encoder is called with.

    Attributes:
        encoder: the layer.
        vectors: float `[B, T, D]`.
        mask: bool `[B, T]`.
    """

    encoder: keras.layers.Layer
    vectors: Any
    mask: Any


def encoder_input(model: Any, texts: Sequence[str]) -> EncoderInput | None:
    """Return what the encoder of a model of any task is given; None where it has none.

    Example (needs a trained model):
        >>> encoder_input(model, ["where is my parcel?"]).vectors.shape
        TensorShape([1, 5, 128])
    """
    layers = {layer.name: layer for layer in model.network.layers}
    if "encoder" not in layers:
        return None
    features = model.front_end(texts)
    # One lookup serves both towers: the second half is the encoder's.
    vectors = ops.split(layers["embed"](features), 2, axis=-1)[1]
    return EncoderInput(layers["encoder"], vectors, features["mask"])
