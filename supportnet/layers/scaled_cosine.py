"""How well each candidate fits each message: the cosine of their vectors, on a learned scale."""

import math
from typing import Any

import keras
from keras import ops

from supportnet.checks import check_positive
from supportnet.types import Shape, Tensor

#: Where the scale begins, and its largest value: Radford et al. 2021 (CLIP), section 2.5.
INITIAL_SCALE, LARGEST_SCALE = 1 / 0.07, 100.0


@keras.saving.register_keras_serializable(package="supportnet")
class ScaledCosine(keras.layers.Layer):
    """Products of unit vectors, times a learned scale: the inverse temperature of a softmax over them.

    Each of N branches has vectors and a scale of its own. The scale is learned as its logarithm, which keeps it
    positive, and ends at 100: beyond, one pair would decide.

    Args:
        num_towers: number of branches N.

    Call arguments:
        messages: float `[B, N, D]`, rows of length 1.
        candidates: float `[C, N, D]`, rows of length 1.

    Returns:
        float `[N, B, C]`.

    Raises:
        UserError: `num_towers` is below 1.

    Example:
        >>> cosine = ScaledCosine(num_towers=1)
        >>> scores = cosine(keras.ops.array([[[1.0, 0.0]]]), keras.ops.array([[[0.0, 1.0]], [[1.0, 0.0]]]))
        >>> keras.ops.convert_to_numpy(scores).round(2)
        array([[[ 0.  , 14.29]]], dtype=float32)
    """

    def __init__(self, num_towers: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_towers = check_positive("num_towers", num_towers)

    def build(self, input_shape: Shape, *_: Any) -> None:
        initial = keras.initializers.Constant(math.log(INITIAL_SCALE))
        self.log_scale = self.add_weight((self.num_towers,), initializer=initial, name="log_scale")

    @property
    def scale(self) -> Tensor:
        """The scales, float `[N]`."""
        return ops.exp(ops.minimum(self.log_scale, math.log(LARGEST_SCALE)))

    def call(self, messages: Tensor, candidates: Tensor) -> Tensor:
        scale = ops.cast(self.scale, messages.dtype)
        products = ops.matmul(ops.transpose(messages, (1, 0, 2)), ops.transpose(candidates, (1, 2, 0)))
        return products * scale[:, None, None]

    def compute_output_spec(self, messages: Tensor, candidates: Tensor) -> keras.KerasTensor:
        shape = (self.num_towers, messages.shape[0], candidates.shape[0])
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_towers": self.num_towers}
