"""An embedding layer's matrix from word vectors: where each row comes from, worked by hand, and what is covered."""

import warnings
from typing import Any

import numpy as np
import pytest
from gensim.models import FastText, KeyedVectors

from supportnet.embeddings import Coverage, check_embedding_dim, embedding_matrix
from supportnet.errors import UserError
from supportnet.text.special_tokens import SPECIAL_TOKENS
from supportnet.text.vocabulary import Vocabulary

FIRST = len(SPECIAL_TOKENS)


@pytest.fixture(autouse=True)
def _no_other_warnings() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


def keyed(**vectors: list[float]) -> KeyedVectors:
    made = KeyedVectors(2)
    made.add_vectors(list(vectors), np.array(list(vectors.values()), np.float32))
    return made


VECTORS = keyed(paris=[1, 2], Paris=[3, 4], London=[5, 6], ROM=[7, 8], payPal=[9, 1], PayPal=[2, 3], Bern=[4, 5])


def test_words_come_before_case_variants_in_their_order() -> None:
    """`Bern` itself, then lower case, capitalized, upper case, then the first in the file."""
    vocabulary = Vocabulary(["paris", "PARIS", "london", "rom", "paypal", "Bern"])
    matrix, coverage = embedding_matrix(vocabulary, VECTORS)
    assert matrix.dtype == np.float32
    assert matrix.shape == (FIRST + 6, 2)
    assert matrix[FIRST:].tolist() == [[1, 2], [1, 2], [5, 6], [7, 8], [9, 1], [4, 5]]
    assert coverage.num_by_rule == {"exact": 2, "case": 4, "subword": 0, "noise": 0}
    assert coverage.missing == ()


def test_capitalized_comes_before_upper_case() -> None:
    vectors = keyed(PARIS=[1, 1], Paris=[2, 2])
    assert embedding_matrix(Vocabulary(["paris"]), vectors)[0][FIRST].tolist() == [2, 2]


def test_padding_is_zeros_and_special_tokens_are_noise() -> None:
    vectors = KeyedVectors(2)
    vectors.add_vectors(["<pad>", "<unk>", "<email>", "refund"], np.full((4, 2), 50, np.float32))
    matrix, coverage = embedding_matrix(Vocabulary(["refund"]), vectors)
    assert matrix[0].tolist() == [0, 0]
    assert (matrix[1:FIRST] != 0).all()
    assert (abs(matrix[1:FIRST]) < 1).all()
    assert len(np.unique(matrix[1:FIRST], axis=0)) == FIRST - 1
    assert (coverage.num_types, coverage.num_types_covered) == (1, 1)


def test_noise_has_a_tenth_of_the_deviation_of_the_known_rows() -> None:
    words = [f"unknown{number}" for number in range(2000)]
    vectors = keyed(a=[3, -3], b=[3, -3], unused=[1000, 0])
    matrix, _ = embedding_matrix(Vocabulary(["a", "b", *words]), vectors)
    assert matrix[FIRST + 2 :].std() == pytest.approx(0.3, rel=0.05)
    assert abs(matrix[FIRST + 2 :].mean()) < 0.02


