"""The text front end: shapes, what the arrays say, and that it survives saving, export and every way to be called."""

from collections import Counter
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from references import character_ngrams
from tensorflow.python.saved_model import loader_impl

from supportnet.errors import UserError
from supportnet.text.preprocessor import TextFrontEnd
from supportnet.text.special_tokens import PAD_ID, PLACEHOLDERS, SPECIAL_TOKENS, UNKNOWN_ID
from supportnet.text.tokenizer import tokenize
from supportnet.text.vocabulary import Vocabulary, table_from_file

VOCABULARY = Vocabulary(["where", "is", "my", "parcel", "?", "退", "don't"])
TEXTS = ["Where is my PARCEL, my parcel?", "", "Don’t mail ann@example.com!", "退款 \x00 zzz", "\u00a0"]
KEYS = ["token_ids", "mask", "word_index", "subword_ids", "subword_segments"]

#: Every operation that the front end may use is registered by TensorFlow's core.
_CORE = """AddV2 BitwiseAnd Cast Const Equal GatherNd GatherV2 Identity Less LookupTableFindV2 Maximum Minimum NoOp
    NotEqual Pack Placeholder Range RightShift ScatterNd SelectV2 Size StaticRegexReplace StridedSlice StringNGrams
    StringSplitV2 StringToHashBucketFast Substr UnicodeDecode UnicodeEncode Unique UpperBound Where"""
CORE_OPERATIONS = set(_CORE.split())
#: Operations that cost nothing when they run.
FREE_OPERATIONS = {"Const", "Identity", "NoOp", "Placeholder"}


def as_arrays(features: dict[str, Any]) -> dict[str, np.ndarray]:
    return {key: np.asarray(value) for key, value in features.items()}


def assert_same(features: dict[str, Any], others: dict[str, Any]) -> None:
    assert list(features) == list(others) == KEYS or set(features) == set(others) == set(KEYS)
    for key, value in as_arrays(features).items():
        np.testing.assert_array_equal(value, np.asarray(others[key]), err_msg=key)


@pytest.fixture(scope="module", params=["unicode", "article"])
def front_end(request: pytest.FixtureRequest) -> TextFrontEnd:
    return TextFrontEnd(VOCABULARY, text_mode=request.param, num_buckets=100)


def test_arrays_say_what_the_reference_says(front_end: TextFrontEnd) -> None:
    features = as_arrays(front_end(TEXTS))
    rows = [tokenize(text, front_end.text_mode) for text in TEXTS]
    words = list(dict.fromkeys(token for row in rows for token in row))
    length = max(map(len, rows))
    assert features["token_ids"].shape == features["mask"].shape == features["word_index"].shape == (5, length)
    for index, row in enumerate(rows):
        pads = length - len(row)
        assert features["token_ids"][index].tolist() == [VOCABULARY[token] for token in row] + [PAD_ID] * pads
        assert features["mask"][index].tolist() == [True] * len(row) + [False] * pads
        assert features["word_index"][index].tolist() == [words.index(token) for token in row] + [0] * pads
    ngrams = [(ngram, index) for index, word in enumerate(words) for ngram in character_ngrams(word)]
    buckets = tf.strings.to_hash_bucket_fast([ngram for ngram, _ in ngrams], 100).numpy()
    assert features["subword_ids"].tolist() == buckets.tolist()
    assert features["subword_segments"].tolist() == [index for _, index in ngrams]


@pytest.mark.parametrize(
    ("texts", "shape"),
    [
        ([], (0, 1)),
        ([""], (1, 1)),
        (["", ""], (2, 1)),
        (["", "hello"], (2, 1)),
        (["a b", "c"], (2, 2)),
        (["x " * 500], (1, 128)),
    ],
)
def test_shapes_and_types(front_end: TextFrontEnd, texts: list[str], shape: tuple[int, int]) -> None:
    features = as_arrays(front_end(texts))
    types = {key: (value.dtype.name, value.ndim) for key, value in features.items()}
    per_token = {"token_ids": ("int32", 2), "mask": ("bool", 2), "word_index": ("int32", 2)}
    assert types == {**per_token, "subword_ids": ("int32", 1), "subword_segments": ("int32", 1)}
    assert features["token_ids"].shape == features["mask"].shape == features["word_index"].shape == shape
    assert features["subword_ids"].shape == features["subword_segments"].shape
    assert features["mask"].sum(axis=1).tolist() == [len(tokenize(text, front_end.text_mode)) for text in texts]


def test_known_unknown_and_placeholder_ids() -> None:
    ids = as_arrays(TextFrontEnd(VOCABULARY)(["where zzz 192.0.2.1"]))["token_ids"]
    assert ids.tolist() == [[VOCABULARY["where"], UNKNOWN_ID, SPECIAL_TOKENS.index(PLACEHOLDERS["ip"])]]


def test_unknown_words_have_ngrams_and_placeholders_have_none() -> None:
    features = as_arrays(TextFrontEnd(VOCABULARY)(["192.0.2.1 zzz"]))
    assert set(features["subword_segments"]) == {1}


