"""A run folder is read back whole, or the file at fault is named."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import supportnet
from supportnet.compare.messages import fingerprint_of
from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.errors import UserError
from supportnet.tasks.train import Trained, load, train
from supportnet.training.initial_weights import load_encoder
from supportnet.training.pretrain import pretrain
from supportnet.training.run_folder import FORMAT, fingerprint, is_run, ticket_fingerprint

FILES = ["config.json", "vocabulary.txt", "intents.json", "confidence.json", "weights.weights.h5"]


@pytest.fixture
def run(finished: tuple[Path, Trained], tmp_path: Path) -> Path:
    """A copy of the finished run's model, to damage."""
    for name in FILES:
        shutil.copy(finished[0] / name, tmp_path)
    return tmp_path


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no run folder at .*nowhere"):
        load(tmp_path / "nowhere", "classify")


@pytest.mark.parametrize("name", FILES)
def test_missing_file(run: Path, name: str) -> None:
    (run / name).unlink()
    assert is_run(run)
    with pytest.raises(UserError, match=rf"{name} is missing"):
        load(run, "classify")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.97])
def test_truncated_file(run: Path, name: str, share: float) -> None:
    content = (run / name).read_bytes()
    (run / name).write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UserError, match=rf"{name}"):
        load(run, "classify")


@pytest.mark.parametrize("name", FILES)
def test_file_of_other_content(run: Path, name: str) -> None:
    (run / name).write_bytes(b"\xff\xfe garbage \n")
    with pytest.raises(UserError, match=rf"{name}"):
        load(run, "classify")


def test_interrupted_run(run: Path) -> None:
    (run / "weights.weights.h5").unlink()
    with pytest.raises(UserError, match="the training hasn't finished, go on with --resume"):
        load(run, "classify")


@pytest.mark.parametrize("intents", ["refund", [], [1, 2, 3, 4], ["a", "a", "b", "c"]])
def test_intents_that_are_none(run: Path, intents: object) -> None:
    (run / "intents.json").write_text(json.dumps(intents))
    with pytest.raises(UserError, match=r"intents\.json is damaged: it must hold a list of distinct names"):
        load(run, "classify")


def test_parts_that_do_not_belong_together(run: Path) -> None:
    """A file that lost whole lines is well-formed still."""
    vocabulary = (run / "vocabulary.txt").read_text().splitlines(keepends=True)
    (run / "vocabulary.txt").write_text("".join(vocabulary[:-2]))
    with pytest.raises(UserError, match=r"doesn't belong to config\.json, vocabulary\.txt and intents\.json"):
        load(run, "classify")


@pytest.mark.parametrize("change", [{"architecture": "crystal_ball"}, {"num_heads": 3}, {"colour": "red"}])
def test_configuration_that_makes_no_network(run: Path, change: dict[str, object]) -> None:
    config = json.loads((run / "config.json").read_text())
    config["network"].update(change)
    (run / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=rf"config\.json is damaged or .*{next(iter(change))}"):
        load(run, "classify")


def as_of(run: Path, version: str | None) -> Path:
    """Make a run that a version before 0.2 wrote, with or without a card."""
    config = json.loads((run / "config.json").read_text())
    del config["format"]
    (run / "config.json").write_text(json.dumps(config))
    if version is not None:
        (run / "model_card.json").write_text(json.dumps({"supportnet": version}))
    return run


@pytest.mark.parametrize("version", ["0.1.0", None])
def test_a_run_of_an_earlier_version(
    run: Path, version: str | None, dataset: TicketDataset, options: dict[str, Any]
) -> None:
    """It is refused with the version that wrote it, whatever is done with it."""
    old = as_of(run, version)
    by = version or "0.1"
    message = rf"^{old} was written by supportnet {by}, whose runs this version can't read: train again\.$"
    for use in (
        lambda: load(old, "classify"),
        lambda: supportnet.load_model(old),
        lambda: train(dataset, old, resume=True, **options),
    ):
        with pytest.raises(UserError, match=message):
            use()


@pytest.mark.parametrize("format_", [1, 2, 4, "3"])
def test_a_run_of_another_format(run: Path, format_: object) -> None:
    (run / "model_card.json").write_text(json.dumps({"supportnet": "0.3.0"}))
    config = json.loads((run / "config.json").read_text())
    assert config["format"] == FORMAT
    (run / "config.json").write_text(json.dumps({**config, "format": format_}))
    with pytest.raises(UserError, match=r"was written by supportnet 0\.3\.0, whose runs this version can't read"):
        load(run, "classify")


def test_an_encoder_of_an_earlier_version(tmp_path: Path, dataset: TicketDataset, options: dict[str, Any]) -> None:
    """Pre-training has no card."""
    sizes = {name: value for name, value in options.items() if name not in ("epochs", "learning_rate")}
    pretrain(dataset, tmp_path / "encoder", **sizes, epochs=1)
    as_of(tmp_path / "encoder", None)
    with pytest.raises(UserError, match=r"encoder was written by supportnet 0\.1, whose runs this version can't read"):
        load_encoder(tmp_path / "encoder")
    with pytest.raises(UserError, match=r"encoder was written by supportnet 0\.1, whose runs this version can't read"):
        train(dataset, init=tmp_path / "encoder", **options)


def test_a_fingerprint_holds_the_labels() -> None:
    plain = Ticket("Where is it?", "track", "On its way.")
    high, low = (Ticket("Where is it?", "track", "On its way.", labels={"priority": p}) for p in ("high", "low"))
    seen = {fingerprint_of(TicketDataset("toy", {"train": [ticket]})) for ticket in (plain, high, low)}
    assert seen == {ticket_fingerprint([ticket]) for ticket in (plain, high, low)}
    assert len(seen) == 3
    two = [Ticket("Hi", labels=labels) for labels in ({"a": "1", "b": "2"}, {"b": "2", "a": "1"})]
    assert ticket_fingerprint(two[:1]) == ticket_fingerprint(two[1:])


def test_a_fingerprint_without_labels_is_as_it_was() -> None:
    tickets = [Ticket("Where is it?", "track", "On its way."), Ticket("Hi")]
    assert ticket_fingerprint(tickets) == "dde1e62489fdcf63ea5c49ec3fb4379fa61f00a4f9987f13297615c551041af8"
    assert ticket_fingerprint(tickets[1:], ["more"]) == fingerprint(["Hi", None, None, "more"])
