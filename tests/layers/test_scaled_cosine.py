import keras
import numpy as np
import pytest
from keras import ops

from supportnet.layers import ScaledCosine

#: Of two branches; the second has the first one's vectors turned round.
MESSAGES = np.array([[[1.0, 0.0], [0.0, 1.0]], [[0.6, 0.8], [0.8, 0.6]]], "float32")
REPLIES = np.array([[[0.0, 1.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]], [[-0.6, 0.8], [-0.6, 0.8]]], "float32")
COSINES = np.array([[[0.0, 1.0, -0.6], [0.8, 0.6, 0.28]], [[1.0, 0.0, 0.8], [0.6, 0.8, 0.0]]])


@pytest.fixture
def cosine() -> ScaledCosine:
    cosine = ScaledCosine(num_branches=2)
    cosine.build(MESSAGES.shape)
    return cosine


def test_the_scale_begins_at_the_inverse_of_7_hundredths(cosine: ScaledCosine) -> None:
    np.testing.assert_allclose(cosine.scale, [1 / 0.07, 1 / 0.07], rtol=1e-6)
    np.testing.assert_allclose(cosine(MESSAGES, REPLIES), COSINES / 0.07, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("log_scale", "scale"), [(np.log(5), 5), (-9, np.exp(-9)), (4.6, np.exp(4.6)), (4.7, 100)])
def test_the_scale_is_positive_and_ends_at_100(cosine: ScaledCosine, log_scale: float, scale: float) -> None:
    """Each branch's for itself."""
    cosine.log_scale.assign([log_scale, 0.0])
    scales = np.array([scale, 1.0])[:, None, None]
    np.testing.assert_allclose(cosine(MESSAGES, REPLIES), scales * COSINES, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("target", "sign"), [(30.0, 1), (-30.0, -1)])
def test_the_scale_is_learned(cosine: ScaledCosine, target: float, sign: int) -> None:
    """It grows for scores that are wanted larger, and shrinks for others, but never below 0."""
    message, reply = keras.Input((2, 2)), keras.Input((2, 2))
    model = keras.Model([message, reply], cosine(message, reply))
    model.compile(keras.optimizers.SGD(0.01), loss="mae", jit_compile=False)
    scales = [float(cosine.scale[0])]
    for _ in range(3):
        model.train_on_batch([MESSAGES[:1], REPLIES[1:2]], ops.full((2, 1, 1), target))
        scales.append(float(cosine.scale[0]))
    assert (sign * np.diff(scales) > 0).all()
    assert min(scales) > 0
