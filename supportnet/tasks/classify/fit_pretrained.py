"""Fit a classifier on a pretrained encoder: a logistic regression on its vectors, then perhaps its upper blocks.

With few labels, tuning an encoder makes it worse than it came: it stays frozen, and its vectors, which are computed
once, are cross-validated with the linear classifier of n-grams. With more, the upper blocks are tuned as well, from the
logistic regression on: a random head would spoil in the first steps what the encoder knows (Kumar et al. 2022,
Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution). Unless a number of blocks is asked
for, validation decides between the two.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from tqdm import tqdm

from supportnet.errors import UserError
from supportnet.tasks.classify.config import TUNED_BLOCKS, ClassifyConfig
from supportnet.tasks.classify.cross_validation import (
    OUTPUTS,
    SIMILARITY,
    Arrays,
    OutOfFold,
    fit_shares,
    out_of_fold,
    voted,
)
from supportnet.tasks.classify.data import Split
from supportnet.tasks.classify.fit import (
    examples_objective,
    fit_ngram_branch,
    network_in_training,
    set_shares,
    training_view,
)
from supportnet.tasks.classify.model import IntentClassifier
from supportnet.tasks.fit import Vectors, encode
from supportnet.training.examples import Examples
from supportnet.training.loop import History, Loop

#: Inverse strength of the logistic regression's penalty, on vectors of length 1; chosen by cross-validation of the bots
#: and of 300 to 770 messages of BANKING77 and CLINC150; see benchmarks/README.md.
INVERSE_PENALTY = 30.0
#: Messages that the head reads at once.
_HEAD_BATCH = 512


def fit_pretrained(model: IntentClassifier, split: Split, config: ClassifyConfig, loop: Loop) -> History:
    """Fit `model.network` in place.

    Args:
        model: a fresh one, with the weights of its encoder.
        split: the messages.
        config: how to train; its epochs and rates are those of the tuned blocks.
        loop: files and callbacks of the tuning.

    Returns:
        The history: of the frozen encoder one row, with `tuned_blocks` 0, and a row for each epoch of the tuning.

    Raises:
        UserError: there are unlabelled messages, or blocks are to be tuned and nothing validates it; or as for
            `Loop.fit`.
    """
    blocks = _blocks(model, split, config)
    vectors = encode(model, split.labelled.texts, loop.progress_bar)
    found = None if split.folds is None else _cross_validate(model, split, vectors, config, loop.progress_bar)
    fit_head(model, split.labelled, vectors, split, config, found)
    frozen = {"tuned_blocks": 0, **_validate(model, split, loop.progress_bar)}
    if not blocks:
        return History([frozen], 0, found)
    kept = model.network.get_weights()
    tuned = _tune(model, split, config, loop, blocks)
    epochs = [frozen, *({"tuned_blocks": blocks, **metrics} for metrics in tuned.epochs)]
    candidates = [tuned.best_epoch + 1] if config.tuned_blocks else [0, tuned.best_epoch + 1]
    best = max(candidates, key=lambda row: (epochs[row]["val_accuracy"], -epochs[row]["val_loss"]))
    if best == 0:
        model.network.set_weights(kept)
    return History(epochs, best)


def fit_head(
    model: IntentClassifier,
    examples: Examples,
    vectors: Vectors,
    split: Split,
    config: ClassifyConfig,
    found: OutOfFold | None = None,
) -> None:
    """Fit the logistic regression, the mean vectors of the intents and the linear classifier of n-grams, in place.

    Args:
        model: whose head is set.
        examples: labelled messages.
        vectors: those of the examples, float32 `[N, D]`.
        split: where the examples are from; its held-out messages say how much each of the two counts.
        config: how to train.
        found: what a cross-validation says of that.
    """
    # With few messages, one more or less of an intent says little of how frequent it is.
    balanced = "balanced" if config.class_weights or split.is_few else None
    regression = LogisticRegression(C=INVERSE_PENALTY, class_weight=balanced, max_iter=2000)
    regression.fit(vectors, examples.best)
    weights, bias = regression.coef_.T, regression.intercept_
    if len(model.intents) == 2:
        # Of two classes, scikit-learn has the second one's alone.
        weights, bias = np.hstack([-weights, weights]) / 2, np.append(-bias, bias) / 2
    model.head.get_layer("sentence_intents").set_weights([weights, bias])
    model.head.get_layer(SIMILARITY).set_means(vectors, examples.best)
    held_out = split.held_out if split.folds is None else None
    fit_ngram_branch(model, model.network, (examples, None, held_out), split, config, found)
    set_shares(model.network, split, found)


def _blocks(model: IntentClassifier, split: Split, config: ClassifyConfig) -> int:
    """Return how many blocks to tune."""
    if split.unlabelled:
        raise UserError("The architecture pretrained learns from labelled messages alone: leave --unlabelled out.")
    validates = len(split.held_out) > 0
    if config.tuned_blocks and not validates:
        raise UserError(
            "tuned_blocks must come with held-out messages (--validation split), which choose the epoch. "
            f"Received: tuned_blocks={config.tuned_blocks}"
        )
    most = model.backbone.encoder.num_layers
    if config.tuned_blocks is None:
        return min(TUNED_BLOCKS, most) if validates and not split.is_few else 0
    if config.tuned_blocks > most:
        raise UserError(
            f"tuned_blocks must be at most {most}, the blocks of the encoder. Received: {config.tuned_blocks}"
        )
    return config.tuned_blocks


def _cross_validate(
    model: IntentClassifier, split: Split, vectors: Vectors, config: ClassifyConfig, progress_bar: bool
) -> OutOfFold:
    """Fit the head to all but one fold, for each of them, and let it answer that fold; see `cross_validation`."""
    assert split.folds is not None
    folds, labelled = split.folds, split.labelled
    numbers = np.unique(folds[folds >= 0])
    shown = tqdm(total=len(numbers), desc="cross-validation", unit="fold", disable=not progress_bar)

    def answers(fold: int) -> Arrays:
        learned, held_out = folds != fold, folds == fold
        fit_head(model, labelled.where(learned), vectors[learned], split, config)
        outputs = _head_outputs(model, labelled.where(held_out).texts, vectors[held_out])
        shown.update()
        # One check: there are no epochs.
        return {"branches": outputs.pop("branch_logits")[np.newaxis, :, :-1], **outputs}

    with shown:
        return out_of_fold(folds, labelled.best, 1, True, answers)


def _head_outputs(model: IntentClassifier, texts: Sequence[str], vectors: Vectors) -> dict[str, npt.NDArray[Any]]:
    """Return what the head says of messages with known vectors, `[N, ...]` each; `logits` isn't among it."""
    names = ("branch_logits", *OUTPUTS[1:], SIMILARITY)
    rows = []
    for start in range(0, len(texts), _HEAD_BATCH):
        features = model.preprocessor(texts[start : start + _HEAD_BATCH])
        outputs = model.head(
            {**features, "sentence": ops.convert_to_tensor(vectors[start : start + _HEAD_BATCH])}, training=False
        )
        rows.append([ops.convert_to_numpy(outputs[name]) for name in names])
    return {name: np.concatenate(found) for name, found in zip(names, zip(*rows, strict=True), strict=True)}


