import keras
import numpy as np
import pandas as pd
import pytest

from supportnet.architectures import encoder_names
from supportnet.config import NetworkConfig
from supportnet.errors import UserError
from supportnet.tasks.classify.calibrate import Confidence
from supportnet.tasks.classify.model import IntentClassifier
from supportnet.text.special_tokens import SPECIAL_TOKENS
from supportnet.text.vocabulary import Vocabulary

TEXTS = ["where is my parcel, it should have come on Monday", "refund", "", "I want my money back!", "Où est-il ?"]
INTENTS = ["cancel", "refund", "track"]
WORDS = ["where", "parcel", "refund", "money"]
#: Of `TEXTS`, those with one of these words.
KNOWN = [True, True, False, True, False]


@pytest.fixture(scope="module", params=encoder_names())
def model(request):
    """Random weights: what is tested is the way from strings to intents."""
    keras.utils.set_random_seed(0)
    sizes = {"embedding_dim": 8, "hidden_dim": 6, "num_heads": 2, "num_buckets": 50, "max_length": 16}
    config = NetworkConfig(architecture=request.param, **sizes)
    model = IntentClassifier(config, Vocabulary(WORDS), INTENTS)
    generator = np.random.default_rng(0)
    model.network.set_weights([generator.normal(size=weight.shape) for weight in model.network.weights])
    # Coverage is a share: here of n-grams that are all known of every intent. Words are known that aren't special.
    ngrams, vote = model.head.get_layer("ngrams"), model.head.get_layer("vote")
    ngrams.ngrams.assign(np.where(np.arange(ngrams.ngrams.shape[1]) > len(INTENTS), 1.0, ngrams.ngrams.numpy()))
    is_word = np.arange(len(model.vocabulary)) >= len(SPECIAL_TOKENS)
    ngrams.words.assign(np.column_stack([ngrams.words.numpy()[:, :-1], is_word]))
    vote.shares.assign(np.abs(vote.shares.numpy()))
    return model


def test_intents_come_best_first_with_their_probabilities(model):
    for text, probabilities, answer in zip(TEXTS, model.probabilities(TEXTS), model.classify(TEXTS), strict=True):
        assert answer.text == text
        assert (answer.intent, answer.score) == (answer.intents[0], answer.scores[0])
        assert list(answer.scores) == sorted(probabilities.tolist(), reverse=True)
        assert [probabilities[INTENTS.index(intent)] for intent in answer.intents] == list(answer.scores)
        assert sum(answer.scores) == pytest.approx(1, abs=1e-5)


def test_a_new_confidence_is_used_at_once(model):
    before = model.answers(TEXTS)
    assert (before.in_scope.tolist(), before.route.any()) == (KNOWN, False)
    try:
        model.confidence = Confidence(temperature=2.0, in_scope_threshold=1.1, route_threshold=0.0)
        after = model.answers(TEXTS)
    finally:
        model.confidence = Confidence()
    assert (after.in_scope.any(), after.route.tolist()) == (False, KNOWN)
    assert (after.probabilities.max(axis=1) < before.probabilities.max(axis=1)).all()
    np.testing.assert_array_equal(after.in_scope_score, before.in_scope_score)


def test_the_answer_depends_on_the_message(model):
    assert len(np.unique(model.probabilities(TEXTS), axis=0)) == len(TEXTS)


@pytest.mark.parametrize(
    "container",
    [
        tuple,
        iter,
        np.array,
        pd.Series,
        lambda texts: pd.Series(texts, index=[7, 7, -1, 0, 3]),
        lambda texts: pd.Series(texts, index=list("edcba"), dtype="string"),
        lambda texts: (text for text in texts),
        lambda texts: dict.fromkeys(texts).keys(),
    ],
    ids=["tuple", "iterator", "array", "series", "series_odd_index", "series_string", "generator", "keys"],
)
def test_messages_come_in_any_iterable(model, container):
    assert model.classify(container(TEXTS)) == model.classify(TEXTS)


def test_rows_keep_their_order_whatever_the_batches_are(model):
    alone = np.concatenate([model.probabilities([text]) for text in TEXTS])
    for batch_size in (1, 2, 64):
        np.testing.assert_allclose(model.probabilities(TEXTS, batch_size), alone, atol=1e-5)
    embeddings = np.concatenate([model.embed([text]) for text in TEXTS])
    np.testing.assert_allclose(model.embed(TEXTS, batch_size=2), embeddings, atol=1e-5)


