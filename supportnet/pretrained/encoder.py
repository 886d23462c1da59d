"""BERT's encoder as a Keras layer, with weights from a local folder.

BERT: Devlin et al. 2019. DistilBERT has the same blocks (Sanh et al. 2019), and MiniLM is a smaller BERT (Wang et al.
2020).
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from supportnet.checks import check_choice, check_divides, check_not_negative, check_positive, check_rate
from supportnet.errors import UserError
from supportnet.layers.base import BaseLayer, take_rows
from supportnet.layers.blocks import LayerNorm
from supportnet.pretrained.block import ACTIVATIONS, Packed, PretrainedBlock, check_epsilon
from supportnet.pretrained.folder import PretrainedFolder
from supportnet.pretrained.tensors import Array, read_weights
from supportnet.types import Mask, Shape, Tensor

#: How the word table is kept.
WORD_TABLES = ("int8", "float32")
#: The largest number of an int8 row, of either sign.
_LARGEST = 127
#: BERT's own: the standard deviation of vectors before training.
_SPREAD = 0.02


@keras.saving.register_keras_serializable(package="supportnet")
class PretrainedEncoder(BaseLayer):
    """BERT's encoder: token and position vectors, then post-norm attention blocks.

    `load_encoder` makes one with the weights of a folder. Its configuration holds sizes only: a saved model or file of
    weights has all that it needs, without the folder.

    The word table is half of a small encoder's weights. As int8, with a float scale per row, it takes a quarter of the
    space, and vectors of messages stay near the exact ones: cosines above 0.9998 for MiniLM. Rows are converted to
    float after they are looked up. The table is never trained, and neither are positions and their normalization.

    Only the upper `trainable_blocks` are trained. The blocks below have no dropout: their states can be computed once,
    by `states`, and training on these gives the same result as training on whole calls.

    Args:
        vocab_size: number of token ids.
        embedding_dim: depth D of the states.
        hidden_dim: width of the blocks' feed-forward layers.
        num_layers: number of blocks.
        num_heads: heads of each block; must divide `embedding_dim`.
        max_length: number of positions; a longer sequence is an error.
        activation: of the feed-forward layers: "gelu", "gelu_tanh" or "relu".
        epsilon: added to the variance in normalizations.
        dropout_rate: dropout in the blocks that are trained.
        trainable_blocks: number of upper blocks that are trained; 0 = frozen altogether. `trainable = True`, of the
            layer or of a model around it, doesn't reach further.
        word_table: "int8", or "float32" for exactly the folder's numbers.

    Call arguments:
        piece_ids: int `[B, T]`, each from 0 to `vocab_size - 1`; T at least 1 and at most `max_length`.
        mask: bool `[B, T]`, True = real token. Padding stands at the end.

    Returns:
        The last hidden states, float `[B, T, D]`. Padding changes nothing at real positions. Normalizations and
        softmax are computed in float32, whatever the dtype.

    Raises:
        UserError: a number is out of its range, a name isn't known, or the length of a sequence is known and above
            `max_length`.

    Example:
        >>> sizes = {"vocab_size": 100, "embedding_dim": 16, "hidden_dim": 32, "num_layers": 3, "num_heads": 2}
        >>> encoder = PretrainedEncoder(**sizes, max_length=8, trainable_blocks=1)
        >>> ids, mask = keras.ops.array([[2, 7, 3]]), keras.ops.ones((1, 3), "bool")
        >>> keras.ops.shape(encoder(ids, mask=mask))
        (1, 3, 16)
        >>> lower = encoder.states(ids, mask, upto=2)
        >>> keras.ops.shape(encoder.from_states(lower, mask, start=2))
        (1, 3, 16)
    """

    argument_names = (
        *("vocab_size", "embedding_dim", "hidden_dim", "num_layers", "num_heads", "max_length"),
        *("activation", "epsilon", "dropout_rate", "trainable_blocks", "word_table"),
    )

    def __init__(
        self,
        vocab_size: int,
        embedding_dim: int,
        hidden_dim: int,
        num_layers: int,
        num_heads: int,
        max_length: int,
        *,
        activation: str = "gelu",
        epsilon: float = 1e-12,
        dropout_rate: float = 0.0,
        trainable_blocks: int = 0,
        word_table: str = "int8",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.vocab_size = check_positive("vocab_size", vocab_size)
        self.embedding_dim = check_positive("embedding_dim", embedding_dim)
        self.hidden_dim = check_positive("hidden_dim", hidden_dim)
        self.num_layers = check_positive("num_layers", num_layers)
        self.num_heads = check_divides("num_heads", num_heads, "embedding_dim", embedding_dim)
        self.max_length = check_positive("max_length", max_length)
        self.activation = check_choice("activation", activation, tuple(ACTIVATIONS))
        self.epsilon = check_epsilon("epsilon", epsilon)
        self.dropout_rate = check_rate("dropout_rate", dropout_rate)
        self.trainable_blocks = _at_most(num_layers, "trainable_blocks", trainable_blocks)
        self.word_table = check_choice("word_table", word_table, WORD_TABLES)
        self.blocks: list[PretrainedBlock] = []

    @property
    def frozen_blocks(self) -> int:
        """Number of lower blocks that aren't trained: the largest `upto` whose states stay valid during training."""
        return self.num_layers - self.trainable_blocks

    @property
    def trainable(self) -> bool:
        return keras.layers.Layer.trainable.fget(self)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._set_trainable(value)

    def tune(self, trainable_blocks: int) -> None:
        """Let other blocks be trained than before: the upper `trainable_blocks`, without dropout unless it had some.

        A model around it must be compiled after this.

        Raises:
            UserError: there are fewer blocks.
        """
        self.trainable_blocks = _at_most(self.num_layers, "trainable_blocks", trainable_blocks)
        # An assignment of what is there already wouldn't reach the setter.
        self._set_trainable(True)

    def _set_trainable(self, value: bool) -> None:
        keras.layers.Layer.trainable.fset(self, value)
        if self.blocks:
            for layer in (self.norm, *self.blocks[: self.frozen_blocks]):
                layer.trainable = False

    def build(self, piece_ids_shape: Shape | None = None, mask_shape: Shape | None = None) -> None:
        shape = (None, None, self.embedding_dim)
        self._add_tables()
        self.norm = self._part(LayerNorm, shape, self.epsilon, name="norm")
        sizes = (self.num_heads, self.hidden_dim, self.activation, self.epsilon)
        for number in range(self.num_layers):
            dropout_rate = self.dropout_rate if number >= self.frozen_blocks else 0.0
            self.blocks.append(self._part(PretrainedBlock, shape, *sizes, dropout_rate, name=f"block_{number}"))
        self._set_trainable(self.trainable)

    def _add_tables(self) -> None:
        # Floats in float32 under every policy: positions are added, and rows multiplied, before anything is rounded.
        fixed = {"trainable": False, "autocast": False}
        table, positions = (self.vocab_size, self.embedding_dim), (self.max_length, self.embedding_dim)
        if self.word_table == "int8":
            self.words = self.add_weight(table, initializer=_random_rows, dtype="int8", name="words", **fixed)
            scale = keras.initializers.Constant(_SPREAD / _LARGEST)
            self.word_scales = self.add_weight((self.vocab_size, 1), initializer=scale, name="word_scales", **fixed)
        else:
            self.words = self.add_weight(table, initializer=_normal(), name="words", **fixed)
        self.positions = self.add_weight(positions, initializer=_normal(), name="positions", **fixed)

    def call(self, piece_ids: Tensor, mask: Mask) -> Tensor:
        return self._through(self._embedded(piece_ids), mask, 0, self.num_layers)

    def states(self, piece_ids: Tensor, mask: Mask, *, upto: int) -> Tensor:
        """Compute the states after the first `upto` blocks, such as those after `frozen_blocks`, to be cached.

        Args:
            piece_ids: as in a call.
            mask: as in a call.
            upto: number of blocks, 0 to `num_layers`; after 0 blocks, the states are the token vectors.

        Returns:
            float `[B, T, D]`.

        Raises:
            UserError: `upto` is out of its range.
        """
        upto = _at_most(self.num_layers, "upto", upto)
        self._ensure_built()
        return self._through(self._embedded(piece_ids), mask, 0, upto)

    def from_states(self, states: Tensor, mask: Mask, *, start: int) -> Tensor:
        """Compute the last hidden states from those after the first `start` blocks.

        Args:
            states: float `[B, T, D]`, what `states` returned with `upto=start`.
            mask: bool `[B, T]`.
            start: number of blocks, 0 to `num_layers`.

        Returns:
            float `[B, T, D]`.

        Raises:
            UserError: `start` is out of its range.
        """
        start = _at_most(self.num_layers, "start", start)
        self._ensure_built()
        return self._through(ops.cast(states, self.compute_dtype), mask, start, self.num_layers)

    def compute_mask(self, inputs: Tensor, previous_mask: Mask | None = None) -> Mask | None:
        return previous_mask

    def compute_output_shape(self, piece_ids_shape: Shape, mask_shape: Shape | None = None) -> Shape:
        self._check_length(piece_ids_shape[1])
        return (*piece_ids_shape, self.embedding_dim)

    def set_pretrained(self, weights: Mapping[str, Array]) -> None:
        """Take the weights that `read_weights` returns."""
        self._ensure_built()
        layers = {"norm": self.norm}
        layers |= {f"{block.name}/{part.name}": part for block in self.blocks for part in block.weighted}
        own = {f"{name}/{weight.name}": weight for name, layer in layers.items() for weight in layer.weights}
        own["positions"] = self.positions
        for name, weight in own.items():
            weight.assign(weights[name])
        if self.word_table == "int8":
            rows, scales = quantized(weights["words"])
            self.words.assign(rows)
            self.word_scales.assign(scales)
        else:
            self.words.assign(weights["words"])

    def _ensure_built(self) -> None:
        if not self.built:
            self.build()

    def _embedded(self, piece_ids: Tensor) -> Tensor:
        """Token and position vectors, normalized: float `[B, T, D]`."""
        self._check_length(piece_ids.shape[1])
        x = take_rows(self.words, piece_ids)
        if self.word_table == "int8":
            x = ops.cast(x, "float32") * take_rows(self.word_scales, piece_ids)
        return self.norm(x + self.positions[: ops.shape(piece_ids)[1]])

    def _through(self, x: Tensor, mask: Mask, start: int, end: int) -> Tensor:
        packed = Packed(mask)
        rows = packed.rows(x)
        for block in self.blocks[start:end]:
            rows = block.through(rows, packed)
        return packed.padded(rows)

    def _check_length(self, length: int | None) -> None:
        if length is not None and length > self.max_length:
            raise UserError(f"A sequence may be at most max_length={self.max_length} long. Received: length={length}")


