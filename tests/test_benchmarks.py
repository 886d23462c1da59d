"""The benchmark's own arithmetic; what it measures is tested where it lives."""

import math
import statistics
import sys
from pathlib import Path
from typing import Any

import pytest

from supportnet.data.ticket import OUT_OF_SCOPE, Ticket

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
OPTIONS: dict[str, dict[str, dict[str, Any]]] = {"clinc150": {"svm": {}, "none": {"epochs": 3}}}


@pytest.fixture(autouse=True)
def _import_benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)


def spec(seed: int | None, model: str = "none") -> dict[str, Any]:
    return {"data": "clinc150", "model": model, "seed": seed, "options": OPTIONS["clinc150"][model]}


def figures(accuracy: float, routed: float, right: float | None) -> dict[str, Any]:
    confidence = {"ece": 0.02, "oos_auroc": 0.96, "coverage_at_precision": routed, "precision_at_threshold": right}
    return {"accuracy": accuracy, **confidence}


def test_table_of_means_and_deviations(tmp_path: Path) -> None:
    from intent_results import Results, table

    from supportnet.files import read_json

    results = Results(tmp_path / "intents.json", {"supportnet": "1"})
    results.add(spec(1), figures(0.94, 0.8, 0.95))
    results.add(spec(0), figures(0.9, 0.7, 0.94))
    results.add(spec(None, "svm"), figures(0.91, 0.0, None))
    results.add_speed("clinc150", [{"model": "none", "milliseconds_per_message": 0.54, "messages_per_second": 12345.6}])
    results.write()
    written = read_json(tmp_path / "intents.json")
    assert [run["seed"] for run in written["runs"]] == [None, 0, 1]
    assert written["summary"][1]["sd"]["accuracy"] == pytest.approx(0.04 / math.sqrt(2))
    assert table(written).splitlines()[2:] == [
        "| CLINC150 | TF-IDF + linear SVM | 91.0 | 0.960 | 0.0% / – | 0.020 | – | – |",
        "| CLINC150 | supportnet without an encoder | 92.0 ± 2.8 | 0.960 | 75.0% / 94.5% | 0.020 | 0.5 ms | 12,346 |",
    ]


@pytest.mark.parametrize(("version", "epochs", "known"), [("1", 3, True), ("2", 3, False), ("1", 4, False)])
def test_only_runs_of_this_version_and_these_options_count(
    tmp_path: Path, version: str, epochs: int, known: bool
) -> None:
    from intent_results import Results

    first = Results(tmp_path / "intents.json", {"supportnet": "1"})
    first.add(spec(0), figures(0.9, 0.7, 0.94))
    first.add_speed("clinc150", [{"model": "none"}])
    first.write()
    second = Results(tmp_path / "intents.json", {"supportnet": version})
    second.keep_current({"clinc150": {"none": {"epochs": epochs}}})
    assert second.has(spec(0)) == known
    assert not second.has(spec(1))
    assert bool(second.speed) == known


def test_options_for_a_trial_leave_the_svm_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    import intents

    options = intents.wanted_options(1)
    assert "epochs" not in options["clinc150"]["svm"]
    assert {options[data][name]["epochs"] for data in options for name in intents.ARCHITECTURES} == {1}
    monkeypatch.setattr(sys, "argv", ["intents.py", "--epochs", "1"])
    with pytest.raises(SystemExit):
        intents.parsed()


def test_timed_messages_have_twelve_words_in_the_middle() -> None:
    from intent_speed import MESSAGES, timed_messages

    tickets = [Ticket(" ".join(["word"] * (i % 20 + 1)), "talk") for i in range(2000)]
    texts = timed_messages([Ticket(" ".join(["no"] * 12), OUT_OF_SCOPE), *tickets])
    assert len(texts) == MESSAGES
    assert statistics.median(len(text.split()) for text in texts) == 12
    assert not any(text.startswith("no") for text in texts)


def test_word_vectors_file_and_medians(tmp_path: Path) -> None:
    import word_vectors

    from supportnet.embeddings import load_word_embeddings

    word_vectors.write_vectors(tmp_path / "vectors.bin", 50, 3)
    assert len(load_word_embeddings(tmp_path / "vectors.bin")) == 50
    assert load_word_embeddings(tmp_path / "vectors.bin", words=word_vectors.needed(50, 5)).index_to_key == (
        ["0", "par10", "parcel20", "pa30", "parce40"]
    )
    load = {"peak_megabytes": 1500.0, "megabytes_before": 100.0, "words": 50}
    loads = [{"loader": "gensim", "seconds": seconds, **load} for seconds in (4.0, 9.0, 2.0)]
    loads += [{"loader": name, "seconds": 1.0, **load} for name in word_vectors.LOADERS[1:]]
    summary = word_vectors.summary(loads)
    assert [row["times_gensim"] for row in summary] == [1.0, 0.25, 0.25]
    assert word_vectors.table(summary).splitlines()[3] == ("| supportnet | 50 | 1.00 | 0.25 | 1,500 MB (100 before) |")


