"""What a dual encoder learns from: pairs, batches of candidates, and the losses over them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from supportnet.config import NetworkConfig
from supportnet.data.ticket import Ticket
from supportnet.tasks.suggest.config import SuggestConfig
from supportnet.tasks.suggest.data import Pairs, training_pairs, validation_pairs
from supportnet.tasks.suggest.fit import PairModel, candidate_loss, label_loss, own_is_best
from supportnet.tasks.suggest.model import Suggester
from supportnet.text.vocabulary import Vocabulary

TICKETS = [
    Ticket("hi", "greet", "Hello!"),
    Ticket("hey you", "greet", "hello!"),
    Ticket("bye to you all", "leave", "Goodbye."),
    Ticket("good day to you all", "leave", " HELLO! "),
    Ticket("", None, "Pardon?"),
]
PAIRS = Pairs.of(TICKETS, ["greet", "leave"])


@pytest.fixture(scope="module")
def model() -> Suggester:
    keras.utils.set_random_seed(0)
    config = NetworkConfig("none", embedding_dim=8, num_heads=2, num_buckets=50, vector_dim=4)
    return Suggester(config, Vocabulary(["hi", "hello", "goodbye", "pardon"]), ["greet", "leave"])


def test_pairs_of_tickets() -> None:
    """Equal replies are one; of its labels a reply has the most frequent one."""
    assert len(PAIRS) == 5
    assert PAIRS.texts == [ticket.text for ticket in TICKETS]
    assert PAIRS.replies == ["Hello!", "Goodbye.", "Pardon?"]
    assert PAIRS.reply.tolist() == [0, 0, 1, 0, 2]
    assert PAIRS.labels.tolist() == [0, 0, 1, 1, -1]
    assert PAIRS.reply_labels.tolist() == [0, 1, -1]


def test_labels_that_are_not_known() -> None:
    assert Pairs.of(TICKETS, ["leave"]).labels.tolist() == [-1, -1, 0, 0, -1]
    assert Pairs.of(TICKETS, ["leave"]).reply_labels.tolist() == [0, 0, -1]
    assert Pairs.of(TICKETS).reply_labels.tolist() == [-1, -1, -1]
    # A label of that name is not the lack of one.
    assert Pairs.of(TICKETS, ["None"]).labels.tolist() == [-1] * 5


def test_candidates_are_the_replies_of_the_batch_and_hard_negatives(model: Suggester) -> None:
    """Each text is there once, however many messages got it."""
    negatives = {4: np.array([[2], [1], [0], [1], [0]]), 5: np.array([[1], [2], [2], [2], [1]])}
    batches = list(training_pairs(model, PAIRS, 2, seed=0, epochs=range(4, 6), negatives=negatives.get))
    assert len(batches) == 2 * 3
    seen = []
    for number, (inputs, targets) in enumerate(batches):
        messages = read(model, inputs, "message")
        rows = [row for text in messages for row, own in enumerate(PAIRS.texts) if read_text(model, own) == text]
        seen.append(rows)
        assert len(rows) == len(messages)
        candidates = list(dict.fromkeys([*PAIRS.reply[rows], *negatives[4 + number // 3][rows, 0]]))
        assert read(model, inputs, "reply") == [read_text(model, PAIRS.replies[row]) for row in candidates]
        assert [candidates[i] for i in targets["right"]] == PAIRS.reply[rows].tolist()
        assert targets["message_labels"].numpy().tolist() == PAIRS.labels[rows].tolist()
        assert targets["reply_labels"].numpy().tolist() == PAIRS.reply_labels[candidates].tolist()
    for epoch in (seen[:3], seen[3:]):
        assert sorted(row for rows in epoch for row in rows) == [0, 1, 2, 3, 4]
    assert seen[:3] != seen[3:]


def read(model: Suggester, inputs: dict[str, tf.Tensor], side: str) -> list[tuple[int, ...]]:
    """Texts as the network gets them: their words' ids and their number."""
    ids, mask = inputs[f"{side}_token_ids"].numpy(), inputs[f"{side}_mask"].numpy()
    return [tuple(own[known].tolist()) for own, known in zip(ids, mask, strict=True)]


