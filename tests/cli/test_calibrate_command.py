"""`supportnet calibrate` and `train --from`: what a team does after the first month."""

import csv
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shell import Shell
from toy_messages import INTENTS, messages

import supportnet
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket
from supportnet.serving import ExportedModel
from supportnet.tasks.classify.calibrate import recalibrate
from supportnet.tasks.train import Trained


def write(path: Path, tickets: Iterable[Ticket]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *((ticket.text, ticket.intent) for ticket in tickets)])
    return path


#: Unlike what is trained on, and half of it about something else.
RECENT = [*messages(30, seed=7), *[Ticket(f"{a} me {b}", OUT_OF_SCOPE) for a in ("sing", "tell") for b in "abcdefghij"]]


@pytest.fixture
def recent(tmp_path: Path) -> Path:
    return write(tmp_path / "recent.csv", RECENT)


@pytest.mark.filterwarnings("ignore:A precision of")
def test_a_run_is_written_again_with_other_thresholds(
    shell: Shell, finished: tuple[Path, Trained], recent: Path, tmp_path: Path
) -> None:
    folder, trained = finished
    out = tmp_path / "october"
    value = shell.json("calibrate", folder, "--data", recent, "--precision", 0.8, "--out", out)
    assert value["promise"]["kind"] == "certified"
    assert (value["promise"]["asked"], value["promise"]["rows"]) == (0.8, 140)
    assert value["before"]["num_in_scope"] == trained.model.confidence.num_in_scope
    model = supportnet.load_model(out)
    assert model.confidence == recalibrate(trained.model, RECENT, precision=0.8)
    assert (model.confidence.num_in_scope, model.confidence.num_out_of_scope) == (120, 20)
    for weight, other in zip(model.network.get_weights(), trained.model.network.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)
    card = json.loads((out / "model_card.json").read_text())
    assert card["confidence"]["promise_rows"] == 140
    # What only a training needs stays where it was, and what recent traffic is compared with is these messages.
    assert not (out / "checkpoint.npz").exists()
    assert json.loads((out / "traffic.json").read_text())["num_messages"] == 140
    lines = shell("calibrate", folder, "--data", recent, "--precision", 0.8, "--out", tmp_path / "again")[
        0
    ].splitlines()
    assert lines[0].startswith("temperature ")
    assert lines[-1] == f"wrote {tmp_path / 'again'}"
    assert "is there already" in shell.error("calibrate", folder, "--data", recent, "--out", out)


@pytest.mark.filterwarnings("ignore:A precision of")
def test_an_export_becomes_another_version(
    shell: Shell, finished: tuple[Path, Trained], recent: Path, tmp_path: Path
) -> None:
    folder, trained = finished
    served = tmp_path / "saved_models" / "toy"
    shell("export", folder, served)
    value = shell.json("calibrate", served, "--data", recent, "--precision", 0.8, "--out", served)
    assert value["out"] == str(served / "2")
    before, after = ExportedModel(served / "1"), ExportedModel(served / "2")
    fitted = recalibrate(trained.model, RECENT, precision=0.8)
    assert after.confidence.temperature == pytest.approx(fitted.temperature, rel=1e-3)
    assert after.confidence.route_threshold == pytest.approx(fitted.route_threshold, rel=1e-3)
    texts = [ticket.text for ticket in RECENT]
    ours, theirs = after.answers(texts), before.answers(texts)
    np.testing.assert_allclose(ours.route_score, theirs.route_score, atol=1e-6)
    assert ours.route.tolist() == (ours.routing_order >= after.confidence.route_threshold).tolist()
    assert ours.route.tolist() != theirs.route.tolist()
    assert ours.probabilities.max() != pytest.approx(theirs.probabilities.max(), abs=1e-4)
    assert json.loads((served / "2/assets.extra/model_card.json").read_text())["classify"]["confidence"]["promise_rows"]


