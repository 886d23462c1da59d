"""Learn from messages without labels as well: a model labels them, and the next one learns from both."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from supportnet.errors import UserError
from supportnet.files import remove_incomplete, written_whole
from supportnet.tasks.classify.data import Examples
from supportnet.tasks.classify.fit import Fit, fit_classifier
from supportnet.tasks.classify.model import IntentClassifier
from supportnet.training.config import TrainingConfig

#: What the last round's model believes of the unlabelled messages, in the folder of the next round.
BELIEFS = "beliefs.npy"


def fit_with_unlabelled(
    classifier: IntentClassifier,
    known: Examples,
    unlabelled: Sequence[str],
    validation: Examples,
    config: TrainingConfig,
    folder: Path | None = None,
    progress_bar: bool = True,
) -> Fit:
    """Train `classifier.network` in place, in rounds.

    The first model learns from the labelled messages alone. Its probabilities for every unlabelled one are what the
    next model learns, which starts afresh and reads with words dropped: it has to find other signs of what the
    teacher saw (Xie et al. 2020, Self-training with Noisy Student). Probabilities and not the best intent, so that a
    message that the teacher is unsure of teaches little. Each round's towers also learn from the vote of all three,
    which errs less than any of them.

    Args:
        classifier: a fresh one.
        known: labelled messages.
        unlabelled: other messages; none makes it one plain training.
        validation: see `fit_classifier`.
        config: how to train; `rounds` says how often the unlabelled messages are learned from.
        folder: see `fit_classifier`; each round has a folder of its own in it, `round_1` and so on.
        progress_bar: show one on standard error.

    Returns:
        The history of all rounds, an epoch's `round` with it, and the best epoch of the last round.

    Raises:
        UserError: a checkpoint, or what a round left for the next, is damaged.
    """
    start = classifier.network.get_weights()
    fit = fit_classifier(classifier, known, validation, config, folder, progress_bar)
    for number in range(1, config.rounds + 1) if unlabelled else ():
        home = None if folder is None else folder / f"round_{number}"
        if home is not None:
            remove_incomplete(home)
        believed = Examples(unlabelled, _beliefs(classifier, unlabelled, home))
        classifier.network.set_weights(start)
        last = fit_classifier(classifier, known, validation, config, home, progress_bar, believed)
        history = [{**metrics, "round": number} for metrics in last.history]
        fit = Fit([*fit.history, *history], len(fit.history) + last.best_epoch)
    return fit


def _beliefs(classifier: IntentClassifier, texts: Sequence[str], folder: Path | None) -> npt.NDArray[np.float32]:
    """The probability of every intent for every message, float32 `[N, K]`; once written, those are what counts."""
    path = None if folder is None else folder / BELIEFS
    if path is None or not path.exists():
        beliefs = classifier.probabilities(texts, batch_size=256)
        if path is not None:
            path.parent.mkdir(exist_ok=True)
            with written_whole(path) as temporary, temporary.open("wb") as file:
                np.save(file, beliefs)
        return beliefs
    try:
        # `np.load` would open an archive too.
        with path.open("rb") as file:
            beliefs = np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path} can't be read: it is damaged ({error}).") from None
    shape = (len(texts), len(classifier.intents))
    if beliefs.shape != shape or beliefs.dtype != np.float32 or not np.isfinite(beliefs).all():
        raise UserError(f"{path} is damaged: it must hold {len(texts)} rows of {len(classifier.intents)} numbers.")
    return beliefs
