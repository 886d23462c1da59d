"""Self-training: a model labels the unlabelled messages, and the next one learns from both.

Probabilities and not the best intent, so that a message that the teacher is unsure of teaches little. The student reads
with words dropped: it has to find other signs of what the teacher saw (Xie et al. 2020, Self-training with Noisy
Student). Its branches also learn from the vote of all three, which errs less than any of them.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from supportnet.errors import UserError
from supportnet.files import written_whole
from supportnet.tasks.classify.model import IntentClassifier

#: The pseudo-labels that the last round's model gave, in the folder of the next round.
PSEUDO_LABELS = "pseudo_labels.npy"


def pseudo_labels(model: IntentClassifier, texts: Sequence[str], folder: Path | None) -> npt.NDArray[np.float32]:
    """Return the probability of every intent for every message, float32 `[N, K]`; those of the folder, once written.

    Raises:
        UserError: the file in the folder is damaged.
    """
    path = None if folder is None else folder / PSEUDO_LABELS
    if path is None or not path.exists():
        labels = model.probabilities(texts, batch_size=256)
        if path is not None:
            path.parent.mkdir(exist_ok=True)
            with written_whole(path) as temporary, temporary.open("wb") as file:
                np.save(file, labels)
        return labels
    try:
        # `np.load` would open an archive too.
        with path.open("rb") as file:
            labels = np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path} can't be read: it is damaged ({error}).") from None
    shape = (len(texts), len(model.intents))
    if labels.shape != shape or labels.dtype != np.float32 or not np.isfinite(labels).all():
        raise UserError(f"{path} is damaged: it must hold {len(texts)} rows of {len(model.intents)} numbers.")
    return labels
