"""An export of a suggestion model: its contract, the trained model's answers, and a bank that is replaced."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from small_suggester import ANSWERS, TEXTS, make_suggester

from supportnet.data.bank import Answer, Bank
from supportnet.errors import UserError
from supportnet.savedmodel.load import SavedModel
from supportnet.serving.saved_models import index
from supportnet.tasks.suggest.model import Suggester
from supportnet.tasks.suggest.serve import TOP_K, ExportedSuggester

BATCHES: dict[str, list[str | bytes]] = {
    "none": [],
    "one": ["Where is my parcel?"],
    "three": TEXTS,
    "empty and not": ["", "refund", " \u00a0\n"],
    "not Unicode": [b"\xff\xfe\x00", b"caf\xe9 parcel", b"\xed\xa0\x80"],
    "emoji": ["👍🏽", "where is it 👩‍👩‍👧", "我要退款"],
    "long": ["hello parcel " * 770, "x" * 10_000, "x"],
}
NEW = [Answer("n1", "All new: the shop has moved.", tags=("news",)), Answer("n2", "We close at nine."), ANSWERS[1]]
SUGGEST = ("suggestion_ids", "suggestions", "suggestion_scores", "has_suggestion")


@pytest.fixture(scope="module")
def loaded(tiny_suggestions: Path) -> ExportedSuggester:
    return ExportedSuggester(tiny_suggestions)


@pytest.fixture(scope="module")
def reindexed(tiny_suggestions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's folder whose version 2 was made of version 1 and a new bank; version 1 is gone."""
    folder = tmp_path_factory.mktemp("reindexed") / "tiny"
    shutil.copytree(tiny_suggestions, folder / "1")
    assert index(ExportedSuggester(folder), Bank("new bank", NEW), folder) == folder / "2"
    shutil.rmtree(folder / "1")
    return folder


def strings(values: np.ndarray) -> list[Any]:
    """Decode an array of bytes, to lists."""
    return np.vectorize(bytes.decode, otypes=[object])(values).tolist() if values.size else values.tolist()


