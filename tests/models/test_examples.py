"""The examples in the docstrings of layers and networks do what they say."""

import doctest
import importlib

import pytest

MODULES = [
    "supportnet.layers.attention",
    "supportnet.layers.attention_block",
    "supportnet.layers.bilstm_attention",
    "supportnet.layers.causal_block",
    "supportnet.layers.causal_self_attention",
    "supportnet.layers.cross_attention_block",
    "supportnet.layers.decoder_block",
    "supportnet.layers.heads",
    "supportnet.layers.ngram_scores",
    "supportnet.layers.pooling",
    "supportnet.layers.positional_encoding",
    "supportnet.layers.prefix_decoder",
    "supportnet.layers.recurrent_decoder",
    "supportnet.layers.rows",
    "supportnet.layers.scaled_cosine",
    "supportnet.layers.token_embedding",
    "supportnet.layers.transformer_decoder",
    "supportnet.layers.transformer_encoder",
    "supportnet.models.article",
    "supportnet.models.beam_search",
    "supportnet.models.budget",
    "supportnet.models.confidence",
    "supportnet.models.config",
    "supportnet.models.decoding",
    "supportnet.models.encoders",
    "supportnet.models.intent_network",
    "supportnet.models.presets",
    "supportnet.models.relevance",
    "supportnet.models.sampling",
    "supportnet.models.scores",
    "supportnet.models.search",
    "supportnet.models.suggestion_network",
    "supportnet.models.texts",
    "supportnet.models.towers",
    "supportnet.models.transformer",
    "supportnet.training.config",
    "supportnet.training.pairs",
    "supportnet.training.temperature",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
