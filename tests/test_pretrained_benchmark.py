"""`benchmarks/pretrained.py`: its tables, its options, and its runs with a tiny encoder."""

import csv
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from tiny_encoders import write_reader
from toy_messages import WORDS, messages

from supportnet.data.ticket import OUT_OF_SCOPE, Ticket

ENCODER_WORDS = [*(word for own in WORDS.values() for word in own), "please", "my", "the", "hi"]


@pytest.fixture(autouse=True)
def _import_benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_reader(tmp_path_factory.mktemp("weights") / "reader", ENCODER_WORDS)


def arguments(monkeypatch: pytest.MonkeyPatch, *given: str) -> Any:
    import pretrained

    monkeypatch.setattr(sys, "argv", ["pretrained.py", *given])
    return pretrained.parsed()


# The command line, and which runs are missing.


def test_parts_that_need_another_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert arguments(monkeypatch).parts == ["labels", "bots", "full", "training"]
    assert "speed" in arguments(monkeypatch, "--peer-python", "python").parts
    with pytest.raises(SystemExit):
        arguments(monkeypatch, "--parts", "full", "speed")
    assert "--peer-python must be given for the parts speed." in capsys.readouterr().err
    with pytest.raises(SystemExit):
        arguments(monkeypatch, "--jobs", "0")
    assert "--jobs must be 1 to " in capsys.readouterr().err


def test_options_of_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    from pretrained import SETFIT, specs

    wanted = list(specs(arguments(monkeypatch, "--peer-python", "python", "--draws", "2")))
    found = {(spec["data"], spec["kind"], spec["amount"], spec["seed"]): spec["options"] for spec in wanted}
    common = {"backbone": "minilm", "seed": 1}
    assert found["banking77", "labels", 5, 1] == found["sofmattress", "all", 0, 1] == common
    assert found["banking77", "all", 0, 1] == {**common, "validation_share": 0.05}
    assert found["clinc150", "all", 0, 1] == {**common, "out_of_scope_share": 0.18, "precision": 0.95}
    assert found["banking77", "setfit", 10, 1] == {**common, **SETFIT}
    assert found["banking77", "speed", 0, 0] == {
        **{"backbone": "minilm", "seed": 0},
        **{"validation_share": 0.05, "tuned_blocks": 0},
    }
    assert [spec["kind"] for spec in wanted if spec["all_cores"]] == ["training"]


def test_known_runs_are_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pretrained

    from supportnet.files import read_json

    done: list[tuple[Any, ...]] = []

    def do_all(missing: list[dict[str, Any]], jobs: int, name: Any, keep: Any) -> None:
        for spec in missing:
            done.append((spec["data"], spec["kind"], spec["amount"], spec["seed"]))
            keep(spec, {"accuracy": 0.5})

    monkeypatch.setattr(pretrained, "do_all", do_all)
    given = ["--parts", "labels", "--draws", "1", "--out", str(tmp_path / "results.json")]
    pretrained.measure(arguments(monkeypatch, *given))
    assert done == [("banking77", "labels", 10, 0), ("banking77", "labels", 5, 0)]
    pretrained.measure(arguments(monkeypatch, *given))
    assert len(done) == 2
    pretrained.measure(arguments(monkeypatch, *given, "--fresh"))
    assert len(done) == 4
    # Runs on another encoder aren't averaged with these.
    pretrained.measure(arguments(monkeypatch, *given, "--backbone", "other"))
    runs = read_json(tmp_path / "results.json")["runs"]
    assert [(run["amount"], run["options"]["backbone"]) for run in runs] == [(5, "other"), (10, "other")]


# Tables.


def run_of(data: str, kind: str, amount: int, seed: int, **figures: Any) -> dict[str, Any]:
    return {"data": data, "kind": kind, "amount": amount, "seed": seed, "options": {}, "figures": figures}


def scored(ours: float, tuned_blocks: int = 0, auroc: float | None = None) -> dict[str, Any]:
    scope = {"auroc": auroc, "fpr95": 0.25, "best_mcc": 0.5}
    return {
        **{"accuracy": ours, "tuned_blocks": tuned_blocks, **scope},
        **{f"regression_{name}": value for name, value in {"accuracy": 0.8, **scope}.items()},
        **{f"svm_{name}": value for name, value in {"accuracy": 0.6, **scope}.items()},
    }