def as_string(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("utf-8", "replace")


def assert_same(outputs: dict[str, np.ndarray], model: Suggester, bank: Bank, texts: list[str]) -> None:
    """Compare what `suggest` returns with what the trained model says."""
    for row, expected in enumerate(model.suggest(texts, model.index(bank), TOP_K)):
        missing = TOP_K - len(expected)
        assert strings(outputs["suggestion_ids"][row]) == [answer.id for answer in expected] + [""] * missing
        assert strings(outputs["suggestions"][row]) == [answer.text for answer in expected] + [""] * missing
        scores = [answer.score for answer in expected] + [0.0] * missing
        np.testing.assert_allclose(outputs["suggestion_scores"][row], scores, atol=1e-5)


def test_signatures(loaded: ExportedSuggester, tiny_suggester: Suggester) -> None:
    text, tag = (tf.TensorSpec([None], tf.string, name) for name in ("text", "tag"))
    suggest = {
        **{name: tf.TensorSpec([None, 10], tf.string, name) for name in ("suggestion_ids", "suggestions")},
        "suggestion_scores": tf.TensorSpec([None, 10], tf.float32, "suggestion_scores"),
        "has_suggestion": tf.TensorSpec([None], tf.bool, "has_suggestion"),
    }
    # The vectors, the labels, and the prior.
    depth = len(tiny_suggester.scales) + len(tiny_suggester.labels) + 1
    embed = {"embedding": tf.TensorSpec([None, depth], tf.float32, "embedding")}
    expected = {
        "serving_default": ({"text": text}, suggest),
        "suggest": ({"text": text}, suggest),
        "suggest_filtered": ({"text": text, "tag": tag}, suggest),
        "embed": ({"text": text}, embed),
        "embed_message": ({"text": text}, embed),
        "redact": ({"text": text}, {"redacted": tf.TensorSpec([None], tf.string, "redacted")}),
        "embed_answer": ({"text": text}, embed),
    }
    assert loaded.signatures == sorted(expected)
    for name, signature in loaded._module.signatures.items():
        assert signature.structured_input_signature == ((), expected[name][0])
        assert signature.structured_outputs == expected[name][1]


def test_files(tiny_suggestions: Path) -> None:
    facts = json.loads((tiny_suggestions / "assets.extra" / "suggestions.json").read_text())
    counts = {"entries": len(ANSWERS), "answers": len(ANSWERS) - 1, "top_k": 10, "min_score": 0.1}
    assert facts == {"bank": "tiny bank", "licence": "CC0-1.0", **counts}
    assert [path.name for path in tiny_suggestions.parent.iterdir()] == ["1"]


@pytest.mark.parametrize("texts", BATCHES.values(), ids=BATCHES)
def test_answers_of_the_trained_model(
    loaded: ExportedSuggester, tiny_suggester: Suggester, tiny_bank: Bank, texts: list[str | bytes]
) -> None:
    function = loaded._module.signatures["suggest"]
    outputs = {name: value.numpy() for name, value in function(text=tf.constant(texts, tf.string)).items()}
    assert {name: value.shape for name, value in outputs.items()} == {
        **dict.fromkeys(SUGGEST[:3], (len(texts), TOP_K)),
        "has_suggestion": (len(texts),),
    }
    assert_same(outputs, tiny_suggester, tiny_bank, [as_string(text) for text in texts])
    scores = outputs["suggestion_scores"]
    assert (np.diff(scores, axis=1) <= 0).all()
    assert (scores.sum(axis=1) < 1).all()
    assert outputs["has_suggestion"].tolist() == (scores[:, 0] >= 0.1).tolist()


def test_the_answers_depend_on_the_message(loaded: ExportedSuggester) -> None:
    """Otherwise the comparisons above would say nothing."""
    outputs = loaded.run("suggest", ["Annulez ma commande", "refund", "press 7 and hold", ""])
    assert len({tuple(row) for row in outputs["suggestion_ids"].tolist()}) == 4
    assert outputs["has_suggestion"].tolist() == [True, True, True, False]


@pytest.mark.parametrize("signature", ["suggest", "embed", "embed_answer"])
def test_the_rest_of_the_batch_changes_nothing(loaded: ExportedSuggester, signature: str) -> None:
    texts = [*TEXTS, "", "refund " * 60, "👍🏽"]
    together = loaded.run(signature, texts)
    for row, text in enumerate(texts):
        for name, values in loaded.run(signature, [text]).items():
            if values.dtype == object:
                assert values[0].tolist() == together[name][row].tolist()
            else:
                np.testing.assert_allclose(values[0].astype(float), together[name][row], atol=1e-5)


def test_serving_default_is_suggest(loaded: ExportedSuggester) -> None:
    default, suggest = (loaded.run(name, TEXTS) for name in ("serving_default", "suggest"))
    assert set(default) == set(suggest) == set(SUGGEST)
    for name, values in default.items():
        np.testing.assert_array_equal(values, suggest[name])


def test_a_message_without_words_gets_nothing(loaded: ExportedSuggester) -> None:
    for outputs in (
        loaded.run("suggest", ["", " \n"]),
        loaded.run("suggest_filtered", ["", "\u3000"], tag=["en", "phone"]),
    ):
        assert set(outputs["suggestion_ids"].ravel()) == set(outputs["suggestions"].ravel()) == {b""}
        assert not outputs["suggestion_scores"].any()
        assert not outputs["has_suggestion"].any()


def test_near_duplicates_are_one(loaded: ExportedSuggester) -> None:
    assert len(loaded.bank.ids.numpy()) == len(ANSWERS) - 1
    assert b"a6" not in loaded.bank.ids.numpy()
    # Its tag is kept.
    outputs = loaded.run("suggest_filtered", TEXTS[:1], tag=["late"])
    assert strings(outputs["suggestion_ids"])[0] == ["a1"] + [""] * 9


def test_filtered(loaded: ExportedSuggester, tiny_suggester: Suggester) -> None:
    """Each message has a tag of its own, and the scores are among those answers alone."""
    tags = ["money", "phone", "en", "fr", "nobody's", ""]
    texts = [TEXTS[0], "press 7", "refund", "refund", "refund", "refund"]
    outputs = loaded.run("suggest_filtered", texts, tag=tags)
    for row, (text, tag) in enumerate(zip(texts, tags, strict=True)):
        kept = [answer for answer in ANSWERS if tag in (*answer.tags, answer.language) and tag and answer.id != "a6"]
        # The near-duplicate's use is its double's.
        kept = [Answer(a.id, a.text, a.title, uses=a.uses + (a.id == "a1")) for a in kept]
        alone = {name: values[row : row + 1] for name, values in outputs.items()}
        if kept:
            assert_same(alone, tiny_suggester, Bank("kept", kept), [text])
        else:
            assert set(alone["suggestion_ids"].ravel()) == set(alone["suggestions"].ravel()) == {b""}
            assert not alone["suggestion_scores"].any()
            assert alone["has_suggestion"].tolist() == [False]


def test_embeddings_multiply_to_the_logits(
    loaded: ExportedSuggester, tiny_suggester: Suggester, tiny_bank: Bank
) -> None:
    columns = loaded.bank.columns.numpy()
    answers = tiny_suggester.index(tiny_bank).answers
    np.testing.assert_allclose(columns, tiny_suggester.index(tiny_bank).columns, atol=1e-5)
    used_once = loaded.run("embed_answer", [answer.searched for answer in answers])["embedding"]
    np.testing.assert_allclose(used_once[:, :-1], columns[:-1].T, atol=1e-5)
    np.testing.assert_array_equal(used_once[:, -1], 0)
    logits = loaded.run("embed", TEXTS)["embedding"] @ columns
    messages, replies = (
        tiny_suggester.vectors(texts, side)
        for texts, side in ((TEXTS, "message"), ([answer.searched for answer in answers], "reply"))
    )
    depth, relevance = len(tiny_suggester.scales), tiny_suggester.relevance
    by_hand = (
        relevance.inverse_temperature * (tiny_suggester.scales * messages[:, :depth]) @ replies[:, :depth].T
        + relevance.prior * np.log([answer.uses for answer in answers])
        + relevance.agreement * messages[:, depth:] @ replies[:, depth:].T
    )
    np.testing.assert_allclose(logits, by_hand, atol=1e-4)
    odds = np.exp(by_hand)
    scores = odds / (odds.sum(axis=1, keepdims=True) + np.exp(relevance.null_logit))
    found = loaded.run("suggest", TEXTS)["suggestion_scores"]
    np.testing.assert_allclose(found, -np.sort(-scores, axis=1)[:, :TOP_K], atol=1e-5)


def test_another_encoder_without_labels_tags_or_many_answers(tmp_path: Path) -> None:
    model = make_suggester([], "transformer")
    # A lone surrogate can stand in JSON.
    bank = Bank("few", [Answer("1", "On its way."), Answer("2", "lone \ud800 half")])
    texts = [*TEXTS, "refund"]
    # Between two messages' scores.
    least = float(np.median([found[0].score for found in model.suggest(texts, model.index(bank))]))
    loaded = ExportedSuggester(index(model, bank, tmp_path, version=7, min_score=least))
    outputs = loaded.run("suggest", texts)
    readable = Bank("few", [bank.answers[0], Answer("2", "lone \ufffd\ufffd\ufffd half")])
    assert_same(outputs, model, readable, texts)
    first = outputs["suggestion_scores"][:, 0]
    assert outputs["has_suggestion"].tolist() == (first >= least).tolist()
    assert len(set(outputs["has_suggestion"].tolist())) == 2
    assert not loaded.run("suggest_filtered", ["refund"], tag=["en"])["has_suggestion"].any()
    assert loaded.path.name == "7"


def test_a_new_bank(reindexed: Path, loaded: ExportedSuggester, tiny_suggester: Suggester) -> None:
    assert [path.name for path in reindexed.iterdir()] == ["2"]
    new = ExportedSuggester(reindexed)
    assert new.signatures == loaded.signatures
    assert_same(new.run("suggest", TEXTS), tiny_suggester, Bank("new", NEW), TEXTS)
    assert strings(new.run("suggest_filtered", TEXTS[:1], tag=["news"])["suggestion_ids"])[0][:2] == ["n1", ""]
    for name in ("embed", "embed_answer"):
        np.testing.assert_allclose(new.run(name, TEXTS)["embedding"], loaded.run(name, TEXTS)["embedding"], atol=1e-6)
    assert json.loads((new.path / "assets.extra" / "suggestions.json").read_text())["bank"] == "new bank"


def test_a_new_bank_in_place_of_the_old(reindexed: Path, tmp_path: Path) -> None:
    """Over and over: nothing is left of the banks before.

    What adds up are TensorFlow's wrappers around the three functions that set up the vocabulary's table, 4 kB.
    """
    folder = tmp_path / "tiny"
    shutil.copytree(reindexed, folder)
    sizes = []
    for _ in range(3):
        index(ExportedSuggester(folder), Bank("newer", NEW[::-1]), folder, version=2, overwrite=True)
        sizes.append({path.name: path.stat().st_size for path in folder.rglob("*") if path.is_file()})
    assert [path.name for path in folder.iterdir()] == ["2"]
    graphs = [size.pop("saved_model.pb") for size in sizes]
    assert max(np.diff(graphs)) < 5000
    assert len({size["variables.data-00000-of-00001"] for size in sizes}) == 1
    assert [set(size) for size in sizes] == [set(sizes[0])] * 3
    assert strings(ExportedSuggester(folder).run("suggest", TEXTS[:1])["suggestion_ids"])[0].count("") == TOP_K - 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bank": Bank("nothing", [])}, "nothing has no answers"),
        ({"version": 2}, r"tiny/2 is there already.*--overwrite"),
        ({"version": 0}, "version must be"),
        ({"min_score": 1.0}, "min_score must be"),
        ({"min_score": -0.1}, "min_score must be"),
        ({"min_score": float("nan")}, "min_score must be"),
    ],
)
def test_what_cannot_be_indexed(
    loaded: ExportedSuggester, reindexed: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        index(**{"model": loaded, "bank": Bank("new", NEW), "path": reindexed, **change})
    assert [path.name for path in reindexed.iterdir()] == ["2"]


def test_a_bank_that_breaks_while_it_is_read_leaves_nothing(loaded: ExportedSuggester, reindexed: Path) -> None:
    with pytest.raises((TypeError, ValueError, AttributeError)):
        index(loaded, Bank("broken", [NEW[0], Answer("n9", 9)]), reindexed)  # type: ignore[arg-type]
    broken = copy.copy(loaded)
    broken.encoder = None
    with pytest.raises(AttributeError):
        index(broken, Bank("new", NEW), reindexed)
    assert [path.name for path in reindexed.iterdir()] == ["2"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda model: model.run("classify", ["x"]),
            r"no signature 'classify'\. It has: embed, embed_answer, embed_message, redact, serving",
        ),
        (lambda model: model.run("suggest", "x"), "one string"),
        (lambda model: model.run("suggest", [None]), "Message 0"),
        (lambda model: model.run("suggest_filtered", ["x"]), "must get the inputs tag, text. Received: text"),
        (lambda model: model.run("suggest", ["x"], tag=["en"]), "must get the inputs text. Received: text, tag"),
    ],
)
def test_what_cannot_be_asked(loaded: ExportedSuggester, call: Callable[[SavedModel], object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        call(loaded)


def test_a_classifier_is_no_suggester_but_a_saved_model(tiny_export: Path) -> None:
    with pytest.raises(UserError, match=r"tiny/1 can't be loaded: damaged, or no export of supportnet"):
        ExportedSuggester(tiny_export)
    assert SavedModel(tiny_export).signatures == ["classify", "classify_examples", "embed", "redact", "serving_default"]
