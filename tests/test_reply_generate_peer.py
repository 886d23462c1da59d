"""Hugging Face's `generate` as a peer in speed; it needs the extra `generate`."""

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")


def test_every_reply_has_as_many_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
    from reply_generate_peer import greedy_decoder
    from reply_speed_peers import REPLY_LENGTH, Sizes

    replies = greedy_decoder(Sizes(vocab_size=100, depth=32, hidden_dim=64, num_layers=1, num_heads=2))(3)
    assert [len(reply) for reply in replies] == [REPLY_LENGTH] * 3
    assert replies[0] == replies[1] == replies[2]