def run_of(start: str, labels: int | None, seed: int, accuracy: float) -> dict[str, Any]:
    parts = {"data": "banking77", "architecture": "transformer", "start": start, "labels": labels, "seed": seed}
    return {**parts, "options": {}, "figures": {"accuracy": accuracy}}


def test_table_of_starts(tmp_path: Path) -> None:
    from embeddings import table, write

    from supportnet.files import read_json

    runs = [run_of("pretrained", 5, 1, 0.7), run_of("pretrained", 5, 0, 0.6), run_of("svm", None, 0, 0.912)]
    # The words that an encoder finds are not intents.
    write([*runs, run_of("encoder", None, 0, 0.5)], tmp_path / "embeddings.json")
    summary = read_json(tmp_path / "embeddings.json")["summary"]
    assert [row["seeds"] for row in summary] == [[0, 1], [0]]
    assert table(summary).splitlines() == [
        "Accuracy on banking77, transformer:",
        "",
        "| labels an intent | 5 | all |",
        "|---|---|---|",
        "| TF-IDF + linear SVM | – | 91.2 |",
        "| pre-trained on the messages | 65.0 ± 7.1 | – |",
    ]


def test_starts_with_other_options_are_done_again() -> None:
    from embeddings import lacking

    wanted = [run_of("random", 5, 0, 0.0), run_of("random", 5, 1, 0.0), run_of("random", None, 0, 0.0)]
    others = {**run_of("random", 5, 1, 0.6), "options": {"epochs": 3}}
    assert lacking(wanted, [run_of("random", 5, 0, 0.6), others]) == wanted[1:]


def test_interval_of_a_mean() -> None:
    from embeddings_plot import interval

    # Student's t for one degree of freedom: 12.7 standard errors.
    assert interval({"seeds": [0, 1], "sd": math.sqrt(2)}) == pytest.approx(1270.6, abs=0.1)
    assert interval({"seeds": [0], "sd": None}) == 0


def test_labels_are_drawn_for_every_intent_and_the_rest_is_left() -> None:
    from few_labels import drawn

    pool = [Ticket(f"message {i}", intent) for i, intent in enumerate(["a", "b", "a", "a", "b", "c"])]
    known, rest = drawn(pool, 2, seed=0)
    assert sorted(str(ticket.intent) for ticket in known) == ["a", "a", "b", "b", "c"]
    assert sorted([*known, *rest], key=lambda ticket: ticket.text) == pool
    assert drawn(pool, 2, seed=0)[0] == known
    assert drawn(pool, None, seed=0) == (pool, [])


@pytest.mark.slow
def test_an_encoder_that_began_with_others_messages(tmp_path: Path) -> None:
    from few_labels import measured

    from supportnet.files import read_json
    from supportnet.training.initial_weights import load_encoder

    (tmp_path / "own.csv").write_text("text,intent\n" + "where is my parcel,find\nmy card is lost,lost\n" * 5)
    (tmp_path / "others.csv").write_text("text\n" + "book a table\n" * 2)
    options = {"epochs": 1, "embedding_dim": 8, "num_heads": 2, "num_buckets": 100}
    data = {"data": str(tmp_path / "own.csv"), "load": {}, "more": [str(tmp_path / "others.csv")], "seed": 0}
    run = {**data, "start": "encoder_more", "encoder": str(tmp_path / "encoder"), "options": options}
    assert measured(run)["messages"] == 8
    assert "table" in load_encoder(tmp_path / "encoder").vocabulary.tokens
    assert read_json(tmp_path / "encoder-others" / "config.json")["data"]["messages"] == 10
    config = read_json(tmp_path / "encoder" / "config.json")
    assert config["start"]["init"] == load_encoder(tmp_path / "encoder-others").digest


def test_the_self_trained_svm_learns_from_messages_without_labels() -> None:
    from few_labels import svm_predictions

    known = [Ticket("alpha one", "a"), Ticket("beta two", "b")]
    rest = [Ticket("alpha gamma", None)] * 20 + [Ticket("beta delta", None)] * 20
    assert svm_predictions(known, rest, [Ticket("gamma"), Ticket("delta")]) == ["a", "b"]


