"""Cross-validation of a classifier: what its branches say of messages that they haven't learned from.

With few labelled messages, a part that is held out is missed in training, and decides little. Instead, each of a few
models learns from all but one fold, and answers that fold; their answers decide how many epochs the network trains,
how much each branch counts in the vote, and all that `supportnet.tasks.classify.calibrate` fits. Then one model learns
from all messages.
"""

import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
import numpy.typing as npt
from keras import ops
from scipy.special import log_softmax, softmax

from supportnet.backbones.heads import vote
from supportnet.errors import UserError
from supportnet.files import written_whole
from supportnet.metrics.calibration import fit_temperature, tempered
from supportnet.tasks.classify.answers import Ints
from supportnet.training.optimizer import swap_means
from supportnet.training.svm import scale_of

Arrays = Mapping[str, npt.NDArray[np.float32]]

#: The network's outputs that decisions follow from, and what a fold's model leaves of them for `out_of_fold`.
OUTPUTS = ("logits", "margins", "coverage", "known_words")
#: That of a network on a pretrained encoder beside them.
SIMILARITY = "similarity"
FOLD_OUTPUTS = ("branches", *OUTPUTS[1:])
#: Epochs after which the network answers the fold, evenly spaced; the best of them ends the training on all messages.
NUM_CHECKS = 8
#: Shares of the network in the vote that are tried.
SHARES = np.linspace(0, 0.9, 10)
#: The share of the network where nothing can tell, near what little data say.
USUAL_SHARE = 0.2


@dataclass(frozen=True)
class OutOfFold:
    """What is known of M messages, from models that didn't learn from them.

    Attributes:
        rows: their positions among the training messages, int `[M]`.
        folds: the fold of each, int `[M]`.
        epoch: epochs to train for.
        scale: factor of the linear classifier's margins.
        shares: of the branches in the vote, float `[N]`.
        outputs: those of the network that decisions follow from, `[M, ...]` each.
        accuracy, loss: of the vote.
    """

    rows: Ints
    folds: Ints
    epoch: int
    scale: float
    shares: npt.NDArray[np.float64]
    outputs: Arrays
    accuracy: float
    loss: float

    def save(self, path: Path) -> None:
        """Write it, whole or not at all."""
        numbers = {"epoch": self.epoch, "scale": self.scale, "accuracy": self.accuracy, "loss": self.loss}
        arrays: dict[str, Any] = {"rows": self.rows, "folds": self.folds, "shares": self.shares, **self.outputs}
        save_arrays(path, {**arrays, **{name: np.array(number) for name, number in numbers.items()}})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote; a damaged file is a `UserError` that names it."""
        numbers = ("epoch", "scale", "accuracy", "loss")
        found: dict[str, Any] = load_arrays(path, (*OUTPUTS, "rows", "folds", "shares", *numbers))
        outputs = {name: found.pop(name) for name in OUTPUTS}
        return cls(outputs=outputs, **{name: found[name].item() if name in numbers else found[name] for name in found})


class FoldAnswers(keras.callbacks.Callback):
    """Answer the messages of a fold while the network learns from the others.

    Args:
        network: the network in training, with the outputs of `build_head`.
        features: the fold's messages, read.
        epochs: when to answer, counted from 1, ascending.

    Attributes:
        answers: what `out_of_fold` needs of the network's outputs after each of these epochs.
    """

    def __init__(self, network: keras.Model, features: Any, epochs: list[int]) -> None:
        super().__init__()
        self.network, self.features, self.epochs = network, features, epochs
        self.answers: list[dict[str, npt.NDArray[np.float32]]] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if epoch + 1 in self.epochs:
            # The mean of the weights is what is kept in the end.
            swap_means(self.model.optimizer)
            outputs = self.network(self.features, training=False)
            swap_means(self.model.optimizer)
            names = ("branch_logits", *OUTPUTS[1:])
            self.answers.append({name: ops.convert_to_numpy(outputs[name]) for name in names})


def checked_epochs(epochs: int) -> list[int]:
    """Return the epochs, counted from 1, after which a network answers its fold.

    Example:
        >>> checked_epochs(40), checked_epochs(3)
        ([5, 10, 15, 20, 25, 30, 35, 40], [1, 2, 3])
    """
    return sorted({round(epochs * part / NUM_CHECKS) for part in range(1, NUM_CHECKS + 1)} - {0})


def out_of_fold(
    folds: Ints, targets: Ints, epochs: int, keep_network: bool, answers: Callable[[int], Arrays]
) -> OutOfFold:
    """Put the answers of all folds together, and decide by them; what comes out for a fold, by those of the others.

    Args:
        folds: the fold of each of N training messages, int `[N]`; -1 for those that no fold holds.
        targets: index of each message's intent, int `[N]`.
        epochs: those of the schedule.
        keep_network: the network must have a share in the vote.
        answers: fold -> what its model says of its messages, the arrays of `FOLD_OUTPUTS`: after each check `branches`
            `[E, m, N - 1, K]`, and after the last one the others `[m, ...]`, `similarity` among them if it has one.
    """
    numbers = np.unique(folds[folds >= 0])
    rows = np.concatenate([np.flatnonzero(folds == fold) for fold in numbers])
    found = [answers(int(fold)) for fold in numbers]
    # `[E, M, N - 1, K]`: the network's branches after each check.
    branches = np.concatenate([own["branches"] for own in found], axis=1)
    outputs = {name: np.concatenate([own[name] for own in found]) for name in found[0] if name != "branches"}
    margins = outputs["margins"]
    targets, fold_of = targets[rows], folds[rows]

    def decisions(chosen: npt.NDArray[np.bool_]) -> tuple[int, float, npt.NDArray[np.float64]]:
        own = targets[chosen]
        check, scale = best_check(branches[:, chosen], own), scale_of(margins[chosen], own)
        return check, scale, fit_shares(_with_linear(branches[check], margins, scale)[chosen], own, keep_network)

    logits = np.empty_like(margins)
    for fold in numbers:
        # What is said of a fold follows from decisions by the others: they would look too good on their own.
        check, scale, shares = decisions(fold_of != fold)
        held_out = fold_of == fold
        logits[held_out] = voted(_with_linear(branches[check], margins, scale)[held_out], shares)
    check, scale, shares = decisions(np.ones(len(rows), bool))
    return OutOfFold(
        rows,
        fold_of,
        checked_epochs(epochs)[check],
        scale,
        shares,
        {"logits": logits, **outputs},
        accuracy=float(np.mean(logits.argmax(axis=1) == targets)),
        loss=float(-log_softmax(logits, axis=1)[np.arange(len(targets)), targets].mean()),
    )


def _with_linear(branches: Any, margins: Any, scale: float) -> npt.NDArray[np.float32]:
    """Put the logits of the linear classifier behind those of the network: `[M, N - 1, K]` -> `[M, N, K]`."""
    return np.concatenate([branches, (scale * margins)[:, None]], axis=1)


def best_check(branches: npt.NDArray[np.float32], targets: Ints) -> int:
    """Return the check `[E]` at which the network's own branches, `[E, M, N, K]`, are right most often."""
    scores = []
    for branch_logits in branches:
        logits = voted(branch_logits, np.ones(branch_logits.shape[1]))
        loss = -log_softmax(logits, axis=1)[np.arange(len(targets)), targets].mean()
        scores.append((float(np.mean(logits.argmax(axis=1) == targets)), -float(loss)))
    return max(range(len(scores)), key=scores.__getitem__)


