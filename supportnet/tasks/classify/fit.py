"""Fit an intent network to labelled messages, and in rounds of self-training to unlabelled ones.

A model labels the unlabelled messages, and the next one learns from both: from probabilities and not the best intent,
so that a message that the teacher is unsure of teaches little. The student reads with words dropped: it has to find
other signs of what the teacher saw (Xie et al. 2020, Self-training with Noisy Student). Its branches also learn from
the vote of all three, which errs less than any of them.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops
from sklearn.utils.class_weight import compute_sample_weight

from supportnet.backbones.backbone import dtype_policy
from supportnet.backbones.heads import BranchCrossentropy, vote_accuracy
from supportnet.errors import UserError
from supportnet.files import read_array, write_array
from supportnet.tasks.classify.config import ClassifyConfig
from supportnet.tasks.classify.data import Split
from supportnet.tasks.classify.model import IntentClassifier
from supportnet.tasks.fit import TrainingModel, labels_objective
from supportnet.training.examples import Examples, mixed
from supportnet.training.loop import History, Loop, Objective
from supportnet.training.svm import fit_ngrams

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
            write_array(path, labels)
        return labels
    labels = read_array(path)
    shape = (len(texts), len(model.intents))
    if labels.shape != shape or labels.dtype != np.float32 or not np.isfinite(labels).all():
        raise UserError(f"{path} is damaged: it must hold {len(texts)} rows of {len(model.intents)} numbers.")
    return labels


class IntentModel(TrainingModel):
    """The branches' logits of an intent network in training: each learns for itself.

    `accuracy` is the share of messages whose intent the branches' vote predicts.
    """

    def loss_of(self, y: Any, y_pred: Any, weights: Any, training: bool) -> Any:
        """Return the mean loss of a batch and of the branches, a scalar."""
        losses = BranchCrossentropy(self.options.label_smoothing).call(_probabilities(y, y_pred), y_pred)
        return ops.mean(losses if weights is None else losses * weights)

    def count(self, y: Any, y_pred: Any, weights: Any) -> None:
        self.accuracy.update_state(vote_accuracy(_probabilities(y, y_pred), y_pred), weights)


def _probabilities(targets: Any, branch_logits: Any) -> Any:
    """Return a probability of every intent, float `[B, K]`, where `targets` may be indices `[B]`."""
    return ops.one_hot(targets, branch_logits.shape[-1]) if len(targets.shape) == 1 else targets


def objective(model: IntentClassifier, split: Split, config: ClassifyConfig) -> Objective:
    """Return what the model is trained on beside other tasks; its n-gram classifier is fitted at once."""
    _fit_ngrams(model, split, None, config)
    return examples_objective(model, split.labelled, split.held_out, config)


def fit(model: IntentClassifier, split: Split, config: ClassifyConfig, loop: Loop) -> History:
    """Train `model.network` in place, in rounds where there are unlabelled messages.

    The first round learns from the labelled messages alone. The next ones start afresh, and learn as well from the
    probabilities that the model of the round before gives to the unlabelled ones.

    Args:
        model: a fresh one.
        split: the messages.
        config: how to train; `rounds` says how often the unlabelled messages are learned from.
        loop: files and callbacks; each round has a folder of its own, `round_1` and so on.

    Returns:
        The history of all rounds, an epoch's `round` with it, and the best epoch of the last round.

    Raises:
        UserError: a checkpoint, or what a round left for the next, is damaged, or training diverges.
    """
    start = model.network.get_weights()
    history = History([], 0)
    for number in range(config.rounds + 1 if split.unlabelled else 1):
        own, pseudo, rounds = loop, None, config
        if number:
            own, rounds = loop.within(f"round_{number}"), replace(config, epochs=config.round_epochs)
            pseudo = Examples(split.unlabelled, pseudo_labels(model, split.unlabelled, own.folder))
            model.network.set_weights(start)
        if not own.has_checkpoint:
            _fit_ngrams(model, split, pseudo, config)
        examples = split.labelled if pseudo is None else mixed(split.labelled, pseudo, len(model.intents))
        network = _network(model, config)
        last = own.fit(
            examples_objective(model, examples, split.held_out, rounds, network),
            rounds,
            frozen_epochs=config.frozen_epochs,
        )
        model.network.set_weights(network.get_weights())
        epochs = [{**metrics, "round": number} for metrics in last.epochs] if number else last.epochs
        history = History([*history.epochs, *epochs], len(history.epochs) + last.best_epoch)
    return history


def _fit_ngrams(model: IntentClassifier, split: Split, pseudo: Examples | None, config: ClassifyConfig) -> None:
    layer, examples = model.head.get_layer("ngrams"), (split.labelled, pseudo, split.held_out)
    fit_ngrams(model.preprocessor, layer, *examples, config.class_weights, config.seed)


def examples_objective(
    model: IntentClassifier,
    examples: Examples,
    validation: Examples,
    config: ClassifyConfig,
    network: keras.Model | None = None,
) -> Objective:
    """Return the objective of examples.

    Args:
        model: reads the messages.
        examples: the training examples.
        validation: the validation examples; may be empty.
        config: how to train.
        network: the network in training; the model's own by default.
    """
    weights = intent_weights(examples.best) if config.class_weights else np.ones(len(examples), "float32")
    network = network or model.network
    return labels_objective(
        IntentModel.of(network, config, network.output["branch_logits"]),
        model.preprocessor,
        (examples.texts, examples.targets, weights),
        (validation.texts, validation.targets, np.ones(len(validation), "float32")),
        config,
    )


def intent_weights(targets: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Return a weight for each message so that every intent counts alike and the mean weight is 1.

    Example:
        >>> intent_weights(np.array([0, 0, 0, 1]))
        array([0.6666667, 0.6666667, 0.6666667, 2.       ], dtype=float32)
    """
    return compute_sample_weight("balanced", targets).astype("float32")


def _network(model: IntentClassifier, config: ClassifyConfig) -> keras.Model:
    """The model's own network, or a twin of it that computes in bfloat16: only training is to be quick."""
    if not config.mixed_precision:
        return model.network
    with dtype_policy("mixed_bfloat16"):
        twin = model.build_network()
    twin.set_weights(model.network.get_weights())
    return twin
