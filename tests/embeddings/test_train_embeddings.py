"""Word vectors trained on tickets: which words there are, that equal seeds give equal vectors, and wrong arguments."""

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from gensim.models import KeyedVectors
from gensim.models.fasttext import FastTextKeyedVectors

from supportnet.embeddings import train_word_embeddings
from supportnet.embeddings.train import stable_hash
from supportnet.errors import UserError
from supportnet.text.vocabulary import Vocabulary

TEXTS = ["Where is my Parcel? Mail ann@example.com", "Cancel my order!", "My parcel, order 12345678: refund!"] * 4
OPTIONS: dict[str, Any] = {"embedding_dim": 6, "epochs": 2, "progress_bar": False}


@pytest.mark.parametrize(("method", "kind"), [("word2vec", KeyedVectors), ("fasttext", FastTextKeyedVectors)])
def test_both_methods(method: str, kind: type) -> None:
    vectors = train_word_embeddings(TEXTS, method, **OPTIONS)
    assert type(vectors) is kind
    assert vectors.vectors.shape == (len(vectors.index_to_key), 6)
    assert vectors.vectors.dtype == np.float32
    assert vectors.index_to_key[0] == "my"
    assert ("parcels" in vectors) == (method == "fasttext")


@pytest.mark.parametrize("mode", ["unicode", "article"])
def test_the_words_are_those_of_the_models_vocabulary(mode: str) -> None:
    """Lower-cased, and with placeholders for personal data."""
    texts = [*TEXTS, "Once, été"]
    vocabulary = Vocabulary.build(texts, mode, min_count=2)
    vectors = train_word_embeddings(iter(texts), mode=mode, **OPTIONS)
    placeholders = {"<email>", "<number>"}
    assert set(vectors.index_to_key) == {*list(vocabulary)[9:], *placeholders}
    assert ("!" in vectors) == (mode == "unicode")
    assert "once" in train_word_embeddings(texts, mode=mode, min_count=1, **OPTIONS)


@pytest.mark.parametrize("method", ["word2vec", "fasttext"])
def test_the_seed_decides(method: str) -> None:
    first, again, other = (train_word_embeddings(TEXTS, method, seed=seed, **OPTIONS).vectors for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_every_argument_counts() -> None:
    reference = train_word_embeddings(TEXTS, **OPTIONS).vectors
    for changed in ({"epochs": 3}, {"window": 1}):
        assert (train_word_embeddings(TEXTS, **{**OPTIONS, **changed}).vectors != reference).any()


def test_words_that_stand_together_get_alike() -> None:
    """Training does train: of two groups of words that never meet, a word is nearest to its own."""
    random = np.random.default_rng(0)
    groups = (["refund", "money", "card", "bank"], ["parcel", "courier", "address", "door"])
    texts = [" ".join(random.choice(groups[number % 2], 6)) for number in range(400)]
    vectors = train_word_embeddings(texts, embedding_dim=8, epochs=10, progress_bar=False)
    for group in groups:
        assert {word for word, _ in vectors.most_similar(group[0], topn=3)} == set(group[1:])


def test_the_hash_is_the_same_in_every_process() -> None:
    """Python's own isn't, and it is gensim's default."""
    code = "from supportnet.embeddings.train import stable_hash; import sys; print(stable_hash('Größe'))"
    outputs = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        outputs.add(int(done.stdout))
    assert outputs == {stable_hash("Größe")}
    assert stable_hash("\ud800") != stable_hash("\ud801")


def test_gensim_is_given_the_stable_hash_and_one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    import gensim.models

    given: dict[str, Any] = {}

    class Word2Vec(gensim.models.Word2Vec):
        def __init__(self, *args: Any, **options: Any) -> None:
            given.update(options)
            super().__init__(*args, **options)

    monkeypatch.setattr(gensim.models, "Word2Vec", Word2Vec)
    train_word_embeddings(TEXTS, **OPTIONS)
    assert (given["workers"], given["hashfxn"]) == (1, stable_hash)


def test_progress_bar(capsys: pytest.CaptureFixture[str]) -> None:
    train_word_embeddings(TEXTS, **OPTIONS)
    assert capsys.readouterr().err == ""
    train_word_embeddings(TEXTS, **{**OPTIONS, "progress_bar": True})
    shown = capsys.readouterr()
    assert "training word2vec" in shown.err
    assert "2/2" in shown.err
    assert shown.out == ""


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"method": "glove"}, r"^method must be one of word2vec, fasttext\. Received: method='glove'$"),
        ({"mode": "other"}, "^mode must be one of"),
        ({"embedding_dim": 0}, r"^embedding_dim must be at least 1\. Received: embedding_dim=0$"),
        ({"epochs": 0}, r"^epochs must be at least 1\. Received: epochs=0$"),
        ({"window": 0}, r"^window must be at least 1\. Received: window=0$"),
        ({"min_count": 0}, r"^min_count must be at least 1\. Received: min_count=0$"),
        ({"min_count": 17}, r"^min_count must be at most 12: no word occurs more often\. Received: min_count=17$"),
        ({"texts": []}, r"^texts must hold at least one word to train on\. Received: none$"),
        ({"texts": ["", " ... "]}, r"^texts must hold at least one word to train on\. Received: none$"),
        ({"texts": "a refund"}, r"^texts must be a list of texts\. Received: texts='a refund'$"),
    ],
)
def test_wrong_arguments(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        train_word_embeddings(**{"texts": TEXTS, **OPTIONS, **changed})


def test_importing_the_room_loads_neither_tensorflow_nor_gensim() -> None:
    code = "import sys, supportnet.embeddings; print({'tensorflow', 'keras', 'gensim', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
