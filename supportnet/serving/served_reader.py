"""How an export reads a message: the vocabulary's table and the towers, which tasks may share."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from supportnet.models.config import READING
from supportnet.models.encoders import DECODER_ONLY
from supportnet.models.towers import READING_LAYERS, GivenTowers, build_reading_network, copy_weights
from supportnet.serving.fused_lstm import FusedNetwork
from supportnet.serving.signatures import TEXT


class ServedReader(tf.Module):
    """The part of an export that reads: strings to what the heads of all tasks that share it are given.

    A module of plain TensorFlow variables is saved with each of them once; Keras's own export stores every
    variable twice.

    Args:
        model: a trained model of any task.
        table: its vocabulary's, whose file becomes an asset.

    Example (needs a trained model):
        >>> reader = ServedReader(model, table_from_file("vocabulary.txt"))
        >>> sorted(reader.read(tf.constant(["where is my parcel?"])))
        ['encoded', 'mask', 'subword_ids', 'subword_segments', 'token_ids', 'tokens', 'word_index', 'words']
    """

    def __init__(self, model: Any, table: Any) -> None:
        super().__init__()
        # What is an attribute is saved: the weights, and the table with its asset.
        self.table = table
        self.network = _reading_network(model)
        # Behind functions, so that it isn't.
        self._features = lambda text: model.front_end.features(text, self.table)
        self._model = lambda: model

    @tf.function(input_signature=[TEXT])
    def read(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """What the front end returns, and what the towers make of it: one graph, because its table is large."""
        features = self._features(text)
        return features if self.network is None else {**features, **self.network(features)}

    def suits(self, model: Any) -> bool:
        """Tell whether another model reads every message as this one does: with equal words, sizes and weights."""
        mine = self._model()
        same = all(getattr(mine.config, name) == getattr(model.config, name) for name in READING)
        if not same or mine.vocabulary != model.vocabulary or self.network is None:
            return False
        pairs = zip(_reading_weights(mine), _reading_weights(model), strict=True)
        return all(np.array_equal(one, other) for one, other in pairs)


def served_readers(models: Mapping[str, Any], table_of: Any) -> dict[str, ServedReader]:
    """Return the reader of each task, the same one for those whose models read alike.

    Args:
        models: task -> a trained model.
        table_of: vocabulary -> its lookup table.
    """
    readers: dict[str, ServedReader] = {}
    for task, model in models.items():
        known = (reader for reader in readers.values() if reader.suits(model))
        readers[task] = next(known, None) or ServedReader(model, table_of(model.vocabulary))
    return readers


def read_spec(reader: Any) -> dict[str, tf.TensorSpec]:
    """Return what a reader returns, made here or loaded: the signature of functions that take it."""
    read = reader.read.get_concrete_function(TEXT).structured_outputs
    return {name: tf.TensorSpec(tensor.shape, tensor.dtype, name=name) for name, tensor in read.items()}


def build_head(model: Any) -> Any:
    """Make what a model's network does with what was read: a network with a copy of the other layers' weights."""
    if model.config.architecture == DECODER_ONLY:
        return model.network
    head = model.build_network(GivenTowers(model.config))
    copy_weights(model.network, head)
    return head


def _reading_network(model: Any) -> FusedNetwork | None:
    if model.config.architecture == DECODER_ONLY:
        # It has no encoder: what it makes of the words belongs to its head.
        return None
    network = build_reading_network(model.config, len(model.vocabulary))
    copy_weights(model.network, network)
    return FusedNetwork(network)


def _reading_weights(model: Any) -> list[Any]:
    layers = [layer for layer in model.network.layers if layer.name in READING_LAYERS]
    return [weight for layer in layers for weight in layer.get_weights()]