def test_every_way_to_call_it_gives_the_same(front_end: TextFrontEnd) -> None:
    expected = front_end(TEXTS)
    strings = tf.constant(TEXTS)
    compiled = tf.function(front_end, input_signature=[tf.TensorSpec([None], tf.string)])
    mapped = next(iter(tf.data.Dataset.from_tensors(strings).map(front_end)))
    inputs = keras.Input((), dtype="string")
    model = keras.Model(inputs, front_end(inputs))
    for features in (front_end(strings), front_end(np.array(TEXTS, object)), compiled(strings), mapped, model(strings)):
        assert_same(features, expected)
    assert_same(compiled(tf.constant([], tf.string)), front_end([]))


def test_symbolic_shapes_are_those_of_the_values(front_end: TextFrontEnd) -> None:
    spec = front_end(keras.Input((), dtype="string"))
    for key, value in front_end(TEXTS).items():
        assert spec[key].dtype == value.dtype.name
        assert len(spec[key].shape) == len(value.shape)
    assert front_end(keras.Input((), batch_size=4, dtype="string"))["mask"].shape == (4, None)


def test_precision_policy_changes_nothing() -> None:
    assert_same(TextFrontEnd(VOCABULARY, dtype="mixed_bfloat16")(TEXTS), TextFrontEnd(VOCABULARY)(TEXTS))


def test_invalid_text_gives_defined_answers(front_end: TextFrontEnd) -> None:
    features = as_arrays(front_end(["\ud800 a", b"\xff\xfe b", "c\x00", "a" * 1_000_000]))
    assert features["mask"].sum(axis=1).tolist() == [1, 1, 1, 1]


def test_config_makes_the_same_layer(front_end: TextFrontEnd) -> None:
    config = front_end.get_config()
    again = TextFrontEnd.from_config(config)
    assert again.get_config() == config
    assert config["vocabulary"] == list(VOCABULARY)
    assert again.vocabulary == VOCABULARY
    assert_same(again(TEXTS), front_end(TEXTS))


def test_keras_file_gives_the_same(front_end: TextFrontEnd, tmp_path: Path) -> None:
    inputs = keras.Input((), dtype="string")
    keras.Model(inputs, front_end(inputs)).save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert_same(loaded(tf.constant(TEXTS)), front_end(TEXTS))


class Exported(tf.Module):
    """What an export holds: the table from a file, and the function that reads texts with it."""

    def __init__(self, front_end: TextFrontEnd, path: Path) -> None:
        super().__init__()
        self.table = table_from_file(path)
        self.features = tf.function(
            lambda texts: front_end.features(texts, self.table), input_signature=[tf.TensorSpec([None], tf.string)]
        )


def test_export_with_the_vocabulary_as_an_asset(front_end: TextFrontEnd, tmp_path: Path) -> None:
    path = tmp_path / "vocabulary.txt"
    VOCABULARY.save(path)
    module = Exported(front_end, path)
    tf.saved_model.save(module, str(tmp_path / "model"), signatures=module.features)
    path.unlink()
    (tmp_path / "model").rename(tmp_path / "moved")
    loaded = tf.saved_model.load(str(tmp_path / "moved"))
    for texts in (TEXTS, [], [""]):
        assert_same(loaded.signatures["serving_default"](tf.constant(texts, tf.string)), front_end(texts))
    assert (tmp_path / "moved" / "assets" / "vocabulary.txt").read_text("utf-8").split("\n")[9] == "where"
    proto = loader_impl.parse_saved_model(str(tmp_path / "moved"))
    nodes = proto.meta_graphs[0].graph_def
    tables = [node.name for node in nodes.node if node.op.startswith("HashTable")]
    assert len(tables) == 1, "the layer's own table must stay out of the export"


def operations(front_end: TextFrontEnd) -> list[str]:
    function = tf.function(front_end.call, input_signature=[tf.TensorSpec([None], tf.string)])
    return [operation.type for operation in function.get_concrete_function().graph.get_operations()]


def test_graph_is_of_few_core_operations(front_end: TextFrontEnd) -> None:
    """At batch size 1 an operation costs a microsecond or two, whatever it does."""
    types = operations(front_end)
    assert set(types) <= CORE_OPERATIONS
    costly = Counter(kind for kind in types if kind not in FREE_OPERATIONS)
    assert sum(costly.values()) <= 65, costly


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"text_mode": "other"}, r"mode must be one of unicode, article\. Received: mode='other'"),
        ({"max_length": 0}, r"max_length must be at least 1\. Received: max_length=0"),
        ({"num_buckets": 0}, r"num_buckets must be at least 1\. Received: num_buckets=0"),
        ({"min_gram": 0}, r"1 <= min_gram <= max_gram must hold\. Received: min_gram=0, max_gram=5"),
        ({"min_gram": 6}, r"1 <= min_gram <= max_gram must hold\. Received: min_gram=6, max_gram=5"),
        ({"vocabulary": ["a", "a"]}, "Tokens must be distinct"),
    ],
)
def test_wrong_arguments_are_errors(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        TextFrontEnd(**{"vocabulary": VOCABULARY, **arguments})
