"""As many weights for every architecture, counted in real networks."""

from collections.abc import Mapping
from typing import Any

import pytest

from supportnet.compare.matching import count_weights, equal_hidden_dim, match_weights, quadratic
from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.errors import UserError
from supportnet.layers import RecurrentDecoder, TransformerDecoder
from supportnet.tasks import get_task

SIZES = {"embedding_dim": 32, "num_heads": 2, "num_buckets": 1, "num_pairs": 1}
DATASET = TicketDataset("data", {"train": [Ticket("a", "x"), Ticket("b", "y")]})


def build(task: str, name: str, options: Mapping[str, Any]) -> Any:
    config, _ = get_task(task).configs({**options, "architecture": name})
    return get_task(task).compared.network(config, DATASET)


@pytest.mark.parametrize("task", ["classify", "reply"])
def test_networks_have_as_many_weights(task: str) -> None:
    options = {
        "none": SIZES,
        "bilstm_attention": {**SIZES, "hidden_dim": 24},
        "transformer": {**SIZES, "num_layers": 2},
    }
    matched = match_weights(lambda name, own: build(task, name, own), options)
    assert matched["none"] == (SIZES, None)
    counts = {name: count_weights(build(task, name, own)) for name, (own, _) in matched.items()}
    assert counts["transformer"] == pytest.approx(counts["bilstm_attention"], rel=0.05)
    assert matched["bilstm_attention"][0]["hidden_dim"] == 24
    assert {name: matched[name][1] for name in counts} == {**counts, "none": None}


def test_a_decoder_without_an_encoder_is_matched_too() -> None:
    options = {"transformer": {**SIZES, "hidden_dim": 48}, "gpt": SIZES}
    matched = match_weights(lambda name, own: build("reply", name, own), options)
    counts = [count_weights(build("reply", name, own)) for name, (own, _) in matched.items()]
    assert counts[1] == pytest.approx(counts[0], rel=0.05)


def test_tables_do_not_count() -> None:
    small, large = (build("classify", "none", {**SIZES, "num_buckets": n}) for n in (1, 1000))
    assert large.count_params() > 2 * small.count_params()
    assert count_weights(small) == count_weights(large)


def test_sizes_that_cannot_be_matched() -> None:
    options = {"bilstm_attention": {**SIZES, "hidden_dim": 2}, "transformer": {**SIZES, "num_layers": 8}}
    with pytest.raises(UserError, match=r"transformer can't be matched: it has .* weights, and shall have"):
        match_weights(lambda name, own: build("classify", name, own), options)


def test_a_width_counts_like_a_polynomial() -> None:
    counts = [count_weights(build("classify", "bilstm_attention", {**SIZES, "hidden_dim": n})) for n in (1, 2, 3, 50)]
    assert quadratic(counts[:3])(50) == counts[3]


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

    found = equal_hidden_dim(quadratic([count(n) for n in (1, 2, 3)]), budget)
    assert count(found) == pytest.approx(budget, rel=0.05)