def test_tables_of_accuracy_and_scope() -> None:
    from pretrained import tables

    runs = [
        run_of("banking77", "labels", 5, 0, **scored(0.8)),
        run_of("banking77", "labels", 5, 1, **scored(0.9)),
        run_of("banking77", "setfit", 5, 0, accuracy=0.75),
        run_of("clinc150", "all", 0, 0, **scored(0.95, tuned_blocks=3, auroc=0.98)),
        run_of("banking77", "training", 0, 0, seconds=300.0, cores=2, epochs=5),
    ]
    assert list(tables(runs)) == [
        "| data | labels per intent | runs | supportnet | MiniLM + regression | TF-IDF + SVM | SetFit | blocks tuned |",
        "|---|---|---|---|---|---|---|---|",
        "| banking77 | 5 | 2 | 85.0 ± 7.1 | 80.0 ± 0.0 | 60.0 ± 0.0 | 75.0, 1 runs | none |",
        "| clinc150 | all | 1 | 95.0 | 80.0 | 60.0 | – | in 1 of 1 runs |",
        "\n| AUROC / FPR95 / best MCC | runs | supportnet | MiniLM + regression | TF-IDF + SVM |",
        "|---|---|---|---|---|",
        "| clinc150 | 1 | 0.980 / 0.250 / 0.500 | 0.980 / 0.250 / 0.500 | 0.980 / 0.250 / 0.500 |",
        "\nTraining on banking77, 2 cores: 5.0 minutes, 4 epochs of tuning.",
    ]


def timings(single: Iterable[float], batched: Iterable[float]) -> Any:
    """By the clock, twice the CPU's time."""
    return [(2 * cpu, cpu) for cpu in single], [(2 * cpu, cpu) for cpu in batched]


def test_tables_of_speed() -> None:
    from pretrained import tables
    from pretrained_speed import EMBED, NOTHING, PIECES, SENTENCE, speed_rows, tokenizer_share

    timed = {
        EMBED: timings([0.005, 0.006, 0.004], [0.32] * 3),
        SENTENCE: timings([0.01] * 3, [0.64, 0.64, 0.48]),
        PIECES: timings([0.0006] * 3, [0.0033] * 3),
        NOTHING: timings([0.0001] * 3, [0.0001] * 3),
    }
    assert tokenizer_share(timed) == {"one": pytest.approx(0.1), "batch": pytest.approx(0.01)}
    found = {
        "rows": speed_rows(timed),
        "tokenizer_share": tokenizer_share(timed),
        "smallest_cosine": 0.99997,
        "load_average": [0.5, 1.0],
        "megabytes": {"files": {"variables": 55.0, "saved_model.pb": 2.0}, "weights": {"word table": 11.8}},
    }
    lines = list(tables([run_of("banking77", "speed", 0, 0, **found)]))[4:]
    assert lines[2:] == [
        "| embed | 10.00 (5.00) | 0.50 (0.40 to 0.60) | 200 | 2.00 (1.50 to 2.00) |",
        "| sentence-transformers | 20.00 (10.00) | 1.00 (1.00 to 1.00) | 100 | 1.00 (1.00 to 1.00) |",
        "| word pieces | 1.20 (0.60) | – | 19,394 | – |",
        "| nothing | 0.20 (0.10) | – | 640,000 | – |",
        "\nShare of the word pieces in the time of `embed`: 10.0% for one message, 1.0% in a batch. "
        "Smallest cosine to sentence-transformers: 0.99997. Load of the machine: 0.5, then 1.0.",
        "\n| export | MB |\n|---|---|",
        "| **all files** | **57.0** |",
        "| variables | 55.0 |",
        "| saved_model.pb | 2.0 |",
        "| of the weights: word table | 11.8 |",
    ]


# What is timed.


class Recorder:
    """A peer that remembers when it was asked."""

    def __init__(self, name: str, asked: list[str]) -> None:
        self.name, self.asked = name, asked

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *exception: object) -> None:
        self.asked.append(f"{self.name} ends")

    def seconds(self, batches: list[list[str]]) -> list[tuple[float, float]]:
        self.asked.append(f"{self.name} {len(batches)}")
        return [(len(batch), 1.0) for batch in batches]


