"""The folder of a pre-trained encoder: writing it, reading it back, and starting a model from it.

ENCODER/
  config.json         how it was made: network, training, data
  vocabulary.txt      words with an id of their own, one a line
  weights.weights.h5  the weights of the best epoch
  history.json        metrics of each epoch
  metrics.json        perplexity on held-out messages
  checkpoint.npz      the state after the last epoch, for --resume
  logs/               for TensorBoard
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from supportnet.errors import UserError
from supportnet.files import file_sha256
from supportnet.models.config import READING, NetworkConfig
from supportnet.models.intent_classifier import IntentClassifier
from supportnet.models.masked_language_model import MaskedLanguageModel
from supportnet.models.replier import Replier
from supportnet.models.suggester import Suggester
from supportnet.text.vocabulary import Vocabulary
from supportnet.training.folder import VOCABULARY, WEIGHTS, finished_run, load_weights, save_network
from supportnet.training.task import CONFIG


@dataclass(frozen=True)
class Encoder:
    """A pre-trained embedding and encoder.

    Attributes:
        config: what the network was built from.
        vocabulary: words with an id of their own.
        network: the network that was pre-trained.
        digest: SHA-256 of its weights' file, as hexadecimal digits; empty where it wasn't read from one.
    """

    config: NetworkConfig
    vocabulary: Vocabulary
    network: MaskedLanguageModel
    digest: str = ""

    @classmethod
    def fresh(cls, config: NetworkConfig, vocabulary: Vocabulary) -> "Encoder":
        """Make one that nothing has trained yet."""
        network = MaskedLanguageModel(config, len(vocabulary), name="masked_language_model")
        network.build()
        return cls(config, vocabulary, network)

    def start(self, model: IntentClassifier | Suggester | Replier) -> None:
        """Give a model, which must have the same sizes and vocabulary, the pre-trained weights."""
        check_same_sizes(model.config, self.config)
        if model.vocabulary != self.vocabulary:
            raise UserError("vocabulary must be the pre-trained encoder's. Received: another one")
        for layer in (self.network.embed, self.network.encoder):
            if layer is not None:
                model.network.get_layer(layer.name).set_weights(layer.get_weights())


def save_encoder(folder: Path, encoder: Encoder) -> None:
    """Write vocabulary and weights; `pretrain` writes the rest."""
    save_network(folder, encoder.vocabulary, encoder.network)


def load_encoder(path: str | os.PathLike[str]) -> Encoder:
    """Load the encoder that `pretrain` wrote.

    Args:
        path: its folder.

    Raises:
        UserError: no such folder, pre-training hasn't finished, a file is missing or damaged (it is named), or the
            folder holds a run of another task.

    Example (needs a run folder):
        >>> encoder = load_encoder("runs/encoder")
        >>> len(encoder.vocabulary)
        2309
    """
    folder, config = finished_run(path, "pretrain")
    fresh = Encoder.fresh(config, Vocabulary.load(folder / VOCABULARY))
    load_weights(folder / WEIGHTS, fresh.network, f"{CONFIG} and {VOCABULARY}")
    return replace(fresh, digest=file_sha256(folder / WEIGHTS))


def check_same_sizes(config: NetworkConfig, pretrained: NetworkConfig) -> None:
    """Check that a network with one configuration can start from an encoder with the other.

    Raises:
        UserError: names the first field that differs.
    """
    for name in READING:
        value, known = getattr(config, name), getattr(pretrained, name)
        if value != known:
            raise UserError(f"{name} must be that of the pre-trained encoder, {known}. Received: {name}={value}")
