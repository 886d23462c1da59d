"""The run folder of a model that writes replies, and reading it back.

RUN/
  config.json         how the run was made: task, network, training, data
  vocabulary.txt      words of messages with an id of their own, one a line
  pieces.json         what replies are written in: slots, and the merges of byte pairs
  handoff.json       when a reply is handed to a person, fitted on validation data
  weights.weights.h5  the network's weights of the best epoch
  history.json        metrics of each epoch
  metrics.json        what validation says of the best epoch
  model_card.json     what the model is, what it learned from, under which licence
  checkpoint.npz      the state after the last epoch, for --resume
  logs/               for TensorBoard
  pretraining/        the checkpoint and the logs of what came first, where it was pre-trained
"""

import os
from pathlib import Path

from supportnet.models.handoff import Handoff
from supportnet.models.replier import Replier
from supportnet.text.byte_pairs import BytePairVocabulary
from supportnet.text.vocabulary import Vocabulary
from supportnet.training.folder import VOCABULARY, finished_run, restore, save_network
from supportnet.training.task import CONFIG

PIECES = "pieces.json"
HANDOFF = "handoff.json"


def save_replier(folder: Path, model: Replier) -> None:
    """Write the parts of `model` that training made: both vocabularies, when to hand over, weights."""
    model.pieces.save(folder / PIECES)
    model.handoff.save(folder / HANDOFF)
    save_network(folder, model.vocabulary, model.network)


def load_replier(path: str | os.PathLike[str]) -> Replier:
    """Load the model of a finished run of the task reply.

    Args:
        path: the run folder that `train_replier` wrote.

    Raises:
        UserError: no such folder, training hasn't finished, the run is of another task, or a file is missing or
            damaged (it is named).

    Example (needs a run folder):
        >>> model = load_replier("runs/replies")
    """
    folder, config = finished_run(path, "reply")
    vocabulary, pieces = Vocabulary.load(folder / VOCABULARY), BytePairVocabulary.load(folder / PIECES)
    model = Replier(config, vocabulary, pieces, Handoff.load(folder / HANDOFF))
    restore(folder, model, f"{CONFIG}, {VOCABULARY} and {PIECES}")
    return model
