"""CTranslate2 as a peer in speed: the model that is timed is the one that is meant; it needs the extra `benchmarks`."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ctranslate2")


@pytest.fixture(autouse=True)
def _import_benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")


def test_every_reply_has_as_many_tokens(tmp_path: Path) -> None:
    from reply_speed_peers import COMPUTE_TYPES, REPLY_LENGTH, Sizes, greedy_decoder, write_model

    write_model(tmp_path, Sizes(vocab_size=100, depth=32, hidden_dim=64, num_layers=1, num_heads=2))
    for compute_type in COMPUTE_TYPES:
        replies = greedy_decoder(tmp_path, compute_type)(3)
        assert [len(reply) for reply in replies] == [REPLY_LENGTH] * 3
        assert replies[0] == replies[1] == replies[2]


def test_the_sizes_are_those_that_are_said(tmp_path: Path) -> None:
    """Four maps of an attention, twice in a decoder layer; two of a feed-forward layer; one embedding for all."""
    from reply_speed_peers import Sizes, write_model

    write_model(tmp_path, Sizes())
    matrices = 8000 * 256 + 2 * (4 * 256**2 + 2 * 256 * 1024) + 2 * (8 * 256**2 + 2 * 256 * 1024)
    assert (tmp_path / "model.bin").stat().st_size == pytest.approx(4 * matrices, rel=0.01)


def test_the_other_seed_has_other_weights(tmp_path: Path) -> None:
    from reply_speed_peers import Sizes, write_model

    models = []
    for number, seed in enumerate([0, 0, 1]):
        (tmp_path / str(number)).mkdir()
        write_model(tmp_path / str(number), Sizes(vocab_size=50, depth=16, hidden_dim=16, num_layers=1), seed)
        models.append((tmp_path / str(number) / "model.bin").read_bytes())
    assert models[0] == models[1] != models[2]


def test_the_fastest_call_counts() -> None:
    from reply_speed_peers import Call, row

    found = row("int8", 8, [Call(0.064, 0.008), Call(0.032, 0.016), Call(0.048, 0.016)])
    assert found == pytest.approx(
        {
            "name": "int8",
            "batch_size": 8,
            "milliseconds_per_token": 1.0,
            "median_milliseconds_per_token": 1.5,
            "cpu_milliseconds_per_token": 0.25,
            "tokens_per_second": 8000.0,
        }
    )


def test_both_types_are_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    import reply_speed_peers

    monkeypatch.setattr(reply_speed_peers, "BATCH_SIZES", (1, 2))
    rows = reply_speed_peers.measured({"repeats": 2})["rows"]
    assert [(row["name"], row["batch_size"]) for row in rows] == [
        (f"CTranslate2 {name}", size) for size in (1, 2) for name in ("float32", "int8")
    ]


def test_the_graph_writes_the_same_with_a_cache_and_without() -> None:
    """What the benchmark times beside each other, on a tiny network."""
    from reply_speed import Sizes, encoded, random_network, row, turns, without_cache, writer

    sizes = Sizes(vocab_size=60, depth=16, hidden_dim=16, num_layers=1, num_heads=2)
    network, features = random_network(sizes), encoded(sizes)
    # Untrained, it would say one piece again and again: that which is most like the one before.
    network.get_layer("head").get_layer("decoder").norm.gamma.assign(-np.ones(16))
    kept, anew = writer(network, features, 32), without_cache(network, features)
    assert kept(1).shape == (1, 32)
    assert kept(1)[0].tolist() == anew(1)[0, 1:].tolist()
    assert len(set(kept(1)[0].tolist())) > 1
    assert kept(32).tolist() == kept(1).tolist() * 32
    calls = turns({"a": kept, "b": anew}, repeats=2)
    assert [len(own) for own in calls.values()] == [2, 2]
    assert row("a", 1, calls["a"])["milliseconds_per_token"] > 0
