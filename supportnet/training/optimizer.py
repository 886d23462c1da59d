"""AdamW that updates only the rows of an embedding table that a batch has touched, and its schedule."""

from typing import Any

import keras
import tensorflow as tf

from supportnet.config import RunConfig


def scheduled_adamw(
    learning_rate: float,
    weight_decay: float,
    warmup_share: float,
    steps: int,
    frozen_steps: int = 0,
    ema_momentum: float = 0.0,
) -> "LazyAdamW":
    """Make the optimizer of a training of so many steps: linear warm-up, then cosine decay to a hundredth.

    Args:
        learning_rate: the peak.
        weight_decay: decoupled decay, on matrices and tables only.
        warmup_share: share of the steps that warm up, in [0, 1).
        steps: batches of the whole training.
        frozen_steps: see `LazyAdamW`.
        ema_momentum: what a step leaves of the running mean of the weights; 0 keeps none.

    Example (needs a trained model):
        >>> model.compile(scheduled_adamw(2e-3, weight_decay=0.05, warmup_share=0.1, steps=1000), loss)
    """
    warmup = int(steps * warmup_share)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup else learning_rate,
        decay_steps=max(1, steps - warmup),
        alpha=0.01,
        warmup_target=learning_rate if warmup else None,
        warmup_steps=warmup,
    )
    ema = {"use_ema": True, "ema_momentum": ema_momentum} if ema_momentum else {}
    optimizer = LazyAdamW(schedule, weight_decay=weight_decay, global_clipnorm=1.0, frozen_steps=frozen_steps, **ema)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "log_scale"])
    return optimizer


def compile_for_training(
    model: keras.Model, config: RunConfig, steps: int, frozen_steps: int = 0, **options: Any
) -> None:
    """Compile a model with the optimizer of its training, ready to be restored.

    Args:
        model: the network, or a view of it.
        config: how to train; see `scheduled_adamw`.
        steps: batches of the whole training.
        frozen_steps: see `LazyAdamW`.
        **options: of `model.compile`: loss, metrics.

    Example (needs a trained model):
        >>> compile_for_training(model, RunConfig(), steps=1000, loss=loss)
    """
    rates = (config.learning_rate, config.weight_decay, config.warmup_share)
    optimizer = scheduled_adamw(*rates, steps, frozen_steps, config.ema_momentum)
    # Batches differ in length: XLA would compile anew for each.
    model.compile(optimizer, jit_compile=False, **options)
    model.optimizer.build(model.trainable_variables)


def optimizer_facts(optimizer: keras.optimizers.Optimizer) -> dict[str, Any]:
    """Return the kind and the settings of an optimizer, by which a resumed run recognizes its own; JSON can hold them.

    Example:
        >>> optimizer_facts(keras.optimizers.SGD(0.5))["config"]["learning_rate"]
        0.5
    """
    facts = keras.saving.serialize_keras_object(optimizer)
    # Keras numbers the names of the optimizers of a process.
    return {**facts, "config": {name: value for name, value in facts["config"].items() if name != "name"}}


