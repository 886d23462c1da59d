"""The LSTMs of an exported graph: one operation a direction, in place of a loop of some twenty a step."""

from typing import Any

import keras
import tensorflow as tf

from supportnet.layers import BiLSTMAttention


class FusedBiLSTM(tf.Module):
    """What a bidirectional LSTM returns, from TensorFlow's `BlockLSTMV2`; forward only, with weights of its own.

    At batch size 1 a loop's operations cost more than the numbers they compute. `BlockLSTMV2` is a core operation with
    a kernel for the CPU and takes the gates in Keras's order; it knows no mask, so that the backward LSTM reads each
    message turned round within its own length.

    Args:
        lstm: `keras.layers.Bidirectional` of an LSTM with `return_sequences`, built, with the outputs concatenated;
            its weights are copied.

    Call arguments:
        x: float `[B, T, D]`, T at least 1.
        mask: bool `[B, T]`, True = real token; the real tokens come first.

    Returns:
        float `[B, T, 2 U]`, in the dtype of `x`. At real positions what `lstm` returns; at others it means nothing.

    Example:
        >>> lstm = keras.layers.Bidirectional(keras.layers.LSTM(96, return_sequences=True))
        >>> lstm.build((None, None, 128))
        >>> FusedBiLSTM(lstm)(tf.random.normal((2, 5, 128)), mask=tf.ones((2, 5), "bool")).shape
        TensorShape([2, 5, 192])
    """

    def __init__(self, lstm: keras.layers.Bidirectional) -> None:
        super().__init__()
        self.ahead = _joined(lstm.forward_layer.cell)
        self.back = _joined(lstm.backward_layer.cell)

    def __call__(self, x: Any, mask: Any) -> Any:
        """Read the messages in both directions."""
        turn = _turn(mask)
        # The operation takes time first, and float32 where the policy is bfloat16.
        steps = tf.transpose(tf.cast(x, tf.float32), (1, 0, 2))
        ahead = _run(steps, *self.ahead)
        back = _rows(_run(_rows(steps, turn), *self.back), turn)
        return tf.cast(tf.transpose(tf.concat([ahead, back], axis=-1), (1, 0, 2)), x.dtype)


class FusedNetwork(tf.Module):
    """A network as an export runs it: the same outputs, with a `FusedBiLSTM` in place of its `BiLSTMAttention`'s LSTM.

    Attributes:
        weights: the network's variables, without those that the `FusedBiLSTM` holds a copy of.

    Args:
        network: see `build_intent_network`; it stays as it is.

    Example (needs a trained model):
        >>> network = FusedNetwork(model.network)
        >>> outputs = tf.function(network)(model.front_end(["where is my parcel?"]))
    """

    def __init__(self, network: keras.Model) -> None:
        super().__init__()
        encoders = [layer for layer in network.layers if isinstance(layer, BiLSTMAttention)]
        replaced = {weight.path for encoder in encoders for weight in encoder.lstm.weights}
        self.weights = [weight.value for weight in network.weights if weight.path not in replaced]
        self.readers = [FusedBiLSTM(encoder.lstm) for encoder in encoders]
        # Behind functions, so that Keras's objects aren't saved: each variable would be stored a second time.
        self._network, self._encoders = lambda inputs: network(inputs, training=False), lambda: encoders

    def __call__(self, inputs: dict[str, Any]) -> Any:
        """Run the network; not for training."""
        for encoder, reader in zip(self._encoders(), self.readers, strict=True):
            # The method, not the module, which TensorFlow would take for a part of the encoder.
            encoder.reader = reader.__call__
        try:
            return self._network(inputs)
        finally:
            for encoder in self._encoders():
                encoder.reader = None


def _joined(cell: Any) -> tuple[tf.Variable, tf.Variable]:
    """The weights of a cell as the operation takes them: `[D + U, 4 U]` and `[4 U]`."""
    kernel = tf.concat([cell.kernel.value, cell.recurrent_kernel.value], axis=0)
    return tf.Variable(kernel, name="kernel"), tf.Variable(cell.bias.value, name="bias")


def _run(steps: Any, kernel: Any, bias: Any) -> Any:
    """One LSTM over `[T, B, D]`; returns `[T, B, U]`."""
    units = bias.shape[0] // 4
    state, peephole = tf.zeros((tf.shape(steps)[1], units)), tf.zeros(units)
    return tf.raw_ops.BlockLSTMV2(
        seq_len_max=tf.shape(steps, tf.int64)[0],
        x=steps,
        cs_prev=state,
        h_prev=state,
        w=kernel,
        wci=peephole,
        wcf=peephole,
        wco=peephole,
        b=bias,
        cell_clip=0.0,
        use_peephole=False,
    ).h


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
