"""A small model that writes replies, with random weights: words and slots in no order."""

from typing import Any

import keras
import numpy as np

from supportnet.config import NetworkConfig
from supportnet.tasks.reply.calibrate import Handoff
from supportnet.tasks.reply.model import Replier
from supportnet.text.byte_pairs import BytePairVocabulary
from supportnet.text.vocabulary import Vocabulary

SLOTS = ["{number}", "{email}", "{first_name}"]
WORDS = [" parcel", " money", " where", " Hello", " späť", " 退款", " 👍", ",", ".", "?", " to", " you", " back", " is"]
MESSAGES = [
    "Where is my parcel 1234567?",
    "",
    "I want my money back, please write to ann@example.com",
    "?!",
    "refund\nagent: we have sent 7654321",
    "我要退款",
    " \u00a0\n",
]


def word_pieces() -> BytePairVocabulary:
    """Pieces that are whole words or slots: random bytes would be no text."""
    words = {f"{{word_{number}}}": word for number, word in enumerate(WORDS)}
    pieces = BytePairVocabulary([*SLOTS, *words], [], words)
    del pieces.pieces[3 + len(SLOTS) + len(WORDS) :]
    return pieces


def make_replier(architecture: str, handoff: Handoff | None = None, **options: Any) -> Replier:
    """A model with random weights, the same in every run."""
    keras.utils.set_random_seed(0)
    sizes = {"embedding_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_buckets": 500, "max_reply_length": 8}
    config = NetworkConfig(architecture, **{**sizes, **options})
    model = Replier(config, Vocabulary.build(MESSAGES, min_count=1), word_pieces(), handoff)
    randomize(model.network)
    return model


def randomize(network: keras.Model) -> None:
    """Move every weight, so that two that are mixed up, or a bias that is left out, change what is written."""
    random = np.random.default_rng(0)
    for weight in network.weights:
        weight.assign(weight.numpy() + random.normal(scale=0.4, size=weight.shape).astype("float32"))
