"""The LSTMs of an exported graph: one operation a direction, in place of a loop of some twenty a step."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from supportnet.layers import BiLSTMAttention
from supportnet.types import Mask, Shape, Tensor


class FusedBiLSTM(keras.layers.Layer):
    """A bidirectional LSTM in TensorFlow's `BlockLSTMV2`; forward only.

    At batch size 1 a loop's operations cost more than the numbers they compute. `BlockLSTMV2` is a core operation with
    a kernel for the CPU and takes the gates in Keras's order; it knows no mask, so that the backward LSTM reads each
    message turned round within its own length.

    Args:
        units: units U of each direction.

    Call arguments:
        x: float `[B, T, D]`, T at least 1.
        mask: bool `[B, T]`, True = real token; the real tokens come first.

    Returns:
        float `[B, T, 2 U]`, in the dtype of `x`. At real positions what Keras's LSTM returns, with the same weights; at
        others it means nothing.

    Example:
        >>> lstm = keras.layers.Bidirectional(keras.layers.LSTM(96, return_sequences=True))
        >>> lstm.build((None, None, 128))
        >>> fused = FusedBiLSTM(96)
        >>> fused.build((None, None, 128))
        >>> fused.set_weights(joined_weights(lstm))
        >>> fused(tf.random.normal((2, 5, 128)), mask=tf.ones((2, 5), "bool")).shape
        TensorShape([2, 5, 192])
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        self.ahead = self._add_weights(input_shape[-1], "ahead")
        self.back = self._add_weights(input_shape[-1], "back")

    def _add_weights(self, depth: int, name: str) -> tuple[keras.Variable, keras.Variable]:
        """The weights of one direction, `[D + U, 4 U]` and `[4 U]`: in float32, as the operation takes them."""
        options = {"initializer": "zeros", "dtype": "float32", "autocast": False}
        kernel = self.add_weight((depth + self.units, 4 * self.units), name=f"{name}_kernel", **options)
        return kernel, self.add_weight((4 * self.units,), name=f"{name}_bias", **options)

    def call(self, x: Tensor, mask: Mask) -> Tensor:
        turn = _turn(mask)
        # The operation takes time first, and float32 where the policy is bfloat16.
        steps = tf.transpose(tf.cast(x, tf.float32), (1, 0, 2))
        ahead = _run(steps, *self.ahead)
        back = _rows(_run(_rows(steps, turn), *self.back), turn)
        return tf.cast(tf.transpose(tf.concat([ahead, back], axis=-1), (1, 0, 2)), x.dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], 2 * self.units)


class FusedBiLSTMAttention(BiLSTMAttention):
    """A `BiLSTMAttention` whose LSTM is a `FusedBiLSTM`: for graphs that are run and never trained."""

    def _make_lstm(self, policy: keras.DTypePolicy) -> keras.layers.Layer:
        return FusedBiLSTM(self.hidden_dim, dtype=policy, name="lstm")

    @classmethod
    def of(cls, encoder: BiLSTMAttention) -> "FusedBiLSTMAttention":
        """Make the twin of a built encoder, with the same name and weights."""
        twin = cls.from_config(encoder.get_config())
        twin.build((None, None, encoder.project.units))
        lstm = len(encoder.lstm.weights)
        twin.set_weights([*joined_weights(encoder.lstm), *encoder.get_weights()[lstm:]])
        return twin


def joined_weights(lstm: keras.layers.Bidirectional) -> list[Any]:
    """Return the weights of a bidirectional LSTM as those of a `FusedBiLSTM`: a kernel and a bias a direction."""
    cells = (lstm.forward_layer.cell, lstm.backward_layer.cell)
    weights = [cell.get_weights() for cell in cells]
    return [array for kernel, recurrent, bias in weights for array in (np.concatenate([kernel, recurrent]), bias)]


def fused(network: keras.Model) -> keras.Model:
    """Return a functional network with a `FusedBiLSTMAttention` for each `BiLSTMAttention`; it shares all other layers.

    Example:
        >>> outputs = fused(model.network)(model.front_end(["where is my parcel?"]))
    """

    def twin(layer: keras.layers.Layer) -> keras.layers.Layer:
        return FusedBiLSTMAttention.of(layer) if isinstance(layer, BiLSTMAttention) else layer

    return keras.models.clone_model(network, clone_function=twin)


class FusedNetwork(tf.Module):
    """A network as an export runs it: the same outputs, from its `fused` twin.

    Attributes:
        weights: the twin's variables.

    Args:
        network: see `build_intent_network`; it stays as it is.

    Example:
        >>> network = FusedNetwork(model.network)
        >>> outputs = tf.function(network)(model.front_end(["where is my parcel?"]))
    """

    def __init__(self, network: keras.Model) -> None:
        super().__init__()
        twin = fused(network)
        self.weights = [weight.value for weight in twin.weights]
        # In a closure, so that Keras's objects aren't saved: each variable would be stored a second time.
        self._network = lambda inputs: twin(inputs, training=False)

    def __call__(self, inputs: dict[str, Any]) -> Any:
        """Run the network; not for training."""
        return self._network(inputs)


def _run(steps: Tensor, kernel: keras.Variable, bias: keras.Variable) -> Tensor:
    """One LSTM over `[T, B, D]`; returns `[T, B, U]`."""
    units = bias.shape[0] // 4
    state, peephole = tf.zeros((tf.shape(steps)[1], units)), tf.zeros(units)
    return tf.raw_ops.BlockLSTMV2(
        seq_len_max=tf.shape(steps, tf.int64)[0],
        x=steps,
        cs_prev=state,
        h_prev=state,
        w=kernel.value,
        wci=peephole,
        wcf=peephole,
        wco=peephole,
        b=bias.value,
        cell_clip=0.0,
        use_peephole=False,
    ).h


def _turn(mask: Mask) -> Tensor:
    """Which of the T B rows comes where, int32 `[T, B]`, when each message is turned round within its length.

    The padding is turned round too. Copying rows is faster than `tf.reverse_sequence`, which copies numbers.
    """
    batch, time = tf.unstack(tf.shape(mask))
    lengths = tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)
    return (lengths - 1 - tf.range(time)[:, None]) % time * batch + tf.range(batch)


def _rows(steps: Tensor, turn: Tensor) -> Tensor:
    """`[T, B, D]` with its rows in another order."""
    return tf.gather(tf.reshape(steps, (-1, steps.shape[-1])), turn)