def _validate(model: IntentClassifier, split: Split, progress_bar: bool) -> dict[str, float]:
    """Fit the shares of the vote to the held-out messages, and return its metrics; none without such messages."""
    if not len(split.held_out):
        return {}
    texts, targets = split.held_out.texts, split.held_out.best
    branch_logits = _head_outputs(model, texts, encode(model, texts, progress_bar))["branch_logits"]
    shares = fit_shares(branch_logits, targets, keep_network=True)
    model.head.get_layer("vote").shares.assign(shares)
    logits = voted(branch_logits, shares)
    loss = -log_softmax(logits, axis=1)[np.arange(len(targets)), targets].mean()
    return {"val_accuracy": float(np.mean(logits.argmax(axis=1) == targets)), "val_loss": float(loss)}


def _tune(model: IntentClassifier, split: Split, config: ClassifyConfig, loop: Loop, blocks: int) -> History:
    """Train the upper blocks and the head, from the logistic regression on, and validate the best epoch anew."""
    network = network_in_training(model, config)
    encoder = network.get_layer("backbone").encoder
    encoder.tune(blocks)
    training = training_view(network, config)
    history = loop.fit(examples_objective(model, split.labelled, split.held_out, config, training), config, "tuning")
    model.network.set_weights(network.get_weights())
    encoder.tune(0)
    vectors = encode(model, split.labelled.texts, loop.progress_bar)
    model.head.get_layer(SIMILARITY).set_means(vectors, split.labelled.best)
    history.epochs[history.best_epoch] |= _validate(model, split, loop.progress_bar)
    return history