def fit_shares(
    branch_logits: npt.NDArray[np.float32], targets: Ints, keep_network: bool = False
) -> npt.NDArray[np.float64]:
    """Return the shares of the branches in the vote under which the targets are likeliest, at its best temperature.

    Args:
        branch_logits: `[M, N, K]` of N branches, the linear classifier's last. The others share alike.
        targets: index of each message's intent, int `[M]`.
        keep_network: they must have a share.

    Returns:
        float `[N]` that sum to 1.
    """
    count = branch_logits.shape[1] - 1
    candidates = [np.append(np.full(count, share / count), 1 - share) for share in SHARES[keep_network:]]

    def likelihood(shares: npt.NDArray[np.float64]) -> float:
        probabilities = softmax(voted(branch_logits, shares), axis=1)
        right = tempered(probabilities, fit_temperature(probabilities, targets))[np.arange(len(targets)), targets]
        return float(np.log(np.maximum(right, np.finfo("float32").tiny)).mean())

    return max(candidates, key=likelihood)


def voted(branch_logits: npt.NDArray[np.float32], shares: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return what `vote` does, as an array."""
    return np.asarray(ops.convert_to_numpy(vote(branch_logits.astype("float32"), shares.astype("float32"))))


def save_arrays(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write arrays by name, whole or not at all."""
    with written_whole(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **dict[str, Any](arrays))


def load_arrays(path: Path, names: Iterable[str]) -> dict[str, npt.NDArray[Any]]:
    """Read arrays by name; a damaged file is a `UserError` that names it."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in names}
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} can't be read: it is damaged ({error}).") from None