def quantized(table: Array) -> tuple[Array, Array]:
    """Quantize a table to whole numbers from -127 to 127, with a scale per row.

    Args:
        table: float `[V, D]`.

    Returns:
        int8 `[V, D]` and float32 `[V, 1]`; their product is `table` but for half a scale at most.

    Example:
        >>> rows, scales = quantized(np.array([[0.5, -1.27], [0.0, 0.0]], "float32"))
        >>> rows
        array([[  50, -127],
               [   0,    0]], dtype=int8)
        >>> scales.round(4)
        array([[0.01],
               [0.  ]], dtype=float32)
    """
    scales = np.abs(table).max(axis=1, keepdims=True) / _LARGEST
    # A row of zeros stays one.
    rows = np.divide(table, scales, out=np.zeros_like(table), where=scales > 0)
    return np.rint(rows).astype("int8"), scales.astype("float32")


def load_encoder(folder: PretrainedFolder, **options: Any) -> PretrainedEncoder:
    """Make the encoder of a folder, with its weights.

    Args:
        folder: what `read_folder` returned.
        **options: arguments of `PretrainedEncoder` beside the sizes: `trainable_blocks`, `dropout_rate`, `word_table`,
            `dtype`, `name`.

    Returns:
        The encoder, built.

    Raises:
        UserError: as `read_weights`, and if an option is out of its range.

    Example (needs a folder of weights):
        >>> from supportnet.pretrained.folder import read_folder
        >>> encoder = load_encoder(read_folder("all-MiniLM-L6-v2"), trainable_blocks=3)
    """
    encoder = PretrainedEncoder(**folder.sizes, **options)
    encoder.set_pretrained(read_weights(folder))
    return encoder


def _normal() -> keras.initializers.Initializer:
    # One that is used twice gives the same numbers twice.
    return keras.initializers.RandomNormal(stddev=_SPREAD)


def _random_rows(shape: Shape, dtype: str) -> Tensor:
    """Initialize rows of an int8 table."""
    return ops.cast(keras.random.randint(shape, -_LARGEST, _LARGEST + 1), dtype)


def _at_most(most: int, name: str, number: int) -> int:
    if check_not_negative(name, number) > most:
        raise UserError(f"{name} must be at most num_layers ({most}). Received: {name}={number}")
    return number
