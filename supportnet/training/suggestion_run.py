"""The run folder of a suggestion model, and reading it back.

RUN/
  config.json         how the run was made: task, network, training, data
  vocabulary.txt      words with an id of their own, one a line
  labels.json         names of the labels that were a second objective; an empty list without
  relevance.json      what turns scores into probabilities, fitted on validation data
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
from supportnet.models.relevance import Relevance
from supportnet.models.suggester import Suggester
from supportnet.text.vocabulary import Vocabulary
from supportnet.training.folder import VOCABULARY, finished_run, read_names, restore, save_network
from supportnet.training.task import CONFIG

LABELS = "labels.json"
RELEVANCE = "relevance.json"


def save_suggester(folder: Path, model: Suggester) -> None:
    """Write the parts of `model` that training made: vocabulary, labels, relevance, weights."""
    write_json(folder / LABELS, model.labels)
    model.relevance.save(folder / RELEVANCE)
    save_network(folder, model.vocabulary, model.network)


def load_suggester(path: str | os.PathLike[str]) -> Suggester:
    """Load the model of a finished run of the task suggest.

    Args:
        path: the run folder that `train_suggester` wrote.

    Raises:
        UserError: no such folder, training hasn't finished, the run is of another task, or a file is missing or
            damaged (it is named).

    Example (needs a run folder):
        >>> model = load_suggester("runs/answers")
    """
    folder, config = finished_run(path, "suggest")
    vocabulary, labels = Vocabulary.load(folder / VOCABULARY), read_names(folder / LABELS)
    model = Suggester(config, vocabulary, labels, Relevance.load(folder / RELEVANCE))
    restore(folder, model, f"{CONFIG}, {VOCABULARY} and {LABELS}")
    return model
