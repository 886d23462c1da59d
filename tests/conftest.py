"""What tests of several rooms share: one small model, and one export of it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from supportnet.models.intent_classifier import IntentClassifier

TINY_TEXTS = [
    "Where is my parcel? It hasn't arrived.",
    "I want my money back, please refund order 123456.",
    "Annulez ma commande, s'il vous plaît",
    "我要退款",
]
#: More than five, so that a list of the best five is cut; one isn't ASCII; not in alphabetical order.
TINY_INTENTS = ["refund", "track_order", "cancel_order", "réclamation", "change_address", "payment_failed", "退款"]


@pytest.fixture(scope="session")
def tiny_classifier() -> "IntentClassifier":
    """A classifier of seven intents with random weights, the same in every run; don't change it.

    Its thresholds part the messages that the tests ask about.
    """
    import keras

    from supportnet.models.confidence import Confidence
    from supportnet.models.config import NetworkConfig
    from supportnet.models.intent_classifier import IntentClassifier
    from supportnet.text.vocabulary import Vocabulary

    keras.utils.set_random_seed(7)
    config = NetworkConfig(embedding_dim=16, hidden_dim=8, num_heads=2, num_buckets=500)
    confidence = Confidence(
        temperature=1.6,
        in_scope_threshold=0.15,
        coverage_weight=0.39,
        route_threshold=0.4,
        promised_precision=0.75,
        out_of_scope_share=0.1,
        expected_coverage=0.5,
    )
    model = IntentClassifier(config, Vocabulary.build(TINY_TEXTS, min_count=1), TINY_INTENTS, confidence)
    random = np.random.default_rng(0)
    # Every weight, so that two that are mixed up, or a bias that is left out, change the scores.
    for weight in model.network.weights:
        weight.assign(weight.numpy() + random.normal(scale=0.3, size=weight.shape).astype("float32"))
    # What is a share must be one: which n-grams are known of each intent, and a column of ones that counts them.
    ngrams = model.network.get_layer("ngrams").ngrams
    known = random.random((config.num_buckets, len(TINY_INTENTS))) < 0.6
    table = np.concatenate(
        [ngrams.numpy()[:, : len(TINY_INTENTS) + 1], known, np.ones((config.num_buckets, 1))], axis=1
    )
    ngrams.assign(table)
    return model


@pytest.fixture(scope="session")
def tiny_export(tiny_classifier: "IntentClassifier", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of version 1 of `tiny_classifier`, exported: saved_models/tiny/1; don't change it."""
    from supportnet.serving.export import export

    return export(tiny_classifier, tmp_path_factory.mktemp("exports") / "saved_models" / "tiny")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, headless; without one, its tests are skipped, or fail where SUPPORTNET_REQUIRE_BROWSER is set."""
    from playwright.sync_api import Error, sync_playwright

    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        except Error as error:
            if os.environ.get("SUPPORTNET_REQUIRE_BROWSER"):
                raise
            pytest.skip(f"no browser: {str(error).splitlines()[0]}")
        yield chromium
        chromium.close()
