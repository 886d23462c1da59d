"""A small suggestion model and what it chooses from."""

import keras
import numpy as np

from supportnet.config import NetworkConfig
from supportnet.data.bank import Answer
from supportnet.tasks.suggest.calibrate import Relevance
from supportnet.tasks.suggest.model import Suggester
from supportnet.text.vocabulary import Vocabulary

ANSWERS = [
    Answer("a1", "Your parcel left our warehouse today.", tags=("delivery",), language="en", uses=9),
    Answer("a2", "We refund your money within five days.", "Refunds", ("money", "refund"), "en", 3),
    Answer("a3", "Votre commande est annulée.", tags=("order",), language="fr"),
    Answer("a4", "退款已经处理。", tags=("money",), language="zh", uses=2),
    Answer("a5", "Please send us your order number 👍🏽", tags=("order", "delivery"), language="en", uses=4),
    # The same as a1, but for case and punctuation.
    Answer("a6", "YOUR PARCEL LEFT, OUR WAREHOUSE TODAY!", tags=("late",), language="en"),
    *(Answer(f"b{n}", f"Press {n} and hold the line.", tags=("phone",), uses=n) for n in range(1, 8)),
]
TEXTS = ["Where is my parcel?", "I want my money back, please refund order 123456.", "Annulez ma commande"]


def make_suggester(labels: list[str], architecture: str = "bilstm_attention") -> Suggester:
    """A model with random weights, the same in every run."""
    keras.utils.set_random_seed(0)
    sizes = {"embedding_dim": 16, "hidden_dim": 8, "num_heads": 2, "num_buckets": 500, "vector_dim": 16}
    config = NetworkConfig(architecture=architecture, **sizes)
    vocabulary = Vocabulary.build([*TEXTS, *(answer.text for answer in ANSWERS)], min_count=1)
    model = Suggester(config, vocabulary, labels, Relevance(0.8, prior=0.4, agreement=1.5, null_logit=1.2))
    random = np.random.default_rng(0)
    # Every weight, so that two that are mixed up, or a bias that is left out, change the scores.
    for weight in model.network.weights:
        weight.assign(weight.numpy() + random.normal(scale=0.3, size=weight.shape).astype("float32"))
    return model
