"""Learning from messages without labels: their pseudo-labels, in which order, and what it is worth."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from toy_messages import messages

from supportnet.config import NetworkConfig
from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.errors import UserError
from supportnet.files import read_json
from supportnet.layers import NgramScores
from supportnet.tasks.classify.calibrate import Confidence
from supportnet.tasks.classify.config import ClassifyConfig
from supportnet.tasks.classify.data import split
from supportnet.tasks.classify.fit import examples_objective, fit
from supportnet.tasks.classify.model import IntentClassifier
from supportnet.tasks.train import Trained, load, train
from supportnet.text.preprocessor import TextFrontEnd
from supportnet.text.vocabulary import Vocabulary
from supportnet.training.examples import Examples
from supportnet.training.loop import Loop, Progress, save_checkpoint
from supportnet.training.svm import fit_ngrams

pytestmark = pytest.mark.slow

RESULTS = ["history.json", "metrics.json", "model_card.json", "config.json", "confidence.json", "vocabulary.txt"]
#: Half of them in words that no labelled message has.
MORE = [ticket.text.replace("please", "kindly") for ticket in messages(5, seed=2)]


def unlabelled(texts: list[str] = MORE) -> TicketDataset:
    return TicketDataset("more", {"train": list(map(Ticket, texts))})


def same_weights(one: keras.Model, other: keras.Model) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True))


@pytest.fixture(scope="module")
def quick(options: dict[str, Any]) -> dict[str, Any]:
    """Options of two epochs, and two in each of two rounds; dropout is on, so that its state counts."""
    return {**options, "architecture": "none", "epochs": 2, "rounds": 2, "round_epochs": 2}


@pytest.fixture(scope="module")
def whole(quick: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Trained]:
    """The folder of a finished run with two rounds, and what it returned; don't change it."""
    folder = tmp_path_factory.mktemp("rounds") / "whole"
    return folder, train(toy(), folder, unlabelled=unlabelled(), **quick)


def toy() -> TicketDataset:
    return TicketDataset("toy", {"train": messages(4, seed=0), "validation": messages(4, seed=1)})


def test_each_round_has_a_folder(whole: tuple[Path, Trained]) -> None:
    folder, trained = whole
    assert sorted(path.name for path in folder.glob("round_*")) == ["round_1", "round_2"]
    for number in (1, 2):
        names = sorted(path.name for path in (folder / f"round_{number}").iterdir())
        assert names == ["checkpoint.npz", "logs", "pseudo_labels.npy"]
    assert [epoch.get("round") for epoch in trained.history] == [None, None, 1, 1, 2, 2]
    assert read_json(folder / "history.json") == trained.history
    assert read_json(folder / "model_card.json")["data"]["unlabelled_messages"] == len(MORE)
    texts = [ticket.text for ticket in messages(4, seed=1)]
    assert np.array_equal(load(folder, "classify").probabilities(texts), trained.model.probabilities(texts))


def test_metrics_are_those_of_the_last_rounds_best_epoch(whole: tuple[Path, Trained]) -> None:
    _, trained = whole
    last = trained.history[4:]
    best = max(last, key=lambda epoch: (epoch["val_accuracy"], -epoch["val_loss"]))
    assert trained.metrics == {
        "accuracy": best["val_accuracy"],
        "loss": best["val_loss"],
        "best_epoch": 5 + last.index(best),
        "method": "split",
        "baselines": trained.metrics["baselines"],
    }


@pytest.mark.parametrize("rounds", [0, 1])
def test_the_next_round_learns_what_the_last_ones_model_says(
    quick: dict[str, Any], whole: tuple[Path, Trained], rounds: int
) -> None:
    """A training with fewer rounds ends with that model: with the same words, those of unlabelled messages too."""
    labels = np.load(whole[0] / f"round_{rounds + 1}" / "pseudo_labels.npy")
    before = train(toy(), unlabelled=unlabelled(), **{**quick, "rounds": rounds})
    assert before.history == whole[1].history[: 2 + 2 * rounds]
    assert labels.dtype == np.float32
    # Pseudo-labels are what the network says: confidence is fitted after the last round.
    before.model.confidence = Confidence()
    np.testing.assert_array_equal(labels, before.model.probabilities(MORE, batch_size=256))
    assert "kindly" in before.model.vocabulary
    assert not same_weights(before.model.network, whole[1].model.network)


def classifier_of(texts: list[str], intents: list[str]) -> IntentClassifier:
    keras.utils.set_random_seed(0)
    config = NetworkConfig("none", embedding_dim=8, num_buckets=200, num_pairs=100)
    return IntentClassifier(config, Vocabulary.build(texts, min_count=1), intents)


