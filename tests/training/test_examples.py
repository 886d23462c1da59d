"""Examples whose classes are labelled, and examples whose classes are pseudo-labelled."""

import numpy as np
import pytest

from supportnet.training.examples import Examples, mixed


def test_a_label_is_certain() -> None:
    labelled = Examples(["a", "b", "c"], np.array([2, 0, 2]))
    assert len(labelled) == 3
    assert labelled.best.tolist() == [2, 0, 2]
    assert labelled.certainty.tolist() == [1.0, 1.0, 1.0]
    assert labelled.certainty.dtype == "float32"
    assert labelled.best.dtype == "int64"


def test_a_pseudo_label_is_the_likeliest_class() -> None:
    pseudo = Examples(["a", "b"], np.array([[0.2, 0.7, 0.1], [0.5, 0.25, 0.25]], "float32"))
    assert len(pseudo) == 2
    assert pseudo.best.tolist() == [1, 0]
    np.testing.assert_allclose(pseudo.certainty, [0.7, 0.5])
    assert pseudo.certainty.dtype == "float32"


def test_no_message_at_all() -> None:
    for targets in (np.zeros(0, "int64"), np.zeros((0, 3), "float32")):
        nothing = Examples([], targets)
        assert (len(nothing), nothing.best.shape, nothing.certainty.shape) == (0, (0,), (0,))


@pytest.mark.parametrize(
    ("num_labelled", "num_pseudo", "times"),
    # A fifth: 1 labelled message to 4 pseudo-labelled ones. As many as there are, where that is more already.
    [(1, 40, 10), (10, 40, 1), (10, 80, 2), (3, 40, 3), (50, 4, 1), (7, 1, 1)],
)
def test_labelled_messages_are_repeated_up_to_a_fifth(num_labelled: int, num_pseudo: int, times: int) -> None:
    labelled = Examples([f"labelled {i}" for i in range(num_labelled)], np.arange(num_labelled) % 3)
    rows = np.random.default_rng(0).dirichlet([1, 1, 1], num_pseudo).astype("float32")
    pseudo = Examples([f"pseudo-labelled {i}" for i in range(num_pseudo)], rows)
    both = mixed(labelled, pseudo, num_classes=3)
    assert both.texts == [*labelled.texts] * times + [*pseudo.texts]
    assert both.targets.shape == (times * num_labelled + num_pseudo, 3)
    assert both.targets.dtype == "float32"
    assert both.best[: times * num_labelled].tolist() == labelled.targets.tolist() * times
    assert both.certainty[: times * num_labelled].tolist() == [1.0] * (times * num_labelled)
    np.testing.assert_array_equal(both.targets[times * num_labelled :], rows)
    np.testing.assert_allclose(both.targets.sum(axis=1), 1.0, rtol=1e-5)
