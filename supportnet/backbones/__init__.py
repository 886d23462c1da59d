"""Backbones: token embedding and encoder, from features to vectors of tokens, shared by the heads of all tasks.

`Backbone` and `build_preprocessor` are the parts of every model; `build_model` and `build_transformer` are the
article's own networks (sections 4.3 and 3); `MaskedLanguageModel` is the network of pre-training.
"""

from supportnet.backbones.article import build_model, build_transformer
from supportnet.backbones.backbone import (
    Backbone,
    build_decoder,
    build_embedding,
    build_encoder,
    build_preprocessor,
    feature_inputs,
    token_inputs,
)
from supportnet.backbones.heads import MessagePooling, vote
from supportnet.backbones.masked_lm import MaskedLanguageModel

__all__ = [
    "Backbone",
    "MaskedLanguageModel",
    "MessagePooling",
    "build_decoder",
    "build_embedding",
    "build_encoder",
    "build_model",
    "build_preprocessor",
    "build_transformer",
    "feature_inputs",
    "token_inputs",
    "vote",
]