def test_tables_of_serving() -> None:
    from serving_tables import tables

    asked = {"requests": 7000, "errors": 0, "median_ms": 2.0, "p99_ms": 8.25, "per_second": 500.0}
    load = {"connections": 32, "alone": asked, "rest": {**asked, "megabytes": [800.0, 810.0]}, "grpc": asked}
    speed = {"model": "none", "milliseconds_per_message": 0.5, "cpu_milliseconds_per_message": 0.25}
    speed |= {"messages_per_second": 12345.0, "times_svm_throughput": 2.0}
    lines = tables({"machine": {}, "speed": [speed], "load": load}).splitlines()
    assert lines[2] == "| supportnet without an encoder | 0.50 ms | 0.25 ms | 12,345 | 2.00 |"
    assert lines[7] == "| REST, 32 connections | 7,000 | 0 | 2.0 ms | 8.2 ms | 500 | 800 MB, then 810 MB |"
    assert len(lines) == 9


def test_what_is_compared_can_be_planned() -> None:
    import tomllib

    import comparison

    from supportnet.compare.plan import plan_of

    plans = {name: plan_of(values) for name, values in tomllib.loads(comparison.PLANS.read_text("utf-8")).items()}
    assert {task for plan in plans.values() for task in plan.tasks} == {"classify", "suggest"}
    assert {study for plan in plans.values() for study in plan.studies} == {"length", "size", "gradients"}
    assert all(len(plan.seeds) >= 3 for plan in plans.values())


def real_run(ours: int, theirs: int, both: int, seed: int = 0) -> dict[str, Any]:
    """A run of which so many messages are right for one alone, for the other alone, and for both or neither."""
    judged = ours + theirs + both
    right = {"accuracy": (ours + both) / judged, "svm_accuracy": (theirs + both) / judged}
    promise = {"precision": 0.9, "asked": 0.95}
    routed = {"routed_right_in_scope": {"share": 0.92, "interval": [0.88, 0.95], "count": 100}}
    found = {
        "num_judged": judged,
        "only_ours_right": ours,
        "only_svm_right": theirs,
        "promise": promise,
        **right,
        **routed,
    }
    return {"data": "banking77", "kind": "rows", "amount": 300, "seed": seed, "options": {}, "figures": found}


def test_draws_that_are_won_tied_and_lost() -> None:
    from real_traffic import tables

    runs = [real_run(60, 20, 400), real_run(20, 20, 440, seed=1), real_run(20, 60, 400, seed=2)]
    line = list(tables(runs))[2]
    assert line.startswith("| banking77 | rows 300 | 3 | 93.1 ± ")
    assert line.endswith("| +0.0 | 2 of 3 | 3 of 3 |")


def test_promises_on_rows_that_did_not_make_them() -> None:
    """Half of 2,000 rows: the rule of 0.1 takes chance for precision half of the time."""
    import numpy as np
    from real_traffic import promises

    random = np.random.default_rng(0)
    scores = random.random(2000)
    right = random.random(2000) < 1 - 0.3 * (1 - scores)
    stored = {"scores": scores.tolist(), "correct": right.tolist(), "in_scope": [True] * 2000}
    run = {"data": "banking77", "kind": "scores", "amount": 0, "seed": 0, "options": {}, "figures": stored}
    by_precision = {row["precision"]: row for row in promises([run])}
    assert 60 <= by_precision[0.95]["broken_before"] <= 140
    assert by_precision[0.95]["broken"] <= 15
    assert 0.5 < by_precision[0.95]["relative_share"] <= 1.0


def test_errors_are_put_into_the_messages_that_are_learned() -> None:
    from real_traffic_runs import changed

    train = [Ticket(f"where is parcel number {i}", "track" if i % 2 else "refund") for i in range(400)]
    spec = {"seed": 0, "amount": 20}
    wrong = changed(train, {**spec, "kind": "wrong"})
    assert 50 < sum(one.intent != other.intent for one, other in zip(train, wrong, strict=True)) < 110
    typos = changed(train, {**spec, "kind": "typos"})
    assert 200 < sum(one.text != other.text for one, other in zip(train, typos, strict=True)) < 380
    assert [ticket.intent for ticket in typos] == [ticket.intent for ticket in train]
    drawn = changed(train, {**spec, "kind": "rows", "amount": 30})
    assert (len(drawn), len({ticket.text for ticket in drawn})) == (30, 30)
    assert changed(train, {**spec, "kind": "all"}) == train
