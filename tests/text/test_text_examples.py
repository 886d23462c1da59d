"""The examples in the docstrings of `supportnet.text` give what they say."""

import doctest
import importlib
import pkgutil

import pytest

import supportnet.text

MODULES = [module.name for module in pkgutil.iter_modules(supportnet.text.__path__)]
WITH_EXAMPLES = {
    "byte_pairs",
    "code_points",
    "front_end",
    "preprocessor",
    "tokenizer_graph",
    "rouge",
    "preprocess",
    "redaction",
}
WITH_EXAMPLES |= {"redaction_graph", "slots", "subwords", "tokenizer", "vocabulary"}


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    module = importlib.import_module(f"supportnet.text.{name}")
    results = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert results.failed == 0
    assert (results.attempted > 0) == (name in WITH_EXAMPLES)
