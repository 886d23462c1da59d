"""The LSTMs of an exported graph: one operation per direction, in place of a loop of some twenty per step."""

from typing import Any

import keras
import tensorflow as tf

from supportnet.layers import BiLSTMAttention


class FusedBiLSTM(keras.layers.Layer):
    """A bidirectional LSTM by TensorFlow's `BlockLSTMV2`; forward pass only.

    At batch size 1 a loop's operations cost more than the numbers they compute. `BlockLSTMV2` is a core operation with
    a kernel for the CPU and takes the gates in Keras's order; it knows no mask, so that the backward LSTM reads each
    message turned round within its own length.

    Args:
        units: units U of each direction.

    Call arguments:
        x: float `[B, T, D]`, T at least 1.
        mask: bool `[B, T]`, True = real token; the real tokens come first.

    Returns:
        float `[B, T, 2 U]`, in the dtype of `x`. At real positions the output of Keras's layer; at others, no meaning.

    Example:
        >>> lstm = keras.layers.Bidirectional(keras.layers.LSTM(96, return_sequences=True))
        >>> lstm.build((None, None, 128))
        >>> fused = FusedBiLSTM(96)
        >>> fused.build((None, None, 128))
        >>> fused.copy_weights(lstm)
        >>> fused(tf.random.normal((2, 5, 128)), mask=tf.ones((2, 5), "bool")).shape
        TensorShape([2, 5, 192])
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        shape = (input_shape[-1] + self.units, 4 * self.units)
        # The operation takes float32 where the policy is bfloat16.
        self.directions = [
            (
                self.add_weight(shape, trainable=False, autocast=False, name=f"{name}_kernel"),
                self.add_weight(shape[1:], trainable=False, autocast=False, name=f"{name}_bias"),
            )
            for name in ("forward", "backward")
        ]

    def copy_weights(self, lstm: keras.layers.Bidirectional) -> None:
        """Take the weights of a built `Bidirectional` of an LSTM, with the outputs concatenated."""
        for (kernel, bias), layer in zip(self.directions, (lstm.forward_layer, lstm.backward_layer), strict=True):
            cell = layer.cell
            kernel.assign(tf.concat([cell.kernel.value, cell.recurrent_kernel.value], axis=0))
            bias.assign(cell.bias.value)

    def call(self, x: Any, mask: Any) -> Any:
        turn = _turn(mask)
        # Time comes first.
        steps = tf.transpose(tf.cast(x, tf.float32), (1, 0, 2))
        forward, backward = ((kernel.value, bias.value) for kernel, bias in self.directions)
        ahead = _run(steps, *forward)
        back = _rows(_run(_rows(steps, turn), *backward), turn)
        return tf.cast(tf.transpose(tf.concat([ahead, back], axis=-1), (1, 0, 2)), x.dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], 2 * self.units)


class FusedBiLSTMAttention(BiLSTMAttention):
    """A `BiLSTMAttention` whose LSTM is a `FusedBiLSTM`; forward pass only."""

    def _make_lstm(self, policy: Any) -> FusedBiLSTM:
        return FusedBiLSTM(self.hidden_dim, dtype=policy, name="lstm")


def fused(network: keras.Model) -> keras.Model:
    """Return a functional model with fused LSTMs in place of Keras's, and otherwise the same layers and weights.

    Models inside the model, such as the backbone of a task's whole network, are replaced alike.
    """

    def replaced(layer: keras.layers.Layer) -> keras.layers.Layer:
        return _fused_encoder(layer) if isinstance(layer, BiLSTMAttention) else layer

    return keras.models.clone_model(network, clone_function=replaced, recursive=True)


class FusedNetwork(tf.Module):
    """A network as an export runs it: the same outputs, with its LSTMs fused; see `fused`.

    Args:
        network: a functional model; it stays as it is.

    Attributes:
        weights: the network's variables, as plain TensorFlow's.

    Example (needs a trained model):
        >>> network = FusedNetwork(model.backbone)
        >>> outputs = tf.function(network)(model.preprocessor(["where is my parcel?"]))
    """

    def __init__(self, network: keras.Model) -> None:
        super().__init__()
        own = fused(network)
        self.weights = [weight.value for weight in own.weights]
        # Kept in a closure so that Keras's objects are not saved: each variable would be stored a second time.
        self._network = lambda inputs: own(inputs, training=False)

    def __call__(self, inputs: dict[str, Any]) -> Any:
        """Run the network; not for training."""
        return self._network(inputs)


def _fused_encoder(encoder: BiLSTMAttention) -> FusedBiLSTMAttention:
    """Return the fused twin of a built encoder, with weights of its own."""
    twin = FusedBiLSTMAttention.from_config(encoder.get_config())
    twin.build((None, None, encoder.project.units))
    twin.lstm.copy_weights(encoder.lstm)
    twin.project.set_weights(encoder.project.get_weights())
    for own, block in zip([*twin.blocks, twin.norm], [*encoder.blocks, encoder.norm], strict=True):
        own.set_weights(block.get_weights())
    return twin


def _run(steps: Any, kernel: Any, bias: Any) -> Any:
    """One LSTM over `[T, B, D]`; returns `[T, B, U]`."""
    units = bias.shape[0] // 4
    zeros: dict[str, Any] = dict.fromkeys(("cs_prev", "h_prev"), tf.zeros((tf.shape(steps)[1], units)))
    zeros |= dict.fromkeys(("wci", "wcf", "wco"), tf.zeros(units))
    length = tf.shape(steps, tf.int64)[0]
    weights = {"w": kernel, "b": bias}
    return tf.raw_ops.BlockLSTMV2(seq_len_max=length, x=steps, **weights, **zeros, cell_clip=0.0, use_peephole=False).h


def _turn(mask: Any) -> Any:
    """Which of the T B rows comes where, int32 `[T, B]`, when each message is turned round within its length.

    The padding is turned round too. Copying rows is faster than `tf.reverse_sequence`, which copies numbers.
    """
    batch, time = tf.unstack(tf.shape(mask))
    lengths = tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)
    return (lengths - 1 - tf.range(time)[:, None]) % time * batch + tf.range(batch)


def _rows(steps: Any, turn: Any) -> Any:
    """`[T, B, D]` with its rows in another order."""
    return tf.gather(tf.reshape(steps, (-1, steps.shape[-1])), turn)