def test_peers_take_turns() -> None:
    from intent_speed import turns

    asked: list[str] = []
    timed = turns({name: Recorder(name, asked) for name in "ab"}, ["text"] * 130, rounds=2)
    # 130 messages one by one, and two batches; at first 50 and both, to warm up.
    assert asked == ["a 52", "b 52", "a 130", "a 2", "b 130", "b 2", "b 130", "b 2", "a 130", "a 2", "b ends", "a ends"]
    assert timed["a"] == ([(1, 1.0)] * 2, [(64, 1.0)] * 2)


def test_speeds_of_models(tmp_path: Path) -> None:
    from intent_speed import speeds

    (tmp_path / "svm.joblib").write_bytes(b"0" * 2_000_000)
    tickets = [Ticket(" ".join(["word"] * words), "talk") for words in (10, 11, 12, 13, 14) for _ in range(60)]
    [row] = speeds({"svm": tmp_path / "svm.joblib"}, tickets, lambda path: Recorder(path.name, []))
    assert row["model"] == "svm"
    assert row["milliseconds_per_message"] == 1000
    assert (row["messages_per_second"], row["messages_per_cpu_second"]) == (1, 64)
    assert (row["median_words"], row["num_messages"], row["megabytes"]) == (12, 300, 2.0)


ANSWERS = """
import json, os, sys
for line in sys.stdin:
    if sys.argv[3] != "embed":
        sys.exit("no such signature")
    print(json.dumps([[float(os.environ["TIME"]), len(batch)] for batch in json.loads(line)]), flush=True)
"""


def test_a_peer_of_another_script(tmp_path: Path) -> None:
    from intent_speed import Peer

    script = tmp_path / "answers.py"
    script.write_text(ANSWERS)
    with Peer(tmp_path, "embed", script=script, TIME="0.5") as peer:
        assert peer.seconds([["one"], ["two", "three"]]) == [(0.5, 1), (0.5, 2)]
    with Peer(tmp_path, "other", script=script) as peer, pytest.raises(RuntimeError, match="no such signature"):
        peer.seconds([["one"]])


def test_a_script_of_another_environment_is_asked_once(tmp_path: Path) -> None:
    from pretrained_peers import ask

    script = tmp_path / "sum.py"
    script.write_text("import json, sys\nprint('reading')\nprint(json.dumps({'sum': sum(json.load(sys.stdin))}))")
    assert ask(sys.executable, script, given=[1, 2], folder=tmp_path) == {"sum": 3}
    with pytest.raises(RuntimeError, match=r"(?s)sum\.py: .*TypeError"):
        ask(sys.executable, script, given=["one"])


def test_the_tokenizer_alone(tmp_path: Path, encoder: Path) -> None:
    from one_core import loaded
    from pretrained_speed import write_tokenizer

    from supportnet.backbones.backbone import build_preprocessor
    from supportnet.config import NetworkConfig
    from supportnet.pretrained.backbone import PretrainedBackbone
    from supportnet.text.vocabulary import Vocabulary

    read = PretrainedBackbone.read(encoder)
    config = NetworkConfig(**read.network_options, max_length=32)
    preprocessor = build_preprocessor(config, Vocabulary(["parcel"], read.pieces))
    write_tokenizer(preprocessor, tmp_path / "tokenizer")
    texts = ["Where is my parcel?", ""]
    found = loaded(str(tmp_path / "tokenizer"), "pieces")(texts)
    np.testing.assert_array_equal(found["piece_ids"], preprocessor(texts)["piece_ids"])
    assert loaded(str(tmp_path / "tokenizer"), "nothing")(texts)["count"] == 2


def test_sizes_of_weights(encoder: Path) -> None:
    from pretrained_speed import weight_sizes

    from supportnet.config import NetworkConfig
    from supportnet.pretrained.backbone import PretrainedBackbone
    from supportnet.tasks.classify.model import IntentClassifier
    from supportnet.text.vocabulary import Vocabulary

    read = PretrainedBackbone.read(encoder)
    config = NetworkConfig(**read.network_options, max_length=32, num_pairs=50, num_buckets=60)
    model = IntentClassifier(config, Vocabulary(["parcel"], read.pieces), ["a", "b"])
    sizes = weight_sizes(model)
    table = read.folder.sizes["vocab_size"] * (read.folder.sizes["embedding_dim"] + 4)
    assert sizes["word table"] == pytest.approx(table / 1e6)
    assert sum(sizes.values()) == pytest.approx(
        sum(keras.ops.convert_to_numpy(weight).nbytes for weight in model.network.weights) / 1e6
    )
    assert min(sizes.values()) > 0