@keras.saving.register_keras_serializable(package="supportnet")
class LazyAdamW(keras.optimizers.AdamW):
    """AdamW (Loshchilov & Hutter 2019), lazy on tables: rows that a batch doesn't hold keep values and moments.

    A batch touches a tenth of the rows of the n-gram table. The dense update writes all of them, with their
    moments and a dozen temporary tables, and takes longer than the rest of a training step. Where every row is
    touched, and for every variable that is not a table, the update is AdamW's.

    Args:
        frozen_steps: steps at the start in which the table named `word_embeddings` keeps its values.
        **kwargs: arguments of `keras.optimizers.AdamW`.

    Example (needs a trained model):
        >>> model.compile(LazyAdamW(learning_rate=1e-3, weight_decay=0.05), loss)
    """

    def __init__(self, *args: Any, frozen_steps: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.frozen_steps = frozen_steps

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "frozen_steps": self.frozen_steps}

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """Update the variables by the gradient of the whole batch, on however many replicas it was computed.

        A row that a batch holds twice comes twice in a table's gradient. The rows are merged and the replicas' shares
        added up before Keras clips: the norm is then that of the gradient, however the batch was cut.

        Args:
            grads: the gradients, in the order of the variables; on several replicas, their shares of it.
            trainable_variables: as in Keras.
        """
        grads = [_merged(gradient) for gradient in grads]
        replica = tf.distribute.get_replica_context()
        if replica is not None and replica.num_replicas_in_sync > 1:
            given = [gradient for gradient in grads if gradient is not None]
            added = iter(replica.all_reduce(tf.distribute.ReduceOp.SUM, given))
            grads = [None if gradient is None else _merged(next(added)) for gradient in grads]
        super().apply(grads, trainable_variables)

    def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> Any:
        # Keras would add the replicas' gradients here, each clipped by itself. `apply` has added them.
        return grads_and_vars

    def _clip_gradients(self, grads: Any) -> Any:
        # Keras multiplies each gradient by the scale, which makes a table of a table's rows.
        if self.global_clipnorm is None:
            return super()._clip_gradients(grads)
        return tf.clip_by_global_norm(grads, self.global_clipnorm)[0]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        # TensorFlow's own name of it: "embed/word_embeddings:0".
        if self.frozen_steps and "/word_embeddings:" in f"/{variable.name}:":
            learning_rate *= tf.cast(self.iterations >= self.frozen_steps, learning_rate.dtype)
        if isinstance(gradient, tf.IndexedSlices):
            self._update_rows(gradient, variable, tf.cast(learning_rate, variable.dtype))
        else:
            super().update_step(gradient, variable, learning_rate)

    def _update_rows(self, gradient: tf.IndexedSlices, variable: Any, learning_rate: tf.Tensor) -> None:
        rows, slope = gradient.indices, gradient.values
        index = self._get_variable_index(variable)
        momentum, velocity = self._momentums[index].value, self._velocities[index].value
        step = tf.cast(self.iterations + 1, variable.dtype)
        scale = learning_rate * tf.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        first = _rows(momentum, rows) * self.beta_1 + slope * (1 - self.beta_1)
        second = _rows(velocity, rows) * self.beta_2 + tf.square(slope) * (1 - self.beta_2)
        values = _rows(variable, rows)
        values -= learning_rate * self.weight_decay * values
        _write(variable, rows, values - scale * first / (tf.sqrt(second) + self.epsilon))
        _write(momentum, rows, first)
        _write(velocity, rows, second)

    def _use_weight_decay(self, variable: Any) -> bool:
        # The rows' decay is part of their update.
        return "embeddings" not in variable.name and super()._use_weight_decay(variable)


def _merged(gradient: Any) -> Any:
    """Sum the entries of a table's gradient that are of the same row; another gradient stays as it is."""
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    rows, position = tf.unique(gradient.indices)
    values = tf.math.unsorted_segment_sum(gradient.values, position, tf.size(rows))
    return tf.IndexedSlices(values, rows, gradient.dense_shape)


def swap_means(optimizer: keras.optimizers.Optimizer) -> None:
    """Exchange the weights and their running means, where the optimizer keeps any: twice leaves all as it was."""
    if not optimizer.use_ema:
        return
    # The list is Keras's own, which its SwapEMAWeights goes through in the same way.
    for weight, mean in zip(optimizer._trainable_variables, optimizer._model_variables_moving_average, strict=True):
        kept = keras.ops.convert_to_numpy(weight)
        weight.assign(mean)
        mean.assign(kept)


def _rows(variable: Any, rows: tf.Tensor) -> tf.Tensor:
    """Read rows without reading the table."""
    return tf.raw_ops.ResourceGather(resource=variable.handle, indices=rows, dtype=variable.dtype)


def _write(variable: Any, rows: tf.Tensor, values: tf.Tensor) -> None:
    tf.raw_ops.ResourceScatterUpdate(resource=variable.handle, indices=rows, updates=values)
