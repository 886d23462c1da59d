import numpy as np

from supportnet.layers import MeanSimilarity

VECTORS = np.array([[1.0, 0.0], [3.0, 4.0], [0.0, 2.0]], "float32")


def similarity() -> MeanSimilarity:
    layer = MeanSimilarity(num_intents=3)
    layer.set_means(VECTORS, np.array([0, 1, 1]))
    return layer


def test_cosines_to_the_means() -> None:
    """The mean of an intent is that of its vectors as they are, not of their directions."""
    mean = np.array([3.0, 6.0]) / 45**0.5
    expected = [[1.0, mean[0], 0.0], [0.6, mean @ [0.6, 0.8], 0.0]]
    np.testing.assert_allclose(similarity()(VECTORS[:2]), expected, rtol=1e-6)


def test_the_length_of_a_vector_does_not_matter() -> None:
    np.testing.assert_allclose(similarity()(VECTORS * 7), similarity()(VECTORS), rtol=1e-6)


def test_between_0_and_1() -> None:
    np.testing.assert_array_equal(similarity()(np.array([[-1.0, 0.0], [0.0, 0.0]], "float32")), np.zeros((2, 3)))
