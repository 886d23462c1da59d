"""Callbacks and an optimizer of the user's own: they are used, and a run goes on with the same optimizer only."""

import signal
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import supportnet
from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.errors import UserError
from supportnet.tasks.train import Trained, train
from supportnet.training.loop import Progress, save_checkpoint


class Epochs(keras.callbacks.Callback):
    """Notes every epoch's metrics."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, dict[str, float]]] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.seen.append((epoch, {name: float(value) for name, value in (logs or {}).items()}))


def sgd(learning_rate: float = 0.5) -> keras.optimizers.Optimizer:
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, decay_steps=24)
    return keras.optimizers.SGD(schedule, momentum=0.9, global_clipnorm=1.0)


def weights_of(trained: Trained) -> list[np.ndarray]:
    return trained.model.network.get_weights()


def same_weights(one: Trained, other: Trained) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(weights_of(one), weights_of(other), strict=True))


@pytest.fixture(scope="module")
def by_sgd(options: dict[str, Any], contrary: TicketDataset, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The folder of a finished run by an optimizer of one's own, and what `train` returned; don't change it."""
    folder = tmp_path_factory.mktemp("optimizers") / "run"
    return folder, train(contrary, folder, optimizer=sgd(), **{**options, "patience": 9})


def test_callbacks_see_every_epoch_and_change_nothing(
    dataset: TicketDataset, options: dict[str, Any], finished: tuple[Path, Trained]
) -> None:
    epochs = Epochs()
    trained = train(dataset, callbacks=[epochs], **options)
    assert [epoch for epoch, _ in epochs.seen] == [0, 1, 2, 3]
    assert [metrics for _, metrics in epochs.seen] == trained.history == finished[1].history
    assert same_weights(trained, finished[1])


def test_a_callback_can_stop_training(dataset: TicketDataset, options: dict[str, Any]) -> None:
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.stop_training = epoch == 1

    assert len(supportnet.train(dataset, callbacks=[Stop()], **options).history) == 2


def test_an_interrupt_ends_training_after_the_batch(dataset: TicketDataset, options: dict[str, Any]) -> None:
    ended = []

    class Press(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            if batch == 1:
                signal.raise_signal(signal.SIGINT)

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            ended.append(batch)

    # A shell that starts the tests in the background has interrupts ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            train(dataset, callbacks=[Press()], **options)
        assert ended == [0, 1]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.slow
def test_every_round_and_every_task_has_the_callbacks(
    dataset: TicketDataset, pairs_dataset: TicketDataset, options: dict[str, Any]
) -> None:
    rounds, joint = Epochs(), Epochs()
    more = TicketDataset("more", {"train": [Ticket(ticket.text) for ticket in dataset["validation"]]})
    own = {**options, "architecture": "none", "epochs": 2, "rounds": 1, "round_epochs": 1}
    train(dataset, unlabelled=more, callbacks=[rounds], **own)
    assert [epoch for epoch, _ in rounds.seen] == [0, 1, 0]
    short = {**options, "architecture": "none", "vector_dim": 16, "epochs": 2}
    trained = train(pairs_dataset, task=("classify", "suggest"), callbacks=[joint], **short)
    assert [metrics for _, metrics in joint.seen] == trained.history


def test_an_optimizer_of_ones_own_trains(by_sgd: tuple[Path, Trained], dataset: TicketDataset) -> None:
    losses = [epoch["loss"] for epoch in by_sgd[1].history]
    assert losses == sorted(losses, reverse=True)
    # A third of the loss is the n-grams', which are fitted before the first epoch.
    assert losses[-1] < 0.75 * losses[0]


@pytest.mark.slow
def test_it_is_used_as_it_is_given(dataset: TicketDataset, options: dict[str, Any]) -> None:
    """One step without momentum: the weights change by the gradient alone, and what is given stays unused."""
    one_step = {**options, "architecture": "conv", "num_layers": 1, "epochs": 1, "batch_size": 64}
    still, slow, quick = (keras.optimizers.SGD(rate) for rate in (0.0, 0.1, 0.2))
    start, near, far = (weights_of(train(dataset, optimizer=own, **one_step)) for own in (still, slow, quick))
    moved = 0
    for origin, one, two in zip(start, near, far, strict=True):
        np.testing.assert_allclose(two - origin, 2 * (one - origin), atol=1e-5)
        moved += not np.array_equal(origin, one)
    assert moved > 10
    assert not quick.built
    assert quick.iterations == 0


def test_the_options_of_the_own_optimizer_are_not_asked(dataset: TicketDataset, options: dict[str, Any]) -> None:
    """Its learning rate and decay are its own."""
    short = {**options, "epochs": 1}
    one = train(dataset, optimizer=sgd(), **short)
    other = train(dataset, optimizer=sgd(), **{**short, "learning_rate": 1.0, "weight_decay": 0.5})
    assert same_weights(one, other)


@pytest.mark.parametrize("optimizer", [None, sgd(0.25), keras.optimizers.Adam(0.5)], ids=["none", "rate", "kind"])
def test_a_run_goes_on_with_the_same_optimizer_only(
    by_sgd: tuple[Path, Trained],
    contrary: TicketDataset,
    options: dict[str, Any],
    optimizer: keras.optimizers.Optimizer | None,
) -> None:
    own = {**options, "patience": 9}
    again = train(contrary, by_sgd[0], resume=True, optimizer=sgd(), **own)
    assert again.history == by_sgd[1].history
    with pytest.raises(UserError, match=r"run was made with optimizer=.*SGD.*: go on with the same\. Received: optim"):
        train(contrary, by_sgd[0], resume=True, optimizer=optimizer, **own)


def test_a_run_without_an_own_optimizer_goes_on_without(
    dataset: TicketDataset, options: dict[str, Any], finished: tuple[Path, Trained]
) -> None:
    with pytest.raises(UserError, match=r"finished was made with optimizer=None: .* Received: optimizer=.*SGD"):
        train(dataset, finished[0], resume=True, optimizer=sgd(), **options)


def test_interrupted_with_an_own_optimizer(
    by_sgd: tuple[Path, Trained],
    contrary: TicketDataset,
    options: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its momentum and its step are in the checkpoint."""

    def die(path: Path, model: object, best: object, progress: Progress) -> None:
        save_checkpoint(path, model, best, progress)
        if progress.epoch == 2:
            raise KeyboardInterrupt

    own = {**options, "patience": 9}
    with monkeypatch.context() as patch:
        patch.setattr("supportnet.training.loop.save_checkpoint", die)
        with pytest.raises(KeyboardInterrupt):
            train(contrary, tmp_path / "run", optimizer=sgd(), **own)
    resumed = train(contrary, tmp_path / "run", resume=True, optimizer=sgd(), **own)
    assert resumed.history == by_sgd[1].history
    assert same_weights(resumed, by_sgd[1])


def test_an_own_optimizer_freezes_nothing(dataset: TicketDataset, options: dict[str, Any], tmp_path: Path) -> None:
    frozen = {**options, "embeddings": "word2vec", "frozen_epochs": 1}
    with pytest.raises(UserError, match=r"^frozen_epochs must be 0 with an optimizer of your own\. Received: .*=1$"):
        train(dataset, tmp_path / "run", optimizer=sgd(), **frozen)
    assert not (tmp_path / "run").exists()
