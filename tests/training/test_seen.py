"""Messages that a model has learned from are found again, and nothing else of them is kept."""

import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from toy_messages import messages

from supportnet.data.ticket import TicketDataset
from supportnet.errors import UserError
from supportnet.files import write_array
from supportnet.tasks.classify.evaluate import evaluate_model
from supportnet.tasks.train import Trained, load
from supportnet.training.seen import message_hashes, read_seen, seen_figures

TEXTS = ["Where is order 123456?", "", "Annulez ma commande", "我要退款", "pay\ud83d"]


def test_what_is_written_otherwise_is_the_same_message() -> None:
    others = ["where  is ORDER 998877?\n", " ", "ANNULEZ MA COMMANDE", "我要退款 ", "Pay\ud83d"]
    np.testing.assert_array_equal(message_hashes(TEXTS), message_hashes(others))
    assert len(set(message_hashes(TEXTS).tolist())) == len(TEXTS)
    assert message_hashes(TEXTS).dtype == np.uint32
    assert message_hashes([]).shape == (0,)


def test_the_share_that_is_worth_a_warning() -> None:
    seen = message_hashes(TEXTS)
    with warnings.catch_warnings(action="error"):
        assert seen_figures(seen, [*TEXTS[:1] * 2, *(f"new {i}" for i in range(18))]) == {"count": 2, "share": 0.1}
        assert seen_figures(None, TEXTS) is None
    with pytest.warns(UserWarning, match=r"^3 of 20 messages \(15%\) .*: what they say is too good\. Take held-out"):
        seen_figures(seen, [*TEXTS[:3], *(f"new {i}" for i in range(17))])


def test_a_run_knows_its_messages(dataset: TicketDataset, finished: tuple[Path, Trained]) -> None:
    """Those of training and of validation; loaded, too."""
    folder, trained = finished
    model = load(folder, "classify")
    np.testing.assert_array_equal(model.seen, trained.model.seen)
    assert np.all(np.diff(model.seen.astype("int64")) > 0)
    for split in ("train", "validation"):
        with pytest.warns(UserWarning, match=r"were there in training"):
            figures = evaluate_model(model, dataset[split])
        assert figures["seen_in_training"] == {"count": len(dataset[split]), "share": 1.0}
    new = [ticket for ticket in messages(9, seed=5) if message_hashes([ticket.text])[0] not in model.seen]
    assert evaluate_model(model, new)["seen_in_training"] == {"count": 0, "share": 0.0}


def test_a_run_without_the_file(dataset: TicketDataset, finished: tuple[Path, Trained], tmp_path: Path) -> None:
    run = shutil.copytree(finished[0], tmp_path / "run")
    (run / "seen.npy").unlink()
    model = load(run, "classify")
    assert model.seen is None
    assert evaluate_model(model, dataset["train"])["seen_in_training"] is None


@pytest.mark.parametrize("damage", ["truncated", "numbers", "garbage"])
def test_a_damaged_file_is_named(damage: str, finished: tuple[Path, Trained], tmp_path: Path) -> None:
    path = tmp_path / "seen.npy"
    shutil.copy(finished[0] / "seen.npy", path)
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:-3])
    elif damage == "numbers":
        write_array(path, np.zeros(3))
    else:
        path.write_bytes(b"garbage")
    with pytest.raises(UserError, match=r"seen\.npy .*damaged"):
        read_seen(path)