def test_the_seed_decides_the_noise() -> None:
    vocabulary = Vocabulary(["paris", "refund"])
    first, again, other = (embedding_matrix(vocabulary, VECTORS, seed=seed)[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first[1:FIRST] != other[1:FIRST]).all()
    assert (first[FIRST + 1] != other[FIRST + 1]).all()
    np.testing.assert_array_equal(first[FIRST], other[FIRST])


def test_coverage_by_hand() -> None:
    vocabulary = Vocabulary(["refund", "paris", "parcel", "london", "cancel"])
    counts = {"paris": 6, "london": 3, "refund": 1, "cancel": 2, "<email>": 70, "not in the vocabulary": 80}
    _, coverage = embedding_matrix(vocabulary, VECTORS, counts=counts)
    assert coverage == Coverage(
        num_types=5,
        num_types_covered=2,
        token_share=9 / 12,
        num_by_rule={"exact": 1, "case": 1, "subword": 0, "noise": 3},
        missing=("cancel", "refund", "parcel"),
    )
    assert coverage.type_share == 0.4
    assert str(coverage) == (
        "Word vectors cover 2 of 5 words (40.0%), 75.0% of their occurrences (1 exact, 1 case, 0 subword, 3 noise).\n"
        "Not covered: cancel, refund, parcel"
    )


def test_coverage_without_counts_or_gaps() -> None:
    _, coverage = embedding_matrix(Vocabulary(["paris"]), VECTORS)
    assert coverage.token_share is None
    assert str(coverage) == "Word vectors cover 1 of 1 words (100.0%) (1 exact, 0 case, 0 subword, 0 noise)."
    assert embedding_matrix(Vocabulary(["paris"]), VECTORS, counts={})[1].token_share is None


def test_missing_are_the_first_ten() -> None:
    words = [f"unknown{number}" for number in range(12)]
    _, coverage = embedding_matrix(Vocabulary(["paris", *words]), VECTORS)
    assert coverage.missing == tuple(words[:10])
    _, coverage = embedding_matrix(Vocabulary(["paris", *words]), VECTORS, counts={"unknown11": 2, "unknown3": 1})
    assert coverage.missing[:3] == ("unknown11", "unknown3", "unknown0")


def test_a_vocabulary_without_words() -> None:
    matrix, coverage = embedding_matrix(Vocabulary([]), VECTORS)
    assert matrix.shape == (FIRST, 2)
    assert (coverage.num_types, coverage.type_share) == (0, 0.0)


def test_nothing_in_common_is_a_warning() -> None:
    words = ["remboursement", "colis", "commande", "facture", "livraison", "adresse"]
    expected = (
        r"^THE WORD VECTORS COVER NONE of the vocabulary's 6 words.* first words: paris, Paris, London, ROM, payPal\. "
        r"The vocabulary's: remboursement, colis, commande, facture, livraison\.$"
    )
    with pytest.warns(UserWarning, match=expected):
        matrix, coverage = embedding_matrix(Vocabulary(words), VECTORS)
    assert coverage.num_types_covered == 0
    assert 0 < abs(matrix[FIRST:]).max() < 0.06
    with pytest.warns(UserWarning, match=r"The vectors' first words: \(none\)\."):
        embedding_matrix(Vocabulary(words), KeyedVectors(2))


def test_require_coverage() -> None:
    vocabulary = Vocabulary(["paris", "refund", "parcel"])
    embedding_matrix(vocabulary, VECTORS, require_coverage=1 / 3)
    expected = (
        r"^require_coverage must be at most 0\.3333: the word vectors cover 1 of 3 words, but not refund, parcel\. "
        r"Received: require_coverage=0\.34$"
    )
    with pytest.raises(UserError, match=expected):
        embedding_matrix(vocabulary, VECTORS, require_coverage=0.34)


@pytest.mark.parametrize("wanted", [-0.1, 1.1, float("nan")])
def test_require_coverage_is_a_share(wanted: float) -> None:
    with pytest.raises(UserError, match=rf"^require_coverage must be 0 to 1\. Received: require_coverage={wanted}$"):
        embedding_matrix(Vocabulary(["paris"]), VECTORS, require_coverage=wanted)


@pytest.mark.parametrize("tokens", [["refund"], []])
def test_the_first_row_must_be_padding(tokens: list[str]) -> None:
    with pytest.raises(UserError, match=r"^vocabulary must begin with <pad>, as a Vocabulary does\. Received: \["):
        embedding_matrix(tokens, VECTORS)


def test_check_embedding_dim() -> None:
    check_embedding_dim(2, VECTORS)
    expected = r"^embedding_dim must be the dimension of the word vectors \(2\)\. Received: embedding_dim=128$"
    with pytest.raises(UserError, match=expected):
        check_embedding_dim(128, VECTORS)


def test_words_that_are_missing_are_made_from_their_ngrams() -> None:
    sentences = [["where", "is", "my", "parcel"], ["cancel", "my", "order"]] * 3
    options = {"vector_size": 4, "min_count": 1, "bucket": 40, "min_n": 3, "max_n": 3, "epochs": 1, "workers": 1}
    vectors = FastText(sentences, **options).wv
    # Too short for an n-gram of four characters with the marks around it.
    vectors.min_n = vectors.max_n = 4
    matrix, coverage = embedding_matrix(Vocabulary(["parcel", "MY", "parcels", "x"]), vectors)
    np.testing.assert_array_equal(matrix[FIRST], vectors["parcel"])
    np.testing.assert_array_equal(matrix[FIRST + 1], vectors["my"])
    np.testing.assert_array_equal(matrix[FIRST + 2], vectors["parcels"])
    assert matrix[FIRST + 2].any()
    assert matrix[FIRST + 3].any()
    assert coverage.num_by_rule == {"exact": 1, "case": 1, "subword": 1, "noise": 1}
    assert coverage.num_types_covered == 2
    assert coverage.missing == ("parcels", "x")
