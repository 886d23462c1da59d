"""The object of a notebook: from training to export."""

import inspect
import subprocess
import sys
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

import supportnet
from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.errors import UserError
from supportnet.tasks.options import training_options

if TYPE_CHECKING:
    from supportnet.tasks.classify.model import IntentClassifier


@pytest.fixture
def model(tiny_classifier: "IntentClassifier") -> "supportnet.SupportModel":
    return supportnet.SupportModel(tiny_classifier)


def test_classify_takes_what_notebooks_hold(model: "supportnet.SupportModel") -> None:
    texts = ["where is my parcel?", "", "我要退款"]
    found = model.classify(texts, top_k=2)
    assert [answer.text for answer in found] == texts
    assert {len(answer.intents) for answer in found} == {2}
    assert model.classify(pd.Series(texts, index=[7, 8, 9]), top_k=2) == found
    assert model.classify([]) == []
    with pytest.raises(UserError, match="Received one string"):
        model.classify("where is my parcel?")


def test_embed_and_repr(model: "supportnet.SupportModel") -> None:
    vectors = model.embed(["hello", ""])
    assert vectors.shape[0] == 2
    assert np.isfinite(vectors).all()
    assert repr(model) == "SupportModel(classify, bilstm_attention, 7 intents)"
    assert (model.metrics, model.history, model.coverage) == (None, None, None)


def test_attributes_are_those_of_its_models(model: "supportnet.SupportModel") -> None:
    classifier, confidence = model.model, replace(model.confidence, temperature=0.125)
    kept = model.confidence
    try:
        model.confidence = confidence
        assert classifier.confidence is confidence
        assert "confidence" not in vars(model)
    finally:
        classifier.confidence = kept
    model.metrics = {"accuracy": 0.5}
    assert "validation accuracy 0.500" in repr(model)
    with pytest.raises(AttributeError, match="A model of the task classify has no attribute 'confidense'"):
        model.confidense = confidence
    with pytest.raises(AttributeError, match="no attribute 'confidense'"):
        model.confidense  # noqa: B018
    assert copy(model).intents == model.intents


def test_evaluate_and_export(model: "supportnet.SupportModel", tmp_path: Path) -> None:
    figures = model.evaluate([Ticket("hello", model.intents[0])])
    assert figures["num_examples"] == 1
    assert model.export(tmp_path / "tiny") == tmp_path / "tiny" / "1"
    assert model.export(tmp_path / "tiny", version=5) == tmp_path / "tiny" / "5"


def test_train_and_load(tmp_path: Path) -> None:
    tickets = [Ticket(text, intent) for text, intent in (("my parcel", "track"), ("my money", "refund"))] * 6
    options = {"embedding_dim": 16, "hidden_dim": 8, "num_heads": 2, "num_layers": 0, "num_buckets": 500, "epochs": 1}
    options |= {"validation": "split", "progress_bar": False}
    model = supportnet.train(TicketDataset("two", {"all": tickets}), tmp_path / "run", **options)
    assert model.intents == ["refund", "track"]
    assert model.history is not None
    assert len(model.history) == 1
    assert model.metrics is not None
    loaded = supportnet.load_model(tmp_path / "run")
    assert (loaded.metrics, loaded.history, loaded.coverage) == (None, None, None)
    assert loaded.classify(["my money"]) == model.classify(["my money"])


def test_train_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no data source named 'smaple'"):
        supportnet.train("smaple")
    with pytest.raises(UserError, match="There is no option named 'epoch'"):
        supportnet.train("sample", epoch=3)
    with pytest.raises(UserError, match="There is no run folder"):
        supportnet.load_model(tmp_path / "run")


@pytest.mark.parametrize(
    ("old", "new"),
    [("train_suggester", "suggest"), ("train_replier", "reply"), ("train_tasks", "classify,suggest,reply")],
)
def test_old_trainings_warn(old: str, new: str) -> None:
    """They train the same tasks, which the error of a wrong option shows without a training."""
    with (
        pytest.warns(DeprecationWarning, match=rf"supportnet\.{old} is now supportnet\.train"),
        pytest.raises(UserError) as found,
    ):
        getattr(supportnet, old)("sample", epochs=0)
    with pytest.raises(UserError) as expected:
        supportnet.train("sample", task=new.split(","), epochs=0)
    assert str(found.value) == str(expected.value)


def test_train_lists_every_option() -> None:
    signature, text = inspect.signature(supportnet.train), inspect.getdoc(supportnet.train) or ""
    for name, option in training_options().items():
        assert signature.parameters[name].default == option.option.default
        assert f"\n    {name}: {option.help}\n" in text + "\n"
    assert all(one.kind is not inspect.Parameter.VAR_KEYWORD for one in signature.parameters.values())
    assert {"task", "preset", "callbacks", "optimizer", "resume"} <= set(signature.parameters)
    assert signature.return_annotation is supportnet.SupportModel


def test_tensorflow_starts_without_noise() -> None:
    code = "import supportnet; supportnet.start_tensorflow(); supportnet.build_model"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_names_at_the_top() -> None:
    assert set(supportnet.__all__) <= set(dir(supportnet))
    assert all(hasattr(supportnet, name) for name in supportnet.__all__)
    with pytest.raises(AttributeError, match="supportnet attribute tarin"):
        supportnet.tarin  # noqa: B018
