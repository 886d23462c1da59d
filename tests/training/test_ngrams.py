"""The fitted scores are those of a linear SVM over the same features, computed the long way."""

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
from scipy.special import softmax
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.svm import LinearSVC

from supportnet.data.ticket import TicketDataset
from supportnet.errors import UserError
from supportnet.layers import NgramScores
from supportnet.layers.scores import UNSEEN_NGRAMS
from supportnet.metrics.calibration import fit_temperature
from supportnet.text.preprocessor import TextFrontEnd
from supportnet.text.special_tokens import UNKNOWN_ID
from supportnet.text.vocabulary import Vocabulary
from supportnet.training.examples import Examples
from supportnet.training.svm import USUAL_SCALE, check_size, fit_ngrams, machine_memory, ngram_counts


class Classifier(NamedTuple):
    """A layer without a network around it, and what reads texts for it."""

    preprocessor: TextFrontEnd
    layer: NgramScores

    @classmethod
    def of(cls, texts: Sequence[str], num_classes: int) -> "Classifier":
        preprocessor = TextFrontEnd(Vocabulary.build(texts, min_count=1), num_buckets=300)
        layer = NgramScores(num_classes, len(preprocessor.vocabulary), num_pairs=200, num_buckets=300)
        layer.build((None, None))
        return cls(preprocessor, layer)

    def __call__(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        found = self.layer(self.preprocessor(texts))
        return {name: keras.ops.convert_to_numpy(output) for name, output in found.items()}


def examples(dataset: TicketDataset, split: str, intents: list[str]) -> Examples:
    tickets = [ticket for ticket in dataset[split] if ticket.intent in intents]
    return Examples([t.text for t in tickets], np.array([intents.index(str(t.intent)) for t in tickets]))


def tfidf(*matrices: Any) -> list[np.ndarray]:
    """TF-IDF whose idf is that of the first matrix, every occurrence of a feature counted in the length."""
    idf = TfidfTransformer(norm=None).fit(matrices[0]).idf_
    dense = [matrix.toarray() for matrix in matrices]
    return [counts * idf / np.sqrt(np.maximum(counts @ idf**2, 1))[:, None] for counts in dense]


@pytest.mark.parametrize("num_intents", [2, 4])
def test_the_layer_computes_the_margins_of_the_svm(dataset: TicketDataset, num_intents: int) -> None:
    """Of words that the vocabulary lacks as well: it holds those of a few messages only."""
    intents = dataset.intents[:num_intents]
    train, test = examples(dataset, "train", intents), examples(dataset, "validation", intents)
    classifier = Classifier.of(train.texts[::5], num_intents)
    unknown = (classifier.preprocessor(train.texts)["token_ids"].numpy() == UNKNOWN_ID).any(axis=1)
    assert 0.2 < unknown.mean() < 1
    fit_ngrams(*classifier, train, seed=3)

    texts = [*test.texts, "", "zzyzx", "where is zzyzx quuxy zzyzx?"]
    counts = zip(ngram_counts(*classifier, train.texts), ngram_counts(*classifier, texts), strict=True)
    weighed = [tfidf(of_training, of_texts) for of_training, of_texts in counts]
    fitted, asked = (np.hstack(side) for side in zip(*weighed, strict=True))
    margins = LinearSVC(random_state=3).fit(fitted, train.targets).decision_function(asked)
    if num_intents == 2:
        margins = np.stack([-margins, margins], axis=1)
    found = classifier(texts)
    np.testing.assert_allclose(found["margins"], margins, atol=2e-3)
    np.testing.assert_allclose(found["scores"], USUAL_SCALE * found["margins"], rtol=1e-5)


def test_validation_messages_decide_the_scale(dataset: TicketDataset) -> None:
    """The scores change by one factor: the one under which the validation messages are likeliest."""
    train, validation = (examples(dataset, split, dataset.intents) for split in ("train", "validation"))
    # Some wrong labels: without an error, the largest factor would be the likeliest.
    validation.targets[::3] = (validation.targets[::3] + 1) % 4
    one, other = Classifier.of(train.texts, 4), Classifier.of(train.texts, 4)
    fit_ngrams(*one, train)
    fit_ngrams(*other, train, validation=validation)
    before, after = (classifier(validation.texts)["scores"] for classifier in (one, other))
    np.testing.assert_array_equal(*(classifier(validation.texts)["margins"] for classifier in (one, other)))
    scale = 1 / fit_temperature(softmax(before, axis=1), validation.targets)
    assert abs(scale - 1) > 0.05
    np.testing.assert_allclose(after, before * scale, rtol=0.02, atol=1e-3)


def test_balanced_weights_help_the_rare_intent() -> None:
    texts = ["refund parcel"] * 40 + ["refund parcel please"] * 3
    train = Examples(texts, np.array([0] * 40 + [1] * 3))
    plain, balanced = (Classifier.of(texts, 2) for _ in range(2))
    fit_ngrams(*plain, train)
    fit_ngrams(*balanced, train, balanced=True)
    rare = [classifier(["refund parcel please"])["scores"][0] for classifier in (plain, balanced)]
    assert rare[1][1] - rare[1][0] > rare[0][1] - rare[0][0]


def test_what_training_saw_with_an_intent_is_covered(dataset: TicketDataset) -> None:
    train = examples(dataset, "train", dataset.intents)
    classifier = Classifier.of(train.texts, 4)
    fit_ngrams(*classifier, train)
    coverage = classifier([*train.texts, "", "0123 4567"])["coverage"]
    own = coverage[np.arange(len(train.targets)), train.targets]
    longest = max(range(len(train.texts)), key=lambda row: len(train.texts[row]))
    assert own.argmax() == longest
    # All n-grams of a training message are known of its intent: what is missing are the twenty that are added.
    num_ngrams = UNSEEN_NGRAMS * own / (1 - own)
    np.testing.assert_allclose(num_ngrams, num_ngrams.round(), atol=1e-3)
    # "refund" was never said of a parcel to track; half of what else the messages hold was.
    assert 0.1 < (coverage[:-2] / own[:, None]).mean() < 0.9
    assert coverage[-2].tolist() == [0, 0, 0, 0]
    assert coverage[-1].max() < 0.5


def test_the_svm_weighs_pseudo_labelled_messages_by_how_sure_they_are(dataset: TicketDataset) -> None:
    labelled = examples(dataset, "train", dataset.intents)
    texts = [ticket.text for ticket in dataset["validation"]]
    rows = np.random.default_rng(1).dirichlet([0.5] * 4, len(texts)).astype("float32")
    pseudo, asked = Examples(texts, rows), [*texts, "", "where is my money"]
    classifier = Classifier.of([*labelled.texts, *texts], 4)
    fit_ngrams(*classifier, labelled, pseudo, seed=3)
    margins = classifier(asked)["margins"]

    counts = zip(ngram_counts(*classifier, [*labelled.texts, *texts]), ngram_counts(*classifier, asked), strict=True)
    fitted, looked_up = (
        np.hstack(side) for side in zip(*(tfidf(ours, theirs) for ours, theirs in counts), strict=True)
    )
    targets, sure = np.concatenate([labelled.targets, rows.argmax(axis=1)]), np.append(np.ones(48), rows.max(axis=1))

    def expected(weights: np.ndarray) -> np.ndarray:
        svm = LinearSVC(random_state=3).fit(fitted, targets, sample_weight=weights)
        return np.asarray(svm.decision_function(looked_up))

    np.testing.assert_allclose(margins, expected(sure), atol=2e-3)
    # The weights are no detail here.
    assert np.abs(margins - expected(np.ones(len(sure)))).max() > 0.02


def test_only_labelled_messages_say_what_is_covered() -> None:
    labelled = Examples(["refund money", "where parcel"], np.array([0, 1]))
    pseudo = Examples(["zzyzx quuxy"] * 4, np.array([[0.99, 0.01]] * 4, "float32"))
    alone, both = (Classifier.of([*labelled.texts, *pseudo.texts], 2) for _ in range(2))
    fit_ngrams(*alone, labelled)
    fit_ngrams(*both, labelled, pseudo)
    asked = ["zzyzx quuxy", "refund money", "parcel"]
    coverage = both(asked)["coverage"]
    np.testing.assert_array_equal(alone(asked)["coverage"], coverage)
    assert coverage[0].max() < 0.3
    assert coverage[1][0] > 0.4 > coverage[2][0]
    # The scores do know the pseudo-labelled ones.
    sure = [classifier(["zzyzx quuxy"])["scores"][0] for classifier in (alone, both)]
    assert sure[1][0] - sure[1][1] > sure[0][0] - sure[0][1] + 1


def test_an_unknown_word_that_training_saw_counts() -> None:
    """The vocabulary lacks both; their n-grams, which tell them apart as well, are left out."""
    train = Examples(["zzyzx please", "quuxy please"] * 3, np.array([0, 1] * 3))
    classifier = Classifier.of(["please"], 2)
    fit_ngrams(*classifier, train)
    classifier.layer.ngrams.assign(np.zeros_like(classifier.layer.ngrams))
    first, second, never = classifier(["zzyzx", "quuxy", "wumpus"])["margins"]
    bias = keras.ops.convert_to_numpy(classifier.layer.bias)
    assert first[0] - first[1] > 0.5
    assert second[1] - second[0] > 0.5
    np.testing.assert_allclose(never, bias, atol=1e-6)


def test_counts_by_hand() -> None:
    """Unknown words are counted where they are hashed to, not as one word; with pairs, which are hashed to the same."""
    classifier = Classifier.of(["where is"], 2)
    words, ngrams = ngram_counts(*classifier, ["where zzyzx zzyzx where quuxy", ""])
    num_words = len(classifier.preprocessor.vocabulary)
    known = words.toarray()[:, :num_words]
    assert known[:, classifier.preprocessor.vocabulary["where"]].tolist() == [2, 0]
    assert known.sum(axis=1).tolist() == [2, 0]

    features = classifier.preprocessor(["zzyzx", "quuxy", "where zzyzx", "zzyzx zzyzx", "zzyzx where", "where quuxy"])
    unknown, hashed, pairs, _ = (np.asarray(found) for found in classifier.layer.feature_ids(features))
    assert unknown[:2].tolist() == [[True, False], [True, False]]
    # Two words, one of them twice, and a pair in each place between two words.
    buckets = [hashed[0, 0], hashed[0, 0], hashed[1, 0], *pairs[2:, 0]]
    expected = np.bincount(buckets, minlength=classifier.layer.num_pairs)
    np.testing.assert_array_equal(words.toarray()[0, num_words:], expected)
    # "<zzyzx>" and "<quuxy>" have 5 + 4 + 3 n-grams, "<where>" as well.
    assert ngrams.sum(axis=1).tolist() == [5 * 12, 0]


def test_words_of_the_vocabulary_are_known() -> None:
    """Neither its punctuation and placeholders, nor words that it lacks, whether training saw them or not."""
    texts = ["where is it? mail a@b.example", "zzyzx!"]
    classifier = Classifier.of(texts[:1], 2)
    assert "?" in classifier.preprocessor.vocabulary
    fit_ngrams(*classifier, Examples(texts, np.array([0, 1])))
    asked = ["where is it? mail a@b.example", "?", "a@b.example ?", "zzyzx", "wumpus", "", "is IS it"]
    assert classifier(asked)["known_words"].tolist() == [4, 0, 0, 0, 0, 0, 3]


def test_what_does_not_fit_into_memory_is_refused_before_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """5,000 classes of two messages: 7.8 GB, and three minutes; 77 of 10,000 take neither."""
    sizes = {"vocab_size": 10_000, "num_pairs": 16_384, "num_buckets": 12_000}
    monkeypatch.setattr("supportnet.training.svm.machine_memory", lambda: 7 * 10**9)
    with pytest.raises(UserError, match=r"about 7\.9 GB of memory, and the machine has 7\.0: merge"):
        check_size(5000, 10_000, **sizes)
    monkeypatch.setattr("supportnet.training.svm.machine_memory", lambda: 64 * 10**9)
    with pytest.warns(UserWarning, match=r"5,000 classes takes about 7\.9 GB of memory and 3 minutes to fit"):
        check_size(5000, 10_000, **sizes)
    with warnings.catch_warnings(action="error"):
        check_size(77, 10_000, **sizes)


def test_the_memory_of_the_machine() -> None:
    assert 2**28 < machine_memory() < 2**50
