"""Messages in, the best answers of a bank out: the same as a search by hand."""

from pathlib import Path

import keras
import numpy as np
import pytest

from supportnet.config import NetworkConfig
from supportnet.data.bank import Answer, Bank
from supportnet.errors import UserError
from supportnet.tasks.suggest.calibrate import Relevance
from supportnet.tasks.suggest.model import Suggester
from supportnet.text.vocabulary import Vocabulary

ANSWERS = [
    Answer("way", "Your parcel is on its way.", uses=5),
    Answer("money", "You get your money back.", title="Refunds"),
    Answer("again", "your parcel is on its way", uses=2),
    Answer("hello", "Hello!", uses=40),
    Answer("sorry", "We are sorry for that."),
]
MESSAGES = ["where is my parcel? " * 9, "hi", "", "I want my money back", "?!"]


@pytest.fixture(scope="module", params=[(), ("refund", "track")], ids=["no labels", "labels"])
def model(request: pytest.FixtureRequest) -> Suggester:
    """Random weights, two branches of depth 6, and numbers that all count."""
    keras.utils.set_random_seed(0)
    config = NetworkConfig("none", embedding_dim=16, num_heads=2, num_buckets=500, vector_dim=6)
    relevance = Relevance(inverse_temperature=0.2, prior=0.5, agreement=1.5, null_logit=0.7)
    model = Suggester(config, Vocabulary(["parcel", "money", "way"]), request.param, relevance)
    model.network.get_layer("scores").log_scale.assign([1.0, 3.0])
    return model


def test_suggestions_are_those_of_a_search_by_hand(model: Suggester) -> None:
    index = model.index(Bank("answers", ANSWERS))
    relevance, texts = model.relevance, [answer.searched for answer in index.answers]
    messages, replies = model.vectors(MESSAGES, "message"), model.vectors(texts, "reply")
    scales = np.asarray(model.network.get_layer("scores").scale)
    cosines = [messages[:, own] @ replies[:, own].T for own in (slice(6), slice(6, 12))]
    agreement = messages[:, 12:] @ replies[:, 12:].T
    logits = 0.2 * (scales[0] * cosines[0] + scales[1] * cosines[1]) / 2 + 0.5 * np.log([7, 1, 40, 1]) + 1.5 * agreement
    shares = np.exp(logits) / (np.exp(logits).sum(axis=1, keepdims=True) + np.exp(relevance.null_logit))
    suggested = model.suggest(MESSAGES, index, top_k=3)
    assert [len(own) for own in suggested] == [3, 3, 0, 3, 0 if not has_words(model, "?!") else 3]
    for own, share in zip(suggested, shares, strict=True):
        for suggestion, row in zip(own, np.argsort(-share), strict=False):
            answer = index.answers[row]
            assert (suggestion.id, suggestion.text) == (answer.id, answer.text)
            assert suggestion.score == pytest.approx(share[row], rel=1e-3)


def has_words(model: Suggester, text: str) -> bool:
    return bool(np.any(model.preprocessor([text])["mask"]))


def test_vectors_have_length_1_and_chances_of_labels(model: Suggester) -> None:
    for side in ("message", "reply"):
        vectors = model.vectors([MESSAGES[0], MESSAGES[3]], side)
        assert vectors.shape == (2, 12 + len(model.labels))
        for own in (slice(6), slice(6, 12)):
            np.testing.assert_allclose(np.linalg.norm(vectors[:, own], axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(vectors[:, 12:].sum(axis=1), 1 if model.labels else 0, atol=1e-5)


def test_texts_keep_their_order_in_batches_of_any_size(model: Suggester) -> None:
    alone = np.concatenate([model.vectors([text], "message") for text in MESSAGES])
    for batch_size in (1, 2, 64):
        np.testing.assert_allclose(model.vectors(MESSAGES, "message", batch_size), alone, atol=1e-5)


def test_an_index_holds_duplicates_once(model: Suggester) -> None:
    """With the uses of all, and what the titles say."""
    index = model.index(Bank("answers", ANSWERS))
    assert [answer.id for answer in index.answers] == ["way", "money", "hello", "sorry"]
    np.testing.assert_allclose(index.columns[-1], np.log([7, 1, 40, 1]), rtol=1e-6)
    with_title = model.vectors(["Refunds\nYou get your money back."], "reply")[0]
    np.testing.assert_allclose(index.columns[:-1, 1], with_title, atol=1e-5)


def test_fewer_answers_than_asked_for_and_no_messages(model: Suggester) -> None:
    index = model.index(Bank("answers", ANSWERS[:2]))
    assert [len(own) for own in model.suggest(["hi", ""], index, top_k=9)] == [2, 0]
    assert model.suggest([], index) == []


def test_what_cannot_be_suggested_from(model: Suggester) -> None:
    with pytest.raises(UserError, match=r"^answers has no answers\."):
        model.index(Bank("answers", []))
    index = model.index(Bank("answers", ANSWERS[:1]))
    with pytest.raises(UserError, match=r"top_k must be at least 1\. Received: top_k=0"):
        model.suggest(["hi"], index, top_k=0)
    with pytest.raises(UserError, match="must be given as a list of strings"):
        model.suggest("hi", index)


def test_relevance_comes_back_from_its_file(tmp_path: Path) -> None:
    relevance = Relevance(inverse_temperature=0.3, prior=1.25, agreement=2.0, null_logit=-3.5)
    relevance.save(tmp_path / "relevance.json")
    assert Relevance.load(tmp_path / "relevance.json") == relevance


@pytest.mark.parametrize(
    "content", ["", "[]", '{"prior": "1"}', '{"inverse_temperature": -1}', '{"null_logit": NaN}', '{"a": 1}']
)
def test_a_damaged_relevance_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "relevance.json").write_text(content)
    with pytest.raises(UserError, match=r"relevance\.json (is damaged|can't be read)"):
        Relevance.load(tmp_path / "relevance.json")
