"""As many weights for every architecture, counted in real networks."""

from collections.abc import Mapping
from typing import Any

import pytest

from supportnet.compare.matching import count_weights, match_weights, quadratic
from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.errors import UserError
from supportnet.tasks import get_task

SIZES = {"embedding_dim": 32, "num_heads": 2, "num_buckets": 1, "num_pairs": 1}
DATASET = TicketDataset("data", {"train": [Ticket("a", "x"), Ticket("b", "y")]})


def build(task: str, name: str, options: Mapping[str, Any]) -> Any:
    return get_task(task).compared.network(get_task(task).compared.sizes(name, options)[0], DATASET)


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
