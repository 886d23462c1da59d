"""The encoders by name. Whatever holds one knows only this: `[B, T, D]` + mask `[B, T]` -> `[B, T, D]`."""

from collections.abc import Mapping
from types import MappingProxyType

import keras

from supportnet.layers import BiLSTMAttention

#: name -> class; each takes `hidden_dim`, `num_layers`, `num_heads` and `dropout_rate`.
ENCODERS: Mapping[str, type[keras.layers.Layer]] = MappingProxyType({"bilstm_attention": BiLSTMAttention})