def test_without_unlabelled_messages_it_is_one_plain_training() -> None:
    config = ClassifyConfig(epochs=2, batch_size=8, learning_rate=0.02)
    alone = split(toy(), config)
    plain, without = (classifier_of(alone.texts, alone.intents) for _ in range(2))
    # As for few messages: every intent counts alike, and the vote is mostly the linear classifier's.
    ngrams = plain.head.get_layer("ngrams")
    fit_ngrams(plain.preprocessor, ngrams, alone.labelled, validation=alone.held_out, balanced=True)
    plain.head.get_layer("vote").shares.assign([0.2, 0.8])
    expected = Loop(progress_bar=False).fit(examples_objective(plain, alone.labelled, alone.held_out, config), config)
    assert fit(without, alone, config, Loop(progress_bar=False)) == expected
    assert same_weights(plain.network, without.network)


def test_a_round_starts_afresh_and_learns_from_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every round begins with the weights that the first training began with, but for the shares of the vote."""
    config = ClassifyConfig(epochs=1, round_epochs=1, batch_size=16)
    both = split(toy(), config, MORE)
    classifier = classifier_of(both.texts, both.intents)
    classifier.head.get_layer("vote").shares.assign([0.2, 0.8])
    start = classifier.network.get_weights()
    seen = []

    def note(preprocessor: TextFrontEnd, layer: NgramScores, labelled: Examples, pseudo: Any, *more: Any) -> None:
        seen.append((classifier.network.get_weights(), pseudo))
        fit_ngrams(preprocessor, layer, labelled, pseudo, *more)

    monkeypatch.setattr("supportnet.tasks.classify.fit.fit_ngrams", note)
    fit(classifier, both, config, Loop(progress_bar=False))
    assert len(seen) == 3
    assert all(np.array_equal(a, b) for weights, _ in seen for a, b in zip(weights, start, strict=True))
    assert seen[0][1] is None
    for _, pseudo in seen[1:]:
        assert (pseudo.texts, pseudo.targets.shape) == (MORE, (len(MORE), 4))
    assert not np.array_equal(seen[1][1].targets, seen[2][1].targets)


def dying(folder: str, epoch: int) -> Callable[..., None]:
    """Make a `save_checkpoint` after which the process ends, in the folder and the epoch named."""

    def save(path: Path, model: keras.Model, best: Any, progress: Progress) -> None:
        save_checkpoint(path, model, best, progress)
        if (path.parent.name, progress.epoch) == (folder, epoch):
            raise KeyboardInterrupt

    return save


@pytest.mark.parametrize(("place", "epoch"), [("run", 2), ("round_1", 1), ("round_2", 1), ("round_2", 2)])
def test_interrupted(
    quick: dict[str, Any],
    whole: tuple[Path, Trained],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    epoch: int,
) -> None:
    """Before the first round, in one, or after the last: it ends as if it had not been."""
    run = tmp_path / "run"
    monkeypatch.setattr("supportnet.training.loop.save_checkpoint", dying(place, epoch))
    with pytest.raises(KeyboardInterrupt):
        train(toy(), run, unlabelled=unlabelled(), **quick)
    monkeypatch.undo()
    resumed = train(toy(), run, unlabelled=unlabelled(), resume=True, **quick)
    assert resumed.history == whole[1].history
    assert same_weights(resumed.model.network, whole[1].model.network)
    assert all((run / name).read_bytes() == (whole[0] / name).read_bytes() for name in RESULTS)
    for number in (1, 2):
        name = f"round_{number}/pseudo_labels.npy"
        assert (run / name).read_bytes() == (whole[0] / name).read_bytes()


def test_interrupted_between_the_pseudo_labels_and_the_first_epoch(
    quick: dict[str, Any], whole: tuple[Path, Trained], tmp_path: Path
) -> None:
    """What a process leaves that dies then: the pseudo-labels, and half of a file."""
    run = tmp_path / "run"
    (run / "round_1").mkdir(parents=True)
    for name in ("config.json", "checkpoint.npz", "round_1/pseudo_labels.npy"):
        shutil.copy(whole[0] / name, run / name)
    (run / "round_1" / ".incomplete-x").mkdir()
    (run / "round_1" / ".incomplete-x" / "checkpoint.npz").write_bytes(b"PK")
    resumed = train(toy(), run, unlabelled=unlabelled(), resume=True, **quick)
    assert resumed.history == whole[1].history
    assert same_weights(resumed.model.network, whole[1].model.network)
    assert not list(run.rglob(".incomplete-*"))


def test_interrupted_in_half_precision(quick: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network that trains is a twin then, another one in each round."""
    options = {**quick, "mixed_precision": True, "epochs": 1, "rounds": 1}
    expected = train(toy(), unlabelled=unlabelled(), **options)
    monkeypatch.setattr("supportnet.training.loop.save_checkpoint", dying("run", 1))
    with pytest.raises(KeyboardInterrupt):
        train(toy(), tmp_path / "run", unlabelled=unlabelled(), **options)
    monkeypatch.undo()
    resumed = train(toy(), tmp_path / "run", unlabelled=unlabelled(), resume=True, **options)
    assert resumed.history == expected.history
    assert same_weights(resumed.model.network, expected.model.network)


