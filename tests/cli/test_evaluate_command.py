"""`supportnet evaluate` on exported models; on runs, see test_train_command.py."""

import csv
from pathlib import Path

import pytest
from shell import Shell

from supportnet.serving.saved_models import export
from supportnet.tasks.classify.model import IntentClassifier

TEXTS = ["hello there", "where is\nmy parcel", "我要退款", "parcel " * 80]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four messages, two of them in the split test, and one out of scope."""
    path = tmp_path / "tickets.csv"
    rows = zip(["train", "train", "test", "test"], TEXTS, ["refund", "退款", "退款", "refund"], strict=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("split", "text", "intent"), *rows, ("test", "sing a song", "oos")])
    return path


def test_split(shell: Shell, tiny_export: Path, data: Path) -> None:
    figures = shell.json("evaluate", tiny_export, "--data", data)
    assert {"task", "accuracy", "macro_f1", "top5_accuracy", "num_examples", "milliseconds_per_message"} < set(figures)
    assert (figures["num_examples"], figures["num_out_of_scope"]) == (2, 1)
    # The folder of the versions does as well.
    figures = shell.json("evaluate", tiny_export.parent, "--data", data, "--split", "train")
    assert (figures["num_examples"], figures["num_out_of_scope"]) == (2, 0)


def test_table(shell: Shell, tiny_export: Path, data: Path) -> None:
    out, err = shell("evaluate", tiny_export, "--data", data, "--split", "train")
    assert err == ""
    assert "num_examples              2 (and 0 out of scope)" in out
    for title in ("the weakest intents", "the most confused", "the most confident errors"):
        assert title in out
    assert "where is my parcel" in out


def test_confidence_in_words(shell: Shell, tiny_export: Path, data: Path) -> None:
    figures = shell.json("evaluate", tiny_export, "--data", data)
    out, _ = shell("evaluate", tiny_export, "--data", data)
    assert (
        f"ece                       {figures['ece']:.4f} (uncalibrated {figures['ece_uncalibrated']:.4f}, "
        f"perfect calibration {figures['ece_perfect']:.4f})"
    ) in out
    assert f"oos_auroc                 {figures['oos_auroc']:.4f} (false positives at 95%: " in out
    low, high = figures["precision_interval"]
    interval = f"of them right, 95% interval {low:.1%} to {high:.1%}"
    assert f"{interval}, 75.0% promised; 33.3% out of scope; best possible" in out
    low, high = figures["accuracy_interval"]
    assert out.startswith(
        f"accuracy                  {figures['accuracy']:.4f} (95% interval {low:.3f} to {high:.3f})\n"
    )
    out, _ = shell("evaluate", tiny_export, "--data", data, "--split", "train")
    assert "oos_auroc" not in out
    assert "coverage_at_precision     0.0000 (none, 75.0% promised; 0.0% out of scope" in out


def test_an_export_knows_no_training_messages(shell: Shell, tiny_export: Path, data: Path) -> None:
    """Unless they are named."""
    command = ["evaluate", tiny_export, "--data", data]
    figures = shell.json(*command)
    assert (figures["seen_in_training"], figures["baselines"]) == (None, None)
    assert "seen_in_training" not in shell(*command)[0]
    assert shell.json(*command, "--baseline", data)["baselines"]["majority"]["accuracy"] == 0.5
    out, _ = shell(*command, "--baseline", data)
    assert out.splitlines()[2].startswith("most frequent intent      0.5000 (difference -")
    assert "exclude each other" in shell.error(*command, "--baseline", data, "--no-baseline")
    assert "no data source named 'missing.csv'" in shell.error(*command, "--baseline", "missing.csv")


def test_plots(shell: Shell, tiny_export: Path, data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "plots"
    out, _ = shell("evaluate", tiny_export, "--data", data, "--plots", folder)
    assert out.splitlines()[-1] == f"wrote reliability.png and risk_coverage.png to {folder}"
    assert sorted(path.name for path in folder.iterdir()) == ["reliability.png", "risk_coverage.png"]
    assert shell.json("evaluate", tiny_export, "--data", data, "--plots", folder)["plots"] == str(folder)
    assert shell.json("evaluate", tiny_export, "--data", data)["plots"] is None
    assert f"{data} can't be written: " in shell.error("evaluate", tiny_export, "--data", data, "--plots", data)


def test_long_messages_are_cut(shell: Shell, tiny_export: Path, tmp_path: Path) -> None:
    """Labelled with each of two intents, the message is an error at least once."""
    path = tmp_path / "long.jsonl"
    path.write_text(
        "".join(f'{{"text": "{"x" * 500}", "intent": "{intent}"}}\n' for intent in ("refund", "cancel_order"))
    )
    out, _ = shell("evaluate", tiny_export, "--data", path)
    assert "x" * 57 + "..." in out
    assert "x" * 58 not in out


def test_what_is_not_there(shell: Shell, tiny_export: Path, tmp_path: Path, data: Path) -> None:
    assert "has no split named 'dev'. It has: train, test" in shell.error(
        "evaluate", tiny_export, "--data", data, "--split", "dev"
    )
    assert f"at {tmp_path / 'nothing'}" in shell.error("evaluate", tmp_path / "nothing", "--data", data)
    assert "no data source named 'bankin77'" in shell.error("evaluate", tiny_export, "--data", "bankin77")


def test_damaged_run(shell: Shell, tmp_path: Path, data: Path) -> None:
    """A run without its configuration is a damaged run, not a missing export."""
    run = tmp_path / "run"
    run.mkdir()
    (run / "intents.json").write_text("[]")
    assert "config.json is missing" in shell.error("evaluate", run, "--data", data)


def test_intents_that_training_never_saw(shell: Shell, tiny_export: Path, tmp_path: Path) -> None:
    path = tmp_path / "tickets.csv"
    path.write_text("text,intent\nsing a song,dance\n")
    assert "intents that training never saw: dance" in shell.error("evaluate", tiny_export, "--data", path)


@pytest.fixture
def other(tiny_classifier: IntentClassifier, tmp_path: Path) -> Path:
    """A model that gives each of `tiny_classifier`'s intents the next one's probability."""
    turned = tiny_classifier.intents[1:] + tiny_classifier.intents[:1]
    model = IntentClassifier(tiny_classifier.config, tiny_classifier.vocabulary, turned)
    model.network.set_weights(tiny_classifier.network.get_weights())
    return export(model, tmp_path / "other")


def test_against(
    shell: Shell, tiny_export: Path, tiny_classifier: IntentClassifier, other: Path, tmp_path: Path
) -> None:
    """Labelled as the one model says, the other has every message wrong."""
    path = tmp_path / "own.csv"
    texts = [*TEXTS, "i am ann@example.com"]
    rows = [(answer.text, answer.intent) for answer in tiny_classifier.classify(texts)]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "intent"), *rows])
    figures = shell.json("evaluate", tiny_export, "--data", path, "--against", other)["against"]
    assert (figures["accuracy"], figures["accuracy_against"], figures["p_value"]) == (1.0, 0.0, 0.0625)
    assert (figures["num_fixed"], figures["num_broken"], figures["both_right"], figures["both_wrong"]) == (5, 0, 0, 0)
    assert figures["fixed"][-1]["text"] == "i am <email>"

    out, _ = shell("evaluate", other, "--data", path, "--against", tiny_export)
    scores = "accuracy                  0.0000\naccuracy_against          1.0000\np_value                   0.0625\n"
    # Six messages the other way round have the p-value 1/32.
    verdict = "no difference that chance doesn't explain, in 5 messages"
    assert f"against {tiny_export}: {verdict}\n{scores}" in out
    assert "       other right  other wrong\nright            0            0\nwrong            5            0\n" in out
    assert "\nbroken\n" in out
    assert "\nfixed\n" not in out
    assert "ann@" not in out


def test_against_what_is_not_there(shell: Shell, tiny_export: Path, tmp_path: Path, data: Path) -> None:
    error = shell.error("evaluate", tiny_export, "--data", data, "--against", tmp_path / "nothing")
    assert f"no exported model at {tmp_path / 'nothing'}" in error
