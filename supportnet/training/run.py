"""The run folder: all that a training run leaves behind, and reading it back.

RUN/
  config.json         how the run was made: task, network, training, data
  vocabulary.txt      words with an id of their own, one a line
  intents.json        names of the intents, in the order of the logits
  confidence.json     temperature and thresholds, fitted on validation data
  weights.weights.h5  the network's weights of the best epoch
  history.json        metrics of each epoch
  metrics.json        what validation says of the best epoch
  model_card.json     what the model is, what it learned from, under which licence
  checkpoint.npz      the state after the last epoch, for --resume
  logs/               for TensorBoard
"""

import os
from pathlib import Path

from supportnet.files import write_json
from supportnet.models.confidence import Confidence
from supportnet.models.intent_classifier import IntentClassifier
from supportnet.text.vocabulary import Vocabulary
from supportnet.training.folder import VOCABULARY, WEIGHTS, finished_run, read_names, restore, save_network
from supportnet.training.task import CONFIG

INTENTS = "intents.json"
CONFIDENCE = "confidence.json"


def save_model(folder: Path, model: IntentClassifier) -> None:
    """Write the parts of `model` that training made: vocabulary, intents, confidence, weights."""
    write_json(folder / INTENTS, model.intents)
    model.confidence.save(folder / CONFIDENCE)
    save_network(folder, model.vocabulary, model.network)


def load_run(path: str | os.PathLike[str]) -> IntentClassifier:
    """Load the model of a finished run.

    Args:
        path: the run folder that `train` wrote.

    Returns:
        The model, with the weights of the best epoch, its temperature and its thresholds.

    Raises:
        UserError: no such folder, training hasn't finished, or a file is missing or damaged (it is named).

    Example (needs a run folder):
        >>> model = load_run("runs/banking77")
    """
    folder, config = finished_run(path, "classify")
    vocabulary, intents = Vocabulary.load(folder / VOCABULARY), read_names(folder / INTENTS, least=1)
    model = IntentClassifier(config, vocabulary, intents, Confidence.load(folder / CONFIDENCE))
    restore(folder, model, f"{CONFIG}, {VOCABULARY} and {INTENTS}")
    return model


def is_run(path: str | os.PathLike[str]) -> bool:
    """Tell whether `path` is a run folder, even a damaged one.

    Example:
        >>> is_run("saved_models/support")
        False
    """
    return any((Path(path) / name).exists() for name in (CONFIG, VOCABULARY, INTENTS, WEIGHTS))
