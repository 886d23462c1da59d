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
from supportnet.tasks.classify.cross_validation import (
    FOLD_OUTPUTS,
    USUAL_SHARE,
    Arrays,
    FoldAnswers,
    OutOfFold,
    checked_epochs,
    load_arrays,
    out_of_fold,
    save_arrays,
)
from supportnet.tasks.classify.data import Split
from supportnet.tasks.classify.model import IntentClassifier
from supportnet.tasks.fit import TrainingModel, labels_objective
from supportnet.training.examples import Examples, mixed
from supportnet.training.loop import History, Loop, Objective, state_variables
from supportnet.training.svm import fit_ngrams

#: The pseudo-labels that the last round's model gave, in the folder of the next round.
PSEUDO_LABELS = "pseudo_labels.npy"
#: What a cross-validation found, in the folder of the run; and, until then, what the model of a fold says of it.
CROSS_VALIDATION, FOLD = "cross_validation.npz", "fold_{}.npz"
#: Validation examples where there are none.
NOTHING = Examples([], np.zeros(0, "int64"))


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

    Attributes:
        shares: of the branches in the vote, a variable.
    """

    shares: Any

    def loss_of(self, y: Any, y_pred: Any, weights: Any, training: bool) -> Any:
        """Return the mean loss of a batch and of the branches, a scalar."""
        losses = BranchCrossentropy(self.options.label_smoothing).call(_probabilities(y, y_pred), y_pred)
        return ops.mean(losses if weights is None else losses * weights)

    def count(self, y: Any, y_pred: Any, weights: Any) -> None:
        self.accuracy.update_state(vote_accuracy(_probabilities(y, y_pred), y_pred, self.shares), weights)


def _probabilities(targets: Any, branch_logits: Any) -> Any:
    """Return a probability of every intent, float `[B, K]`, where `targets` may be indices `[B]`."""
    return ops.one_hot(targets, branch_logits.shape[-1]) if len(targets.shape) == 1 else targets


def objective(model: IntentClassifier, split: Split, config: ClassifyConfig) -> Objective:
    """Return what the model is trained on beside other tasks; its n-gram classifier is fitted at once."""
    fit_ngram_branch(model, model.network, (split.labelled, None, split.held_out), split, config)
    set_shares(model.network, split, None)
    return examples_objective(model, split.labelled, split.held_out, config)


def fit(model: IntentClassifier, split: Split, config: ClassifyConfig, loop: Loop) -> History:
    """Train `model.network` in place, in rounds where there are unlabelled messages.

    Before, a cross-validation decides what held-out messages would, where the split has folds.

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
    network = network_in_training(model, config)
    start = _state(network)
    found = None if split.folds is None else cross_validate(model, network, split, config, loop)
    history = History([], 0, found)
    for number in range(config.rounds + 1 if split.unlabelled else 1):
        own, pseudo, rounds = loop, None, config
        if number:
            own, rounds = loop.within(f"round_{number}"), replace(config, epochs=config.round_epochs)
            pseudo = Examples(split.unlabelled, pseudo_labels(model, split.unlabelled, own.folder))
        _restart(network, start)
        set_shares(network, split, found)
        # The checkpoint of a round holds this classifier as well.
        if not own.has_checkpoint:
            fit_ngram_branch(model, network, (split.labelled, pseudo, split.held_out), split, config, found)
        examples = split.labelled if pseudo is None else mixed(split.labelled, pseudo, len(model.intents))
        last = own.fit(
            examples_objective(model, examples, split.held_out, rounds, training_view(network, config)),
            rounds,
            frozen_epochs=config.frozen_epochs,
            last_epoch=None if found is None or number else found.epoch,
        )
        model.network.set_weights(network.get_weights())
        epochs = [{**metrics, "round": number} for metrics in last.epochs] if number else last.epochs
        history = replace(history, epochs=[*history.epochs, *epochs], best_epoch=len(history.epochs) + last.best_epoch)
    return history


