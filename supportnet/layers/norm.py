"""Layer normalization in as few operations as it takes."""

from typing import Any

import keras
from keras import ops

from supportnet.types import Shape, Tensor


@keras.saving.register_keras_serializable(package="supportnet")
class LayerNorm(keras.layers.Layer):
    """`gamma (x - mean(x)) / sqrt(var(x) + epsilon) + beta` over the last axis (Ba et al. 2016, Layer Normalization).

    The numbers of `keras.layers.LayerNormalization`, which spends eighteen operations on them where this spends eleven.
    Their number is what they cost where a reply is written token by token, and a Transformer normalizes seven times a
    token.

    Args:
        epsilon: added to the variance.

    Call arguments:
        x: float `[..., D]`.

    Returns:
        float `[..., D]`, computed in float32 whatever the dtype.

    Example:
        >>> keras.ops.convert_to_numpy(LayerNorm()(keras.ops.array([[1.0, 3.0]]))).round(3)
        array([[-1.,  1.]], dtype=float32)
    """

    def __init__(self, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.supports_masking = True
        self.autocast = False

    def build(self, input_shape: Shape) -> None:
        depth = (input_shape[-1],)
        self.gamma = self.add_weight(depth, initializer="ones", autocast=False, name="gamma")
        self.beta = self.add_weight(depth, initializer="zeros", autocast=False, name="beta")

    def call(self, x: Tensor) -> Tensor:
        x = ops.cast(x, "float32")
        centered = x - ops.mean(x, axis=-1, keepdims=True)
        scale = ops.rsqrt(ops.mean(ops.square(centered), axis=-1, keepdims=True) + self.epsilon)
        return ops.cast(centered * scale * self.gamma + self.beta, self.compute_dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon}
