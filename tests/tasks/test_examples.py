"""The examples in the docstrings of layers and networks do what they say."""

import doctest
import importlib

import pytest

MODULES = [
    "supportnet.layers.attention",
    "supportnet.layers.blocks",
    "supportnet.layers.embedding",
    "supportnet.layers.ngram_scores",
    "supportnet.layers.pooling",
    "supportnet.layers.positional_encoding",
    "supportnet.layers.recurrent",
    "supportnet.layers.rows",
    "supportnet.layers.scaled_cosine",
    "supportnet.layers.transformer",
    "supportnet.backbones.article",
    "supportnet.tasks.reply.beam_search",
    "supportnet.compare.budget",
    "supportnet.tasks.classify.fitted",
    "supportnet.config",
    "supportnet.tasks.reply.decoding",
    "supportnet.backbones.encoders",
    "supportnet.tasks.classify.network",
    "supportnet.presets",
    "supportnet.tasks.suggest.fitted",
    "supportnet.tasks.reply.sampling",
    "supportnet.tasks.classify.scores",
    "supportnet.tasks.suggest.search",
    "supportnet.tasks.suggest.network",
    "supportnet.backbones.texts",
    "supportnet.backbones.backbone",
    "supportnet.backbones.transformer",
    "supportnet.training.config",
    "supportnet.tasks.suggest.data",
    "supportnet.metrics.temperature",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
