"""How well each candidate fits each message: the cosine of their vectors, on a learned scale."""

import math
from typing import Any

import keras
from keras import ops

#: Where the scale begins, and its largest value: Radford et al. 2021 (CLIP), section 2.5.
INITIAL_SCALE, LARGEST_SCALE = 1 / 0.07, 100.0


@keras.saving.register_keras_serializable(package="supportnet")
class ScaledCosine(keras.layers.Layer):
    """Products of unit vectors, times a learned scale: the inverse temperature of a softmax over them.

    The scale is learned as its logarithm, which keeps it positive, and ends at 100: beyond, one pair would decide.

    Call arguments:
        messages: float `[B, D]`, rows of length 1.
        candidates: float `[C, D]`, rows of length 1.

    Returns:
        float `[B, C]`.

    Example:
        >>> cosine = ScaledCosine()
        >>> scores = cosine(keras.ops.array([[1.0, 0.0]]), keras.ops.array([[0.0, 1.0], [1.0, 0.0]]))
        >>> keras.ops.convert_to_numpy(scores).round(2)
        array([[ 0.  , 14.29]], dtype=float32)
    """

    def build(self, input_shape: Any, *_: Any) -> None:
        initial = keras.initializers.Constant(math.log(INITIAL_SCALE))
        self.log_scale = self.add_weight((), initializer=initial, name="log_scale")

    @property
    def scale(self) -> Any:
        """The scale, a scalar."""
        return ops.exp(ops.minimum(self.log_scale, math.log(LARGEST_SCALE)))

    def call(self, messages: Any, candidates: Any) -> Any:
        return ops.matmul(messages, ops.transpose(candidates)) * ops.cast(self.scale, messages.dtype)

    def compute_output_spec(self, messages: Any, candidates: Any) -> keras.KerasTensor:
        return keras.KerasTensor((messages.shape[0], candidates.shape[0]), dtype=self.compute_dtype)
