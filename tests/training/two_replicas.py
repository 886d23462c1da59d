"""Print the largest difference between a training on one replica and one on two; see test_optimizer.py."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from supportnet.training.optimizer import LazyAdamW

#: Rows of the table that each of four messages holds, by step.
STEPS = np.array([[[0, 1], [1, 2], [1, 1], [3, 0]], [[2, 2], [3, 1], [2, 0], [0, 0]], [[0, 3], [3, 3], [1, 2], [3, 2]]])


def trained(replicas: int) -> list[np.ndarray]:
    """Train a table and a kernel; every replica has its share of the messages."""
    strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(replicas)])
    with strategy.scope():
        table = keras.Variable(np.arange(1, 13, dtype="float32").reshape(4, 3) / 10, name="embeddings")
        kernel = keras.Variable(np.array([1.0, 2.0], dtype="float32"), name="kernel")
        adam = LazyAdamW(0.1, weight_decay=0.1, global_clipnorm=0.5)
        adam.build([table, kernel])

    @tf.function
    def step(rows: tf.Tensor) -> None:
        # Below Keras's variables lie mirrored ones, one a replica.
        own_table, own_kernel = (_own(variable) for variable in (table, kernel))
        with tf.GradientTape() as tape:
            read = tf.gather(own_table, rows) ** 2
            losses = tf.reduce_sum(read, (1, 2)) + tf.reduce_sum(own_kernel**2)
            loss = tf.reduce_sum(losses) / STEPS.shape[1]
        adam.apply(tape.gradient(loss, [own_table, own_kernel]), [table, kernel])

    for rows in STEPS:
        shares = np.split(rows, replicas)
        strategy.run(step, [strategy.experimental_distribute_values_from_function(_share(shares))])
    return [keras.ops.convert_to_numpy(_own(variable)) for variable in (table, kernel)]


def _share(shares: list[np.ndarray]) -> Callable[[tf.distribute.experimental.ValueContext], tf.Tensor]:
    return lambda context: tf.constant(shares[context.replica_id_in_sync_group])


def _own(variable: keras.Variable) -> tf.Variable:
    """The replica's own copy; outside of any, the first one's."""
    replica = tf.distribute.get_replica_context()
    copies = tf.distribute.get_strategy().experimental_local_results(variable.value)
    return copies[0 if replica is None else int(tf.get_static_value(replica.replica_id_in_sync_group))]


if __name__ == "__main__":
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    print(max(float(np.abs(one - two).max()) for one, two in zip(trained(1), trained(2), strict=True)))
