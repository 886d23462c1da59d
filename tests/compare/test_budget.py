"""Equal numbers of weights."""

import pytest

from supportnet.compare.matching import equal_hidden_dim
from supportnet.layers import RecurrentDecoder, TransformerDecoder


@pytest.mark.parametrize(("budget", "expected"), [(0, 1), (15, 1), (17, 1), (26, 2), (1000, 99), (1008, 100)])
def test_the_nearest_is_found(budget: int, expected: int) -> None:
    assert equal_hidden_dim(lambda hidden_dim: 10 * hidden_dim + 7, budget) == expected


def weights_of(decoder: RecurrentDecoder | TransformerDecoder, depth: int) -> int:
    decoder.build((None, None, depth))
    return decoder.count_params()


@pytest.mark.parametrize(("depth", "hidden_dim", "num_layers"), [(256, 1024, 2), (128, 256, 2), (64, 128, 1)])
def test_the_recurrent_decoder_is_as_large_as_the_transformers(depth: int, hidden_dim: int, num_layers: int) -> None:
    budget = weights_of(TransformerDecoder(hidden_dim, num_layers, num_heads=4, max_length=8), depth)

    def count(hidden_dim: int) -> int:
        return weights_of(RecurrentDecoder(hidden_dim, num_layers, num_heads=4), depth)

    assert count(equal_hidden_dim(count, budget)) == pytest.approx(budget, rel=0.05)
