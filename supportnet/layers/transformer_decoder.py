"""placeholder of the decoders until they are merged"""

import keras, tensorflow as tf
from keras import ops
from supportnet.layers.attention import MultiHeadAttention
from supportnet.layers.positional_encoding import PositionalEncoding
from supportnet.layers.rows import by_row


@keras.saving.register_keras_serializable(package="supportnet")
class Block(keras.layers.Layer):
    def __init__(s, n, h, dr, **k):
        super().__init__(**k)
        s.n, s.h, s.dr = n, h, dr
        s.sa = MultiHeadAttention(n, dr)
        s.ca = MultiHeadAttention(n, dr)
        s.n1, s.n2, s.n3 = [keras.layers.LayerNormalization(epsilon=1e-5) for _ in range(3)]
        s.e = keras.layers.Dense(h, activation="relu")
        s.d = keras.layers.Dropout(dr)

    def build(s, x_shape, mem_shape=None):
        xs, ms = x_shape, mem_shape
        s.c = keras.layers.Dense(xs[-1])
        s.sa.build(xs)
        s.ca.build(xs, ms)
        s.n1.build(xs)
        s.n2.build(xs)
        s.n3.build(xs)
        s.e.build(xs)
        s.c.build((*xs[:-1], s.h))

    def call(s, x, mem, mask, causal):
        h = s.n1(x)
        x = x + s.d(s.sa(h, mask=causal))
        h = s.n2(x)
        x = x + s.d(s.ca(h, mem, mask=mask))
        return x + s.d(by_row(x, s.n3, s.e, s.c))


@keras.saving.register_keras_serializable(package="supportnet")
class TransformerDecoder(keras.layers.Layer):
    def __init__(s, hidden_dim, num_layers, num_heads, dropout_rate=0.0, max_length=64, **k):
        super().__init__(**k)
        s.max_length = max_length
        s.pos = PositionalEncoding(128)
        s.b = [Block(num_heads, hidden_dim, dropout_rate) for _ in range(num_layers)]
        s.n = keras.layers.LayerNormalization(epsilon=1e-5)
        s.dr = keras.layers.Dropout(dropout_rate)

    def build(s, x_shape, mem_shape=None):
        s.pos.build(x_shape)
        [b.build(x_shape, mem_shape) for b in s.b]
        s.n.build(x_shape)

    def call(s, x, mem, mask):
        T = ops.shape(x)[1]
        c = ops.arange(T)[:, None] >= ops.arange(T)[None, :]
        c = ops.broadcast_to(c[None], (ops.shape(x)[0], T, T))
        x = s.dr(s.pos(x * float(x.shape[-1]) ** 0.5))
        for b in s.b:
            x = b(x, mem, mask, c)
        return s.n(x)

    def start(s, memory, mask, max_length):
        return {"x": tf.zeros((tf.shape(mask)[0], max_length, s.n.gamma.shape[0])), "memory": memory, "mask": mask}

    def step(s, x, position, state):
        T = tf.shape(state["x"])[1]
        X = tf.where((tf.range(T) == position)[None, :, None], x[:, None, :], state["x"])
        return s(X, state["memory"], state["mask"])[:, position], {**state, "x": X}

    def reorder(s, state, rows):
        return {k: tf.gather(v, rows) for k, v in state.items()}


RecurrentDecoder = TransformerDecoder
