"""Messages whose intents are known, and messages whose intents are only believed."""

from typing import Any

import keras
import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.svm import LinearSVC

from supportnet.config import NetworkConfig
from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.tasks.classify.data import Examples, labelled_examples, mixed
from supportnet.tasks.classify.model import IntentClassifier
from supportnet.tasks.classify.ngrams import USUAL_SCALE, fit_ngrams, ngram_counts
from supportnet.text.vocabulary import Vocabulary


def believed_examples(texts: list[str], rows: list[list[float]]) -> Examples:
    return Examples(texts, np.array(rows, dtype="float32"))


def test_a_known_intent_is_certain() -> None:
    known = Examples(["a", "b", "c"], np.array([2, 0, 2]))
    assert len(known) == 3
    assert known.best.tolist() == [2, 0, 2]
    assert known.certainty.tolist() == [1.0, 1.0, 1.0]
    assert known.certainty.dtype == "float32"
    assert known.best.dtype == "int64"


def test_a_believed_intent_is_the_likeliest() -> None:
    believed = believed_examples(["a", "b"], [[0.2, 0.7, 0.1], [0.5, 0.25, 0.25]])
    assert len(believed) == 2
    assert believed.best.tolist() == [1, 0]
    np.testing.assert_allclose(believed.certainty, [0.7, 0.5])
    assert believed.certainty.dtype == "float32"


def test_no_message_at_all() -> None:
    for targets in (np.zeros(0, "int64"), np.zeros((0, 3), "float32")):
        nothing = Examples([], targets)
        assert (len(nothing), nothing.best.shape, nothing.certainty.shape) == (0, (0,), (0,))


def test_labels_become_indices_in_the_order_of_the_intents() -> None:
    tickets = [Ticket("where is it", "track"), Ticket("stop", "cancel"), Ticket("where", "track")]
    examples = labelled_examples(tickets, ["cancel", "refund", "track"])
    assert examples.texts == ["where is it", "stop", "where"]
    assert examples.targets.tolist() == [2, 0, 2]
    assert examples.targets.dtype == "int64"
    assert labelled_examples([], ["cancel"]).targets.dtype == "int64"
    with pytest.raises(KeyError, match="sing"):
        labelled_examples([Ticket("la", "sing")], ["cancel"])


@pytest.mark.parametrize(
    ("num_known", "num_believed", "times"),
    # A fifth: 1 known message to 4 believed ones. As many as there are, where that is more already.
    [(1, 40, 10), (10, 40, 1), (10, 80, 2), (3, 40, 3), (50, 4, 1), (7, 1, 1)],
)
def test_labelled_messages_are_repeated_up_to_a_fifth(num_known: int, num_believed: int, times: int) -> None:
    known = Examples([f"known {i}" for i in range(num_known)], np.arange(num_known) % 3)
    rows = np.random.default_rng(0).dirichlet([1, 1, 1], num_believed).astype("float32")
    believed = Examples([f"believed {i}" for i in range(num_believed)], rows)
    both = mixed(known, believed, num_intents=3)
    assert both.texts == [*known.texts] * times + [*believed.texts]
    assert both.targets.shape == (times * num_known + num_believed, 3)
    assert both.targets.dtype == "float32"
    assert both.best[: times * num_known].tolist() == known.targets.tolist() * times
    assert both.certainty[: times * num_known].tolist() == [1.0] * (times * num_known)
    np.testing.assert_array_equal(both.targets[times * num_known :], rows)
    np.testing.assert_allclose(both.targets.sum(axis=1), 1.0, rtol=1e-5)


def classifier_of(texts: list[str], intents: list[str]) -> IntentClassifier:
    config = NetworkConfig(architecture="none", embedding_dim=4, num_buckets=300, num_pairs=200)
    return IntentClassifier(config, Vocabulary.build(texts, min_count=1), intents)


def scores(classifier: IntentClassifier, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """What the layer of n-grams says: scores and coverage."""
    found = classifier.network.get_layer("ngrams")(classifier.preprocessor(texts))
    return keras.ops.convert_to_numpy(found[0]), keras.ops.convert_to_numpy(found[1])


def _weighed(fitted: Any, asked: Any) -> list[np.ndarray]:
    """TF-IDF of both with the idf of the first, every occurrence of a feature counted in the length."""
    idf = TfidfTransformer(norm=None).fit(fitted).idf_
    dense = [matrix.toarray() for matrix in (fitted, asked)]
    return [counts * idf / np.sqrt(np.maximum(counts @ idf**2, 1))[:, None] for counts in dense]


def test_the_svm_weighs_believed_messages_by_how_sure_they_are(dataset: TicketDataset) -> None:
    known = labelled_examples(dataset["train"], dataset.intents)
    texts = [ticket.text for ticket in dataset["validation"]]
    rows = np.random.default_rng(1).dirichlet([0.5] * 4, len(texts)).astype("float32")
    believed, asked = Examples(texts, rows), [*texts, "", "where is my money"]
    classifier = classifier_of([*known.texts, *texts], dataset.intents)
    fit_ngrams(classifier, known, believed, seed=3)
    margins = scores(classifier, asked)[0] / USUAL_SCALE

    counts = zip(ngram_counts(classifier, [*known.texts, *texts]), ngram_counts(classifier, asked), strict=True)
    fitted, looked_up = (
        np.hstack(side) for side in zip(*(_weighed(ours, theirs) for ours, theirs in counts), strict=True)
    )
    targets, sure = np.concatenate([known.targets, rows.argmax(axis=1)]), np.append(np.ones(48), rows.max(axis=1))

    def expected(weights: np.ndarray) -> np.ndarray:
        svm = LinearSVC(random_state=3).fit(fitted, targets, sample_weight=weights)
        return np.asarray(svm.decision_function(looked_up))

    np.testing.assert_allclose(margins, expected(sure), atol=2e-3)
    # The weights are no detail here.
    assert np.abs(margins - expected(np.ones(len(sure)))).max() > 0.02


def test_only_labelled_messages_say_what_is_covered() -> None:
    known = Examples(["refund money", "where parcel"], np.array([0, 1]))
    believed = believed_examples(["zzyzx quuxy"] * 4, [[0.99, 0.01]] * 4)
    alone, both = (classifier_of([*known.texts, *believed.texts], ["refund", "track"]) for _ in range(2))
    fit_ngrams(alone, known)
    fit_ngrams(both, known, believed)
    asked = ["zzyzx quuxy", "refund money", "parcel"]
    np.testing.assert_array_equal(scores(alone, asked)[1], scores(both, asked)[1])
    coverage = scores(both, asked)[1]
    assert coverage[0].max() < 0.3
    assert coverage[1][0] == pytest.approx(1.0)
    # The scores do know what was believed.
    sure = [scores(classifier, ["zzyzx quuxy"])[0][0] for classifier in (alone, both)]
    assert sure[1][0] - sure[1][1] > sure[0][0] - sure[0][1] + 1
