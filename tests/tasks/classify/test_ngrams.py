"""The fitted scores are those of a linear SVM over the same features, computed the long way."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import pytest
from scipy.special import softmax
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.svm import LinearSVC

from supportnet.config import NetworkConfig
from supportnet.data.ticket import TicketDataset
from supportnet.metrics.temperature import fit_temperature
from supportnet.tasks.classify.data import Examples, labelled_examples
from supportnet.tasks.classify.model import IntentClassifier
from supportnet.tasks.classify.ngrams import USUAL_SCALE, fit_ngrams, ngram_counts
from supportnet.text.vocabulary import Vocabulary


def classifier_of(texts: list[str], intents: list[str]) -> IntentClassifier:
    config = NetworkConfig(architecture="none", embedding_dim=4, num_buckets=300, num_pairs=200)
    return IntentClassifier(config, Vocabulary.build(texts, min_count=1), intents)


def examples(dataset: TicketDataset, split: str, intents: list[str]) -> Examples:
    return labelled_examples([ticket for ticket in dataset[split] if ticket.intent in intents], intents)


def scores(classifier: IntentClassifier, texts: Sequence[str]) -> np.ndarray:
    layer = classifier.network.get_layer("ngrams")
    return keras.ops.convert_to_numpy(layer(classifier.preprocessor(texts))[0])


def _weighed(*matrices: Any) -> list[np.ndarray]:
    """TF-IDF whose idf is that of the first matrix, every occurrence of a feature counted in the length."""
    idf = TfidfTransformer(norm=None).fit(matrices[0]).idf_
    dense = [matrix.toarray() for matrix in matrices]
    return [counts * idf / np.sqrt(np.maximum(counts @ idf**2, 1))[:, None] for counts in dense]


@pytest.mark.parametrize("num_intents", [2, 4])
def test_the_layer_computes_the_margins_of_the_svm(dataset: TicketDataset, num_intents: int) -> None:
    intents = dataset.intents[:num_intents]
    train, test = examples(dataset, "train", intents), examples(dataset, "validation", intents)
    classifier = classifier_of(train.texts, intents)
    fit_ngrams(classifier, train, seed=3)

    texts = [*test.texts, "", "zzyzx"]
    counts = zip(ngram_counts(classifier, train.texts), ngram_counts(classifier, texts), strict=True)
    weighed = [_weighed(of_training, of_texts) for of_training, of_texts in counts]
    fitted, asked = (np.hstack(side) for side in zip(*weighed, strict=True))
    margins = LinearSVC(random_state=3).fit(fitted, train.targets).decision_function(asked)
    if num_intents == 2:
        margins = np.stack([-margins, margins], axis=1)
    np.testing.assert_allclose(scores(classifier, texts) / USUAL_SCALE, margins, atol=2e-3)


def test_validation_messages_decide_the_scale(dataset: TicketDataset) -> None:
    """The scores change by one factor: the one under which the validation messages are likeliest."""
    train, validation = (examples(dataset, split, dataset.intents) for split in ("train", "validation"))
    # Some wrong labels: without an error, the largest factor would be the likeliest.
    validation.targets[::3] = (validation.targets[::3] + 1) % 4
    one, other = classifier_of(train.texts, dataset.intents), classifier_of(train.texts, dataset.intents)
    fit_ngrams(one, train)
    fit_ngrams(other, train, validation=validation)
    before, after = (scores(classifier, validation.texts) for classifier in (one, other))
    scale = 1 / fit_temperature(softmax(before, axis=1), validation.targets)
    assert abs(scale - 1) > 0.05
    np.testing.assert_allclose(after, before * scale, rtol=0.02, atol=1e-3)


def test_balanced_weights_help_the_rare_intent() -> None:
    texts = ["refund parcel"] * 40 + ["refund parcel please"] * 3
    train = Examples(texts, np.array([0] * 40 + [1] * 3))
    plain, balanced = (classifier_of(texts, ["many", "few"]) for _ in range(2))
    fit_ngrams(plain, train)
    fit_ngrams(balanced, train, balanced=True)
    rare = [scores(classifier, ["refund parcel please"])[0] for classifier in (plain, balanced)]
    assert rare[1][1] - rare[1][0] > rare[0][1] - rare[0][0]


def test_what_training_saw_with_an_intent_is_covered(dataset: TicketDataset) -> None:
    train = examples(dataset, "train", dataset.intents)
    classifier = classifier_of(train.texts, dataset.intents)
    fit_ngrams(classifier, train)
    layer = classifier.network.get_layer("ngrams")
    coverage = keras.ops.convert_to_numpy(layer(classifier.preprocessor([*train.texts, "", "0123 4567"]))[1])
    np.testing.assert_allclose(coverage[np.arange(len(train.targets)), train.targets], 1.0)
    # "refund" was never said of a parcel to track; half of what else the messages hold was.
    assert 0.2 < coverage[:-2].mean() < 0.9
    assert coverage[-2].tolist() == [0, 0, 0, 0]
    assert coverage[-1].max() < 0.5