def test_what_it_cannot_be_calibrated_on(
    shell: Shell, finished: tuple[Path, Trained], suggester: tuple[Path, Trained], tmp_path: Path
) -> None:
    folder, out = finished[0], tmp_path / "out"
    other = write(tmp_path / "other.csv", [*messages(6, seed=7), Ticket("what is that", "question")])
    assert "intents that training never saw: question" in shell.error(
        "calibrate", folder, "--data", other, "--out", out
    )
    few = write(tmp_path / "few.csv", messages(6, seed=7)[:5])
    error = shell.error("calibrate", folder, "--data", few, "--out", out)
    assert "at least 20 labelled messages in scope. Received: 5" in error
    error = shell.error("calibrate", suggester[0], "--data", few, "--out", out)
    assert "must hold a run of the task classify. Received: one of the task suggest" in error
    error = shell.error("calibrate", tmp_path / "nothing", "--data", few, "--out", out)
    assert "nothing" in error
    error = shell.error("calibrate", folder, "--data", few, "--out", out, "--precision", 2)
    assert error == "supportnet: error: --precision must be above 0 and at most 1. Received: precision=2.0\n"
    assert not out.exists()


def test_messages_of_the_training_are_told(shell: Shell, finished: tuple[Path, Trained], tmp_path: Path) -> None:
    known = write(tmp_path / "known.csv", messages(12, seed=0))
    err = shell("calibrate", finished[0], "--data", known, "--out", tmp_path / "out")[1]
    assert "48 of 48 messages (100%) were there in training" in err


@pytest.fixture(scope="module")
def may(options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a file, in a folder to copy."""
    folder = tmp_path_factory.mktemp("may")
    write(folder / "may.csv", messages(12, seed=0))
    chosen = {**options, "validation": "split", "validation_share": 0.2, "seed": 3}
    supportnet.train(folder / "may.csv", folder / "run", **chosen)
    return folder


def test_corrections_train_a_run_anew(shell: Shell, may: Path, tmp_path: Path) -> None:
    wrong = messages(12, seed=0)[0]
    assert wrong.intent != INTENTS[1]
    corrections = [Ticket(wrong.text.upper(), INTENTS[1]), *messages(3, seed=5)]
    more, held_out = write(tmp_path / "more.csv", corrections), write(tmp_path / "held_out.csv", messages(8, seed=6))
    value = shell.json(
        "train", "--from", may / "run", "--data", more, "--out", tmp_path / "june", "--against", held_out
    )
    assert value["against"]["num_examples"] == 32
    assert 0 <= value["against"]["p_value"] <= 1
    before, after = (json.loads((run / "config.json").read_text()) for run in (may / "run", tmp_path / "june"))
    assert after["network"] == before["network"]
    assert after["training"] == before["training"]
    assert [Path(file["path"]).name for file in after["data"]["files"]] == ["may.csv", "more.csv"]
    known = {same for ticket in corrections if (same := ticket.text.lower())}
    kept = [ticket for ticket in messages(12, seed=0) if ticket.text.lower() not in known]
    total = after["data"]["train_messages"] + after["data"]["validation_messages"]
    assert total == len(kept) + len(corrections)
    # It can go on from there, with another option.
    argv = ("--data", held_out, "--out", tmp_path / "july", "--epochs", 1, "--no-baseline")
    shell("train", "--from", tmp_path / "june", *argv)
    july = json.loads((tmp_path / "july" / "config.json").read_text())
    assert [Path(file["path"]).name for file in july["data"]["files"]] == ["may.csv", "more.csv", "held_out.csv"]
    assert (july["training"]["epochs"], july["training"]["seed"]) == (1, 3)


def test_a_run_whose_messages_are_not_what_they_were(shell: Shell, may: Path, tmp_path: Path) -> None:
    more = write(tmp_path / "more.csv", messages(3, seed=5))
    kept = may.with_name("kept.csv")
    shutil.copy(may / "may.csv", kept)
    command = ("train", "--from", may / "run", "--data", more, "--out", tmp_path / "june")
    try:
        write(may / "may.csv", messages(11, seed=0))
        assert "may.csv holds other messages than those that" in shell.error(*command)
        (may / "may.csv").unlink()
        assert "may.csv, which" in shell.error(*command)
    finally:
        shutil.copy(kept, may / "may.csv")
    assert "must be the folder of a run of one task" in shell.error(
        "train", "--from", tmp_path / "none", "--data", more, "--out", tmp_path / "june"
    )
    error = shell.error("train", "--data", more, "--out", tmp_path / "june", "--against", more)
    assert "--against compares a classifier with the one of --from" in error