def test_a_finished_run_is_returned_as_it_is(quick: dict[str, Any], whole: tuple[Path, Trained]) -> None:
    folder, trained = whole
    files = [folder / "checkpoint.npz", *folder.glob("round_*/*.np?")]
    assert len(files) == 5
    before = [path.stat().st_mtime_ns for path in files]
    again = train(toy(), folder, unlabelled=unlabelled(), resume=True, **quick)
    assert again.history == trained.history
    assert same_weights(again.model.network, trained.model.network)
    assert [path.stat().st_mtime_ns for path in files] == before


@pytest.mark.parametrize("texts", [None, MORE[:-1], [*MORE[:-1], "hello there"]])
def test_other_unlabelled_messages(quick: dict[str, Any], whole: tuple[Path, Trained], texts: list[str] | None) -> None:
    """None at all is another run as well."""
    more = None if texts is None else unlabelled(texts)
    with pytest.raises(UserError, match=r"whole was made from other data \(toy\): go on with the same"):
        train(toy(), whole[0], unlabelled=more, resume=True, **quick)


@pytest.mark.parametrize(("name", "known"), [("rounds", 2), ("round_epochs", 2)])
def test_other_options(quick: dict[str, Any], whole: tuple[Path, Trained], name: str, known: int) -> None:
    with pytest.raises(UserError, match=rf"whole was made with {name}={known}: .* Received: {name}=3"):
        train(toy(), whole[0], unlabelled=unlabelled(), resume=True, **{**quick, name: 3})


def test_damaged_pseudo_labels(quick: dict[str, Any], whole: tuple[Path, Trained], tmp_path: Path) -> None:
    run = Path(shutil.copytree(whole[0], tmp_path / "run"))
    path = run / "round_2" / "pseudo_labels.npy"
    content = path.read_bytes()
    for damaged in (b"", b"garbage", b"PK\3\4 and no more", content[:50], content[:-4]):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"round_2/pseudo_labels\.npy can't be read: it is damaged"):
            train(toy(), run, unlabelled=unlabelled(), resume=True, **quick)
    np.save(path, np.array([{}], dtype=object))
    with pytest.raises(UserError, match=r"round_2/pseudo_labels\.npy can't be read: it is damaged"):
        train(toy(), run, unlabelled=unlabelled(), resume=True, **quick)
    shapes = ((len(MORE), 3), (len(MORE) - 1, 4), (len(MORE) * 4,))
    arrays = [*(np.full(shape, 0.25, "float32") for shape in shapes), np.full((len(MORE), 4), np.nan, "float32")]
    for array in [*arrays, np.full((len(MORE), 4), "0.25")]:
        np.save(path, array)
        with pytest.raises(UserError, match=rf"labels\.npy is damaged: it must hold {len(MORE)} rows of 4 numbers"):
            train(toy(), run, unlabelled=unlabelled(), resume=True, **quick)


def test_a_damaged_checkpoint_of_a_round_is_named(
    quick: dict[str, Any], whole: tuple[Path, Trained], tmp_path: Path
) -> None:
    run = Path(shutil.copytree(whole[0], tmp_path / "run"))
    (run / "round_1" / "checkpoint.npz").write_bytes(b"garbage")
    with pytest.raises(UserError, match=r"round_1/checkpoint\.npz can't be read: it is damaged"):
        train(toy(), run, unlabelled=unlabelled(), resume=True, **quick)


def test_unlabelled_messages_link_words() -> None:
    """No labelled message has the words that are asked about: they stand beside known ones in unlabelled ones."""
    known = {"refund": ["money", "refund"], "track": ["parcel", "shipping"]}
    unknown = {"refund": ["wybb", "qocc"], "track": ["zuff", "xijj"]}
    labelled = [Ticket(f"{word} {word}", intent) for intent, words in known.items() for word in words]
    texts = [f"{a} {b}" for intent in known for a in known[intent] for b in unknown[intent] for _ in range(6)]
    options: dict[str, Any] = {
        **{"architecture": "none", "embedding_dim": 16, "num_buckets": 500, "validation_share": 0.0},
        **{"epochs": 10, "round_epochs": 10, "batch_size": 8, "learning_rate": 0.02, "progress_bar": False},
    }
    found = []
    for rounds in (0, 2):
        dataset = TicketDataset("words", {"train": labelled})
        with pytest.warns(UserWarning, match="no validation messages"):
            model = train(dataset, unlabelled=unlabelled(texts), rounds=rounds, **options).model
        asked = [(word, model.intents.index(intent)) for intent, words in unknown.items() for word in words]
        probabilities = model.probabilities([word for word, _ in asked])
        found.append([probabilities[row, intent] for row, (_, intent) in enumerate(asked)])
    without, with_rounds = found
    assert min(with_rounds) > 0.75
    assert min(with_rounds) > max(without)
