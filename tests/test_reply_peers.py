"""The peers of written replies, on a handful of messages."""

from pathlib import Path

import pytest

from supportnet.data.ticket import Ticket, TicketDataset

SUBJECTS = ["parcel", "refund", "flight", "weather"]
PAIRS = [Ticket(f"tell me about my {subject}", subject, f"Your {subject} is quite fine.") for subject in SUBJECTS]
TRAIN = [*PAIRS, Ticket("what now", None, "Anything else?"), Ticket("and now", None, "Anything else?")]


@pytest.fixture(autouse=True)
def _import_benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")


def test_peers_are_scored_as_models_are() -> None:
    from reply_peers import peers

    rows = {row["name"]: row for row in peers(TicketDataset("star", {"train": TRAIN, "test": PAIRS}))}
    assert list(rows) == [
        "most frequent reply",
        "nearest message, TF-IDF of words",
        "nearest message, TF-IDF of words and pairs",
    ]
    perfect = {"bleu": 100.0, "rouge_l": 100.0, "exact_match": 1.0}
    for name, row in rows.items():
        expected = dict.fromkeys(perfect, 0.0) if name == "most frequent reply" else perfect
        assert {figure: row[figure] for figure in perfect} == pytest.approx(expected)
        assert row["milliseconds_per_reply"] == pytest.approx(1000 * row["cpu_seconds"] / 4)
    assert rows["most frequent reply"]["distinct_1"] == 2 / 8


def test_the_tables_of_replies() -> None:
    """Peers and models by their BLEU; the time of a piece below."""
    from replies import OPTIONS, tables

    scores = {"rouge_l": 50.0, "exact_match": 0.4, "distinct_2": 0.1}
    peers = {"replies": [{"name": "most frequent reply", "bleu": 8.1, **scores}]}
    model = {"greedy": {"bleu": 44.0, **scores}, "beam 4": {"bleu": 45.25, **scores}}
    timed = {"milliseconds_per_token": 1.234, "median_milliseconds_per_token": 1.5}
    speed = {"rows": [{"name": "supportnet", **timed}]}
    common = {"split": "test", "turns": 3}
    runs = [
        {**common, "kind": "model", "options": {"architecture": next(iter(OPTIONS))}, "figures": model},
        {**common, "kind": "peers", "options": {}, "figures": peers},
        {**common, "kind": "speed", "options": {}, "figures": speed},
        {**common, "kind": "speed", "options": {"cores": "all"}, "figures": {"batch_speedup": {"supportnet": 8.0}}},
        {**common, "kind": "peers", "split": "validation", "options": {}, "figures": {"replies": []}},
    ]
    lines = tables(runs).splitlines()
    assert lines[2:5] == [
        "| most frequent reply | 8.1 | 50.0 | 0.400 | 0.100 |",
        "| supportnet transformer, greedy | 44.0 | 50.0 | 0.400 | 0.100 |",
        "| supportnet transformer, beam 4 | 45.2 | 50.0 | 0.400 | 0.100 |",
    ]
    assert lines[-1] == "| supportnet | 1.50 | 1.23 |"


def test_a_run_is_known_again_by_its_options() -> None:
    from star_runs import same_run

    run = {"kind": "model", "split": "test", "turns": 3, "options": {"architecture": "transformer", "seed": 0}}
    assert same_run({**run, "figures": {}}, {**run, "module": "reply_runs", "load": {}})
    assert not same_run({**run, "figures": {}}, {**run, "options": {"architecture": "transformer", "seed": 1}})