def test_top_k(model):
    full = model.classify(TEXTS, top_k=3)
    assert model.classify(TEXTS, top_k=99) == full
    for short, long in zip(model.classify(TEXTS, top_k=1), full, strict=True):
        assert (short.intents, short.scores) == (long.intents[:1], long.scores[:1])


@pytest.mark.parametrize(("name", "value"), [("top_k", 0), ("top_k", -1), ("top_k", 1.5)])
def test_top_k_is_checked(model, name, value):
    with pytest.raises(UserError, match=f"top_k must be .* Received: top_k={value}"):
        model.classify(TEXTS, top_k=value)


def test_the_batch_size_is_checked(model):
    with pytest.raises(UserError, match=r"batch_size must be at least 1\. Received: batch_size=0"):
        model.probabilities(TEXTS, batch_size=0)


def test_no_messages(model):
    assert model.classify([]) == []
    assert model.classify(pd.Series([], dtype=object)) == []
    assert model.probabilities([]).shape == (0, 3)
    assert model.embed([]).shape == (0, *model.network.output["embedding"].shape[1:])


@pytest.mark.parametrize(
    "text",
    ["", "   ", "\0", "\u00a0", "!!!", "😀", "x" * 1_000_000, "refund " * 150_000, "\ud800", "退款"],
    ids=["empty", "spaces", "nul", "nbsp", "marks", "emoji", "one_long_word", "1_MB", "surrogate", "chinese"],
)
def test_every_message_has_an_answer(model, text):
    for texts in ([text], [text, "hello"]):
        answers = model.classify(texts)
        assert [answer.text for answer in answers] == texts
        assert np.isfinite([answer.scores for answer in answers]).all()
        assert sum(answers[0].scores) == pytest.approx(1, abs=1e-5)
    assert np.isfinite(model.embed([text])).all()


def test_a_message_is_read_up_to_max_length(model):
    words = ["where", "parcel", "refund", "money"] * 4
    cut, long = model.probabilities([" ".join(words), " ".join([*words, "money"] * 9)])
    np.testing.assert_allclose(long, cut, atol=1e-5)


def test_a_lone_surrogate_counts_as_a_space(model):
    broken, whole = model.probabilities(["my\ud800 refund\udfff", "my  refund "])
    np.testing.assert_allclose(broken, whole, atol=1e-5)


@pytest.mark.parametrize("text", ["where is my parcel", b"where is my parcel"])
def test_a_single_string_is_refused(model, text):
    for method in (model.classify, model.probabilities, model.embed):
        with pytest.raises(UserError, match=r"must be given as a list of strings\. Received one string: b?'where is"):
            method(text)


@pytest.mark.parametrize(
    "texts",
    [pd.DataFrame({"text": ["a"]}), {"text": "a"}, None, 3],
    ids=["frame", "dict", "none", "number"],
)
def test_what_is_no_column_of_strings_is_refused(model, texts):
    with pytest.raises(UserError, match=f"a list or one column of strings. Received: {type(texts).__name__}"):
        model.classify(texts)


@pytest.mark.parametrize("value", [None, float("nan"), 3, b"bytes", ["a"]])
def test_a_message_that_is_no_string_is_named_by_its_row(model, value):
    for texts in (["a", "b", value], pd.Series(["a", "b", value], index=[5, 6, 7], dtype=object)):
        with pytest.raises(UserError, match=r"Message 2 \(counted from 0\) must be a string\. Received: "):
            model.classify(texts)


def test_the_model_is_float32_outside_in_half_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = IntentClassifier(NetworkConfig(embedding_dim=8, hidden_dim=6), Vocabulary(["refund"]), INTENTS)
    finally:
        keras.config.set_dtype_policy("float32")
    assert (model.probabilities(TEXTS).dtype, model.embed(TEXTS).dtype) == (np.float32, np.float32)
    np.testing.assert_allclose(model.probabilities(TEXTS).sum(axis=1), np.ones(len(TEXTS)), rtol=1e-5)
