"""What the layers share: their configuration, making their parts, and operations on rows of tables and batches."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

import keras
from keras import ops

from supportnet.types import Mask, Shape, State, Tensor

Part = TypeVar("Part", bound=keras.layers.Layer)


class BaseLayer(keras.layers.Layer):
    """Base of the layers: the configuration of one is its arguments, each stored under its own name.

    Attributes:
        argument_names: the arguments that a class adds to those of its bases.
    """

    argument_names: ClassVar[tuple[str, ...]] = ()

    def get_config(self) -> dict[str, Any]:
        names = [name for kind in type(self).__mro__ for name in vars(kind).get("argument_names", ())]
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    def _part(self, kind: type[Part], shape: Shape, *args: Any, **options: Any) -> Part:
        """Make a layer of this one's dtype policy, built for inputs of a shape."""
        part = kind(*args, **{"dtype": self.dtype_policy, **options})
        part.build(shape)
        return part


class SequenceLayer(BaseLayer):
    """Base of the layers that return as many vectors as they are given, of the same depth, with the same mask."""

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def compute_mask(self, inputs: Tensor, previous_mask: Mask | None = None) -> Mask | None:
        return previous_mask


def take_rows(table: keras.Variable, rows: Tensor) -> Tensor:
    """Take rows of a layer's weight. TensorFlow's variables can be read by the row; `ops.take` alone copies them.

    Args:
        table: weight `[R, D]`.
        rows: int, any shape `[...]`.

    Returns:
        `[..., D]`.
    """
    read = getattr(table.value, "sparse_read", None)
    return ops.take(table, rows, axis=0) if read is None else read(rows)


def by_row(x: Tensor, *layers: Callable[[Tensor], Tensor]) -> Tensor:
    """Apply layers, one after the other, to every row of a batch of sequences.

    A dense layer is one multiplication of two matrices then. Given three axes, it would work out at run time which of
    them to multiply, with a dozen small operations that take longer than the multiplication does for one message.

    Args:
        x: float `[B, T, D]`, D known.
        layers: layers that don't mix rows.

    Returns:
        float `[B, T, E]`, where E is the depth of the last layer's output.

    Example:
        >>> keras.ops.shape(by_row(keras.ops.ones((2, 5, 16)), keras.layers.Dense(32), keras.layers.Dense(8)))
        (2, 5, 8)
    """
    rows = ops.reshape(x, (-1, x.shape[-1]))
    for layer in layers:
        rows = layer(rows)
    return ops.reshape(rows, (-1, ops.shape(x)[1], rows.shape[-1]))


def without_padding(x: Tensor, mask: Mask) -> Tensor:
    """Set the vectors of padding to zero, so that even attention to nothing but padding doesn't see how much there is.

    Args:
        x: float `[B, T, D]`.
        mask: bool `[B, T]`, True = real token.

    Returns:
        float `[B, T, D]`.
    """
    return ops.where(ops.expand_dims(mask, -1), x, ops.zeros_like(x))


def pick_rows(state: State, rows: Tensor) -> State:
    """Pick rows of every tensor of a state.

    Args:
        state: tensors `[B, ...]`, or dicts of them.
        rows: int `[N]`, each from 0 to B - 1; one row may be picked several times.

    Returns:
        The same names, with tensors `[N, ...]`.

    Example:
        >>> picked = pick_rows({"length": keras.ops.array([3, 8])}, keras.ops.array([1, 1, 0]))
        >>> keras.ops.convert_to_numpy(picked["length"])
        array([8, 8, 3], dtype=int32)
    """
    return keras.tree.map_structure(lambda tensor: ops.take(tensor, rows, axis=0), state)


def sum_over_ngrams(vectors: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
    """Add up the vectors of the n-grams of each distinct word of a batch.

    Args:
        vectors: `[N, D]` or `[N]`, one for each of `inputs["subword_ids"]`.
        inputs: what the text front end returns; see `TokenEmbedding`.

    Returns:
        `[U, D]` or `[U]`, one row a distinct word, 0 for a word without n-grams; U is an upper bound of their number.
    """
    batch, time = ops.shape(inputs["token_ids"])[0], ops.shape(inputs["token_ids"])[1]
    # A batch has at most B T distinct words. Unlike their true number, that bound is known to every backend.
    # One row more, because none can be taken from an empty table when B is 0.
    return ops.segment_sum(vectors, inputs["subword_segments"], num_segments=batch * time + 1)
