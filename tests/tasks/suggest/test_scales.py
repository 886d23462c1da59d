"""How much each branch counts, found where it is known how right replies were drawn."""

from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from supportnet.data.ticket import Ticket
from supportnet.layers import ScaledCosine
from supportnet.tasks.suggest.calibrate import fit_labels, fit_scales
from supportnet.tasks.suggest.data import Pairs

REPLIES, DEPTH, BATCH = 40, 8, 128


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


class Synthetic:
    """Stands for a model with two branches: a text is the number of its vectors."""

    def __init__(self, messages: np.ndarray, replies: np.ndarray, scales: tuple[float, float]) -> None:
        self.rows = {"message": messages, "reply": replies}
        layer = ScaledCosine(2)
        layer.build((None, 2, DEPTH))
        layer.log_scale.assign(np.log(scales))
        self.network = SimpleNamespace(get_layer={"scores": layer}.__getitem__)
        self.heads: dict[str, Any] = {}
        self.scales = np.ones(2 * DEPTH, "float32")

    @property
    def fitted(self) -> list[float]:
        return keras.ops.convert_to_numpy(self.network.get_layer("scores").scale).tolist()

    def vectors(self, texts: list[str], side: str, batch_size: int = 64) -> np.ndarray:
        rows = self.rows[side][[int(text) for text in texts]]
        # The labels' chances stand beside the vectors.
        return np.concatenate([rows.reshape(len(rows), -1), np.ones((len(rows), 3))], axis=1).astype("float32")


def drawn(num: int, true: tuple[float, float], learned: tuple[float, float]) -> tuple[Any, Pairs]:
    """Messages whose replies are drawn with the softmax of the mean of the branches' scores on these scales."""
    random = np.random.default_rng(0)
    messages, replies = (unit(random.normal(size=(n, 2, DEPTH))) for n in (num, REPLIES))
    scores = np.einsum("n,bnd,cnd->bc", np.array(true) / 2, messages, replies)
    right = (scores + random.gumbel(size=scores.shape)).argmax(axis=1)
    tickets = [Ticket(str(i), reply=str(row)) for i, row in enumerate(right)]
    return Synthetic(messages, replies, learned), Pairs.of(tickets)


@pytest.mark.parametrize("true", [(20.0, 4.0), (6.0, 12.0)])
def test_it_finds_the_scales_that_replies_were_drawn_with(true: tuple[float, float]) -> None:
    model, pairs = drawn(2000, true, learned=(14.0, 30.0))
    fit_scales(model, pairs, BATCH)
    assert model.fitted == pytest.approx(true, rel=0.2)


def test_a_reply_counts_with_its_chance_to_be_a_candidate() -> None:
    """A branch that tells but how often replies are used: in batches of one message, they are candidates as often."""
    random = np.random.default_rng(0)
    often = np.linspace(0, 1, REPLIES)
    messages, replies = (unit(random.normal(size=(n, 2, DEPTH))) for n in (2000, REPLIES))
    messages[:, 1] = np.eye(DEPTH)[0]
    replies[:, 1] = np.stack([often, np.sqrt(1 - often**2), *[np.zeros(REPLIES)] * (DEPTH - 2)], axis=1)
    logits = 10.0 / 2 * messages[:, 0] @ replies[:, 0].T + 8.0 * often
    right = (logits + random.gumbel(size=logits.shape)).argmax(axis=1)
    fitted = {}
    for batch_size in (1, 10_000):
        model = Synthetic(messages, replies, (14.0, 4.0))
        fit_scales(model, Pairs.of([Ticket(str(i), reply=str(row)) for i, row in enumerate(right)]), batch_size)
        fitted[batch_size] = model.fitted
    assert fitted[1][1] < 4.0
    assert fitted[10_000][1] > 10.0
    assert fitted[10_000][0] == pytest.approx(10.0, rel=0.2)


def test_a_branch_that_knows_nothing_falls_silent() -> None:
    model, pairs = drawn(2000, (20.0, 0.0), learned=(14.0, 60.0))
    fit_scales(model, pairs, BATCH)
    assert model.fitted[0] > 15
    assert model.fitted[1] < 3


@pytest.mark.parametrize("num", [1, 2])
def test_a_few_messages_change_little(num: int) -> None:
    model, pairs = drawn(num, (20.0, 4.0), learned=(14.0, 30.0))
    fit_scales(model, pairs, BATCH)
    assert model.fitted == pytest.approx([14.0, 30.0], rel=0.6)


def test_no_scale_grows_beyond_the_largest() -> None:
    model, pairs = drawn(500, (300.0, 300.0), learned=(14.0, 30.0))
    fit_scales(model, pairs, BATCH)
    assert max(model.fitted) <= 100.0 + 1e-3


LABELS = 5


def told(true: tuple[float, float], num: int = 2000) -> tuple[Any, Pairs, np.ndarray]:
    """A model whose branches' labels are drawn when they are scaled so, messages with labels, and the kernel."""
    random = np.random.default_rng(0)
    model = Synthetic(unit(random.normal(size=(num, 2, DEPTH))), np.zeros((1, 2, DEPTH)), (1.0, 1.0))
    layer = keras.layers.EinsumDense("bnd,ndk->bnk", (2, LABELS), bias_axes="nk", name="labels")
    layer.build((None, 2, DEPTH))
    kernel = random.normal(scale=0.1, size=(2, DEPTH, LABELS)).astype("float32")
    layer.set_weights([kernel, random.normal(size=(2, LABELS))])
    model.heads["message"] = SimpleNamespace(get_layer={"labels": layer}.__getitem__)
    said = keras.ops.convert_to_numpy(layer(10.0 * model.rows["message"]))
    logits = np.einsum("n,bnk->bk", np.array(true) / 2, said)
    right = (logits + random.gumbel(size=logits.shape)).argmax(axis=1)
    names = [f"label {i}" for i in range(LABELS)]
    tickets = [Ticket(str(i), names[label] if i % 3 else None, "0") for i, label in enumerate(right)]
    return model, Pairs.of(tickets, names), kernel


@pytest.mark.parametrize("true", [(3.0, 0.5), (1.0, 4.0)])
def test_it_finds_how_much_each_branch_says_of_labels(true: tuple[float, float]) -> None:
    """Messages without a label say nothing; the scales of the cosines stay."""
    model, pairs, kernel = told(true)
    fit_labels(model, pairs)
    fitted, _ = model.heads["message"].get_layer("labels").get_weights()
    ratios = (fitted / kernel).reshape(2, -1)
    assert ratios.mean(axis=1) == pytest.approx(true, rel=0.2)
    assert ratios.std(axis=1).max() < 1e-5
    assert model.fitted == [1.0, 1.0]


def test_no_labels_change_nothing() -> None:
    model, pairs, kernel = told((1.0, 0.1), num=1)
    fit_labels(model, pairs)
    np.testing.assert_array_equal(model.heads["message"].get_layer("labels").get_weights()[0], kernel)
