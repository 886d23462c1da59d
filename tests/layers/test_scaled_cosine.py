import keras
import numpy as np
import pytest
from keras import ops

from supportnet.layers import ScaledCosine

MESSAGES = np.array([[1.0, 0.0], [0.6, 0.8]], "float32")
REPLIES = np.array([[0.0, 1.0], [1.0, 0.0], [-0.6, 0.8]], "float32")
COSINES = [[0.0, 1.0, -0.6], [0.8, 0.6, 0.28]]


@pytest.fixture
def cosine() -> ScaledCosine:
    cosine = ScaledCosine()
    cosine.build(MESSAGES.shape)
    return cosine


def test_the_scale_begins_at_the_inverse_of_7_hundredths(cosine: ScaledCosine) -> None:
    assert float(cosine.scale) == pytest.approx(1 / 0.07)
    np.testing.assert_allclose(cosine(MESSAGES, REPLIES), np.array(COSINES) / 0.07, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("log_scale", "scale"), [(np.log(5), 5), (-9, np.exp(-9)), (4.6, np.exp(4.6)), (4.7, 100)])
def test_the_scale_is_positive_and_ends_at_100(cosine: ScaledCosine, log_scale: float, scale: float) -> None:
    cosine.log_scale.assign(log_scale)
    np.testing.assert_allclose(cosine(MESSAGES, REPLIES), scale * np.array(COSINES), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("target", "sign"), [(30.0, 1), (-30.0, -1)])
def test_the_scale_is_learned(cosine: ScaledCosine, target: float, sign: int) -> None:
    """It grows for scores that are wanted larger, and shrinks for others, but never below 0."""
    message, reply = keras.Input((2,)), keras.Input((2,))
    model = keras.Model([message, reply], cosine(message, reply))
    model.compile(keras.optimizers.SGD(0.01), loss="mae", jit_compile=False)
    scales = [float(cosine.scale)]
    for _ in range(3):
        model.train_on_batch([MESSAGES[:1], REPLIES[1:2]], ops.full((1, 1), target))
        scales.append(float(cosine.scale))
    assert (sign * np.diff(scales) > 0).all()
    assert min(scales) > 0