def read_text(model: Suggester, text: str) -> tuple[int, ...]:
    features = {f"message_{name}": value for name, value in model.preprocessor([text]).items()}
    return read(model, features, "message")[0]


def test_no_more_batches_without_negatives(model: Suggester) -> None:
    negatives = {0: np.zeros((5, 0), "int64")}
    batches = list(training_pairs(model, PAIRS, 2, 0, range(3), negatives.get))
    assert len(batches) == 3
    for _, targets in batches:
        assert targets["reply_labels"].shape[0] == len(set(targets["right"].numpy())) <= targets["right"].shape[0]


def test_validation_holds_each_pair_once_in_a_fixed_order(model: Suggester) -> None:
    first, again = [list(validation_pairs(model, PAIRS)) for _ in range(2)]
    assert len(first) == len(again) == 1
    targets, order = first[0][1], read(model, first[0][0], "message")
    assert order == read(model, again[0][0], "message")
    assert sorted(order) == sorted(read_text(model, text) for text in PAIRS.texts)
    # Three messages got one reply.
    assert sorted(np.bincount(targets["right"])) == [1, 1, 3]


def test_the_loss_is_the_softmax_over_the_candidates() -> None:
    right, scores = tf.constant([0, 1, 0]), tf.Variable([[1.0, 2.0], [0.0, 3.0], [9.0, 9.0]])
    with tf.GradientTape() as tape:
        losses = candidate_loss(right, scores)
    chances = np.array([1 / (1 + np.e), 1 / (1 + np.exp(-3)), 0.5])
    np.testing.assert_allclose(losses, -np.log(chances), atol=1e-5)
    np.testing.assert_allclose(candidate_loss(right, tf.stack([scores, 2 * scores]))[0], losses, atol=1e-5)
    rest = 1 - chances
    expected = [[-rest[0], rest[0]], [rest[1], -rest[1]], [-rest[2], rest[2]]]
    np.testing.assert_allclose(tape.gradient(losses, scores), expected, atol=1e-5)
    assert own_is_best(right, scores.value()).numpy().tolist() == [0, 1, 1]


def test_rows_without_a_label_cost_nothing() -> None:
    """The mean of two branches that say the same, then of two that don't."""
    logits = ops.array([[[0.0, np.log(3.0)]] * 2, [[5.0, -5.0]] * 2, [[0.0, 0.0]] * 2])
    assert float(label_loss(ops.array([1, -1, -1]), logits)) == pytest.approx(-np.log(0.75), abs=1e-5)
    assert float(label_loss(ops.array([1, -1, 0]), logits)) == pytest.approx(-np.log(0.75 * 0.5) / 2, abs=1e-5)
    assert float(label_loss(ops.array([-1, -1, -1]), logits)) == 0.0
    other = ops.array([[[0.0, np.log(3.0)], [0.0, 0.0]]])
    assert float(label_loss(ops.array([1]), other)) == pytest.approx(-np.log(0.75 * 0.5) / 2, abs=1e-5)


def test_a_step_adds_the_losses_and_survives_a_text_without_words(model: Suggester) -> None:
    (batch,) = validation_pairs(model, PAIRS)
    losses = {}
    for weight in (0.0, 0.5):
        training = PairModel.of(model.network, SuggestConfig(label_weight=weight))
        losses[weight] = float(training.compute_loss(y=batch[1], y_pred=model.network(batch[0])))
    outputs = model.network(batch[0])
    labels = sum(float(label_loss(batch[1][name], outputs[name])) for name in ("message_labels", "reply_labels"))
    assert losses[0.5] - losses[0.0] == pytest.approx(0.5 * labels, rel=1e-4)
    with tf.GradientTape() as tape:
        loss = training.compute_loss(y=batch[1], y_pred=model.network(batch[0]))
    for gradient in tape.gradient(loss, model.network.trainable_variables):
        assert np.isfinite(tf.convert_to_tensor(gradient)).all()
