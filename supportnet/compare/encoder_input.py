"""A trained model's encoder, and what it is given of messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras


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
    if model.backbone.encoder is None:
        return None
    features = model.preprocessor(texts)
    return EncoderInput(model.backbone.encoder, model.backbone.encoder_input(features), features["mask"])