def cross_validate(
    model: IntentClassifier, network: keras.Model, split: Split, config: ClassifyConfig, loop: Loop
) -> OutOfFold:
    """Train on all but one fold, for each of them, and let it answer that fold; see `cross_validation`.

    Args:
        model: reads the messages.
        network: trained anew for each fold.
        split: the messages and their folds.
        config: how to train.
        loop: where a fold's answers are kept until all are there, and what else all trainings have in common.

    Raises:
        UserError: a file that an interrupted run left is damaged, or training diverges.
    """
    assert split.folds is not None
    kept = None if loop.folder is None else loop.folder / CROSS_VALIDATION
    if kept is not None and kept.exists():
        return OutOfFold.load(kept)
    folds = split.folds
    epochs, count = checked_epochs(config.epochs), len(np.unique(folds[folds >= 0]))
    # Compiled once: tracing takes longer than such a training.
    training = training_view(network, config)
    fresh: list[Any] = []

    def answers(fold: int) -> Arrays:
        path = None if loop.folder is None else loop.folder / FOLD.format(fold)
        if path is not None and path.exists():
            return load_arrays(path, FOLD_OUTPUTS)
        learned, held_out = split.labelled.where(folds != fold), split.labelled.where(folds == fold)
        answering = FoldAnswers(network, model.preprocessor(held_out.texts), epochs)
        # A fold takes seconds: a killed run begins it anew. The user's callbacks are for the training that counts.
        own = replace(loop, folder=None, callbacks=[answering])
        objective = examples_objective(model, learned, NOTHING, config, training)
        if not fresh:
            own.compile(objective, config, config.frozen_epochs)
            fresh.extend(_state(training))
        _restart(training, fresh)
        fit_ngram_branch(model, network, (learned, None, None), split, config)
        own.fit(objective, config, f"fold {fold + 1} of {count}")
        last = answering.answers[-1]
        branches = np.stack([found["branch_logits"][:, :-1] for found in answering.answers])
        found = {"branches": branches, **{name: last[name] for name in FOLD_OUTPUTS[1:]}}
        if path is not None:
            save_arrays(path, found)
        return found

    is_named = model.config.architecture != "none"
    cross_validation = out_of_fold(folds, split.labelled.best, config.epochs, is_named, answers)
    if kept is not None:
        cross_validation.save(kept)
        for path in kept.parent.glob(FOLD.format("*")):
            path.unlink()
    return cross_validation


def _state(network: keras.Model) -> list[npt.NDArray[Any]]:
    """Everything that a training of a network starts from, its optimizer's state included."""
    return [keras.ops.convert_to_numpy(variable) for variable in state_variables(network)]


def _restart(network: keras.Model, state: Sequence[npt.NDArray[Any]]) -> None:
    for variable, value in zip(state_variables(network), state, strict=True):
        variable.assign(value)


def training_view(network: keras.Model, config: ClassifyConfig) -> IntentModel:
    """Return a view of a network in training, with the shares of its vote."""
    training = IntentModel.of(network, config, network.output["branch_logits"])
    training.shares = network.get_layer("head").get_layer("vote").shares
    return training


def fit_ngram_branch(
    model: IntentClassifier,
    network: keras.Model,
    examples: tuple[Examples, Examples | None, Examples | None],
    split: Split,
    config: ClassifyConfig,
    found: OutOfFold | None = None,
) -> None:
    """Fit the linear classifier of n-grams, in place, to labelled, pseudo-labelled and validation examples."""
    layer = network.get_layer("head").get_layer("ngrams")
    # With few messages, one more or less of an intent says little of how frequent it is.
    balanced = config.class_weights or split.is_few
    fit_ngrams(model.preprocessor, layer, *examples, balanced, config.seed)
    if found is not None:
        layer.scale.assign(found.scale)


def set_shares(network: keras.Model, split: Split, found: OutOfFold | None) -> None:
    """Set how much each branch counts in the vote; with many messages, or a named encoder, all count alike."""
    layer = network.get_layer("head").get_layer("vote")
    if found is not None:
        layer.shares.assign(found.shares)
    elif split.is_few and layer.shares.shape[0] == 2:
        layer.shares.assign([USUAL_SHARE, 1 - USUAL_SHARE])


def examples_objective(
    model: IntentClassifier,
    examples: Examples,
    validation: Examples,
    config: ClassifyConfig,
    training: IntentModel | None = None,
) -> Objective:
    """Return the objective of examples.

    Args:
        model: reads the messages.
        examples: the training examples.
        validation: the validation examples; may be empty.
        config: how to train.
        training: the network in training; a view of the model's own by default.
    """
    weights = intent_weights(examples.best) if config.class_weights else np.ones(len(examples), "float32")
    return labels_objective(
        training or training_view(model.network, config),
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


def network_in_training(model: IntentClassifier, config: ClassifyConfig) -> keras.Model:
    """Return the model's own network, or a twin of it that computes in bfloat16: only training is to be quick."""
    if not config.mixed_precision:
        return model.network
    with dtype_policy("mixed_bfloat16"):
        twin = model.build_network()
    twin.set_weights(model.network.get_weights())
    return twin
