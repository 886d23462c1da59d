"""How an export reads a message: the vocabulary's table and the backbone, which tasks may share."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from supportnet.backbones.backbone import TaskModel
from supportnet.savedmodel.fused_lstm import FusedNetwork
from supportnet.savedmodel.signatures import TEXT


class ServedReader(tf.Module):
    """The part of an export that reads: strings to features and vectors of tokens, for the heads that share it.

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

    def __init__(self, model: TaskModel, table: Any) -> None:
        super().__init__()
        # tf.Module saves its attributes: the weights, and the table with its asset.
        self.table = table
        self.network = FusedNetwork(model.backbone)
        # Kept in closures so that they are not saved.
        self._features = lambda text: model.preprocessor.features(text, self.table)
        self._model = lambda: model

    @tf.function(input_signature=[TEXT])
    def read(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return features and vectors: one graph, because its table is large."""
        features = self._features(text)
        return {**features, **self.network(features)}

    def suits(self, model: TaskModel) -> bool:
        """Tell whether another model reads every message as this one does: with equal words, sizes and weights."""
        mine = self._model()
        return bool(mine.vocabulary == model.vocabulary and mine.backbone.same_as(model.backbone))


def served_readers(models: Mapping[str, TaskModel], table_of: Any) -> dict[str, ServedReader]:
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
    """Return the specs of a reader's outputs, made here or loaded: the signature of functions that take them."""
    read = reader.read.get_concrete_function(TEXT).structured_outputs
    return {name: tf.TensorSpec(tensor.shape, tensor.dtype, name=name) for name, tensor in read.items()}
