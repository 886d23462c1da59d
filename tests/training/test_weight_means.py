"""The running mean of the weights: what it is, that it is what is measured and kept, and that a resume knows it."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from supportnet.config import RunConfig
from supportnet.data.ticket import TicketDataset
from supportnet.tasks.train import train
from supportnet.training.loop import BestAndResume, Progress, save_checkpoint
from supportnet.training.optimizer import compile_for_training

MOMENTUM, EPOCHS, STEPS = 0.8, 3, 4


class Weights(keras.callbacks.Callback):
    """Notes the weights after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[np.ndarray] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seen.append(self.model.get_weights()[0])


def expected_mean(seen: list[np.ndarray]) -> np.ndarray:
    mean = seen[0]
    for weights in seen[1:]:
        mean = MOMENTUM * mean + (1 - MOMENTUM) * weights
    return mean


@pytest.mark.parametrize("validated", [True, False])
def test_the_mean_of_all_steps_is_kept(validated: bool) -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(64, 3)).astype("float32"), random.integers(0, 2, 64)
    batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(16)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, use_bias=False)])
    config = RunConfig(epochs=EPOCHS, learning_rate=0.1, ema_momentum=MOMENTUM)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    compile_for_training(model, config, EPOCHS * STEPS, loss=loss, metrics=["accuracy"])
    progress, best, weights = Progress(), model.get_weights(), Weights()
    keeper = BestAndResume(progress, best, EPOCHS, patience=9, path=None)
    held_out = batches if validated else None
    model.fit(batches, validation_data=held_out, epochs=EPOCHS, callbacks=[weights, keeper], verbose=0)

    steps = STEPS * (progress.best_epoch + 1)
    np.testing.assert_allclose(best[0], expected_mean(weights.seen[:steps]), atol=1e-6)
    if validated:
        model.set_weights(best)
        measured = model.evaluate(batches, return_dict=True, verbose=0)
        assert progress.history[progress.best_epoch]["val_loss"] == pytest.approx(measured["loss"], abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("validation_share", [0.0, 0.3])
def test_a_killed_run_ends_as_a_whole_one(
    dataset: TicketDataset,
    options: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    validation_share: float,
) -> None:
    tickets = TicketDataset("toy", {"all": dataset["train"]})
    validation = "split" if validation_share else "none"
    options = {**options, "ema_momentum": 0.9, "validation": validation, "validation_share": validation_share}
    with monkeypatch.context() as patch:
        patch.setattr("warnings.warn", lambda *_, **__: None)
        whole, plain = train(tickets, **options), train(tickets, **{**options, "ema_momentum": 0.0})

        def die(path: Path, model: object, best: object, progress: Progress) -> None:
            save_checkpoint(path, model, best, progress)
            if progress.epoch == 2:
                raise KeyboardInterrupt

        patch.setattr("supportnet.training.loop.save_checkpoint", die)
        with pytest.raises(KeyboardInterrupt):
            train(tickets, tmp_path / "killed", **options)
        resumed = train(tickets, tmp_path / "killed", resume=True, **options)
    assert resumed.history == whole.history
    kept, again, other = (run.model.network.get_weights() for run in (whole, resumed, plain))
    assert all(np.array_equal(one, two) for one, two in zip(kept, again, strict=True))
    assert not all(np.array_equal(one, two) for one, two in zip(kept, other, strict=True))