def test_smallest_cosine() -> None:
    from pretrained_speed import smallest_cosine

    assert smallest_cosine(np.eye(2), np.array([[2.0, 0.0], [1.0, 1.0]])) == pytest.approx(0.5**0.5)


# What is scored.


def test_the_regression_answers_as_the_svm_does(encoder: Path) -> None:
    from pretrained_peers import INVERSE_PENALTY, SentenceVectors, fit_regression

    tickets, read = messages(10, seed=0), SentenceVectors(str(encoder))
    texts, labels = [ticket.text for ticket in tickets], [ticket.intent for ticket in tickets]
    vectors = read(texts)
    assert vectors.shape == (40, 8)
    # Messages out of scope aren't learned.
    regression = fit_regression([*tickets, Ticket("hi hi", OUT_OF_SCOPE)], read)
    reference = LogisticRegression(C=INVERSE_PENALTY, max_iter=2000).fit(vectors, labels)
    answers = regression.answers(texts)
    assert [answers.intents[i] for i in answers.predicted] == reference.predict(vectors).tolist()
    np.testing.assert_allclose(answers.route_score, reference.predict_proba(vectors).max(axis=1), rtol=1e-4)


def write_bot(folder: Path, name: str, num_each: int) -> None:
    """A bot in the form of HINT3: a fifth of its test messages is out of scope."""
    (folder / "hint3").mkdir()
    for part, tickets in (("train", messages(num_each, seed=0)), ("test", messages(10, seed=1))):
        rows = [(ticket.text, ticket.intent) for ticket in tickets]
        rows += [(f"hi the weather {i}", "NO_NODES_DETECTED") for i in range(10)] if part == "test" else []
        with (folder / "hint3" / f"{name}_{part}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("sentence", "label"), *rows])


@pytest.mark.slow
def test_a_run_measures_all_beside_each_other(tmp_path: Path, encoder: Path) -> None:
    import pretrained_runs

    write_bot(tmp_path, "toy", 12)
    options = {"backbone": str(encoder), "seed": 0, "max_length": 32, "num_pairs": 500, "num_buckets": 500}
    spec = {"data": "toy", "data_dir": str(tmp_path), "kind": "all", "amount": 0, "seed": 0, "options": options}
    figures = pretrained_runs.measured(spec)
    assert (figures["num_judged"], figures["num_out_of_scope"]) == (40, 10)
    assert (figures["method"], figures["tuned_blocks"]) == ("cross-validation", 0)
    names = ("accuracy", "auroc", "fpr95", "best_mcc")
    assert all(0 <= figures[prefix + name] <= 1 for prefix in ("", "regression_", "svm_") for name in names)
    timed = pretrained_runs.measured({**spec, "kind": "training"})
    assert timed["tuned_blocks"] == 0
    assert timed["seconds"] > 0
    assert timed["epochs"] == 1


def test_setfit_is_asked_for_the_same_draw(tmp_path: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pretrained_runs
    from real_traffic_runs import changed
    from real_traffic_runs import messages as messages_of

    write_bot(tmp_path, "toy", 12)
    asked: dict[str, Any] = {}

    def answer(python: str, script: Path, given: Any, folder: str) -> dict[str, Any]:
        asked.update(given)
        return {"predicted": ["login"] * len(given["judged"]), "seconds": 1.0}

    monkeypatch.setattr(pretrained_runs, "ask", answer)
    spec = {"data": "toy", "data_dir": str(tmp_path), "kind": "setfit", "amount": 3, "seed": 1, "peer_python": "python"}
    figures = pretrained_runs.measured({**spec, "options": {"backbone": str(encoder), "seed": 1, "num_epochs": 1}})
    drawn = changed(messages_of(spec)[0], {**spec, "kind": "labels"})
    assert asked["texts"] == [ticket.text for ticket in drawn]
    assert asked["options"] == {"seed": 1, "num_epochs": 1}
    assert (figures["num_rows"], figures["num_judged"], figures["accuracy"]) == (12, 40, 0.25)
