"""Personal data found in the graph is what the reference finds, in every text, as it was written."""

import random
import re

import tensorflow as tf
from campaigns import fuzz
from hypothesis import given
from hypothesis import strategies as st
from test_redaction import AROUND, LINES, SURVIVES
from test_twins import ALL_NASTY, PIECES, of_broken_bytes, of_code_points, of_digits, of_pieces

from supportnet.text.graph import KINDS, personal_data_graph, redact_graph
from supportnet.text.redaction import find_personal_data, redact
from supportnet.text.tokenizer import to_bytes

Found = list[tuple[str, str]]


def found_in_graph(texts: list[str | bytes]) -> list[Found]:
    spans = personal_data_graph(tf.constant([to_bytes(text) for text in texts], tf.string))
    found: list[Found] = [[] for _ in texts]
    for text, kind, value in zip(*(field.numpy() for field in spans), strict=True):
        found[text].append((KINDS[kind], value.decode("utf-8")))
    return found


def redacted_in_graph(texts: list[str | bytes]) -> list[str]:
    redacted = redact_graph(tf.constant([to_bytes(text) for text in texts], tf.string))
    return [text.decode("utf-8") for text in redacted.numpy()]


def assert_twins_agree(texts: list[str | bytes]) -> None:
    for text, found in zip(texts, found_in_graph(texts), strict=True):
        spans = find_personal_data(to_bytes(text).decode("utf-8", "replace"))
        assert found == [(span.kind, span.value) for span in spans], repr(text)
    for text, redacted in zip(texts, redacted_in_graph(texts), strict=True):
        # Code points that no text holds mark values in the graph.
        readable = re.sub("[\ufdd0-\ufdef]", "\ufffd", to_bytes(text).decode("utf-8", "replace"))
        assert redacted == redact(readable), repr(text)


def test_every_kind_is_found_as_it_was_written() -> None:
    texts: list[str | bytes] = [around.format(value) for _, value in LINES for around in AROUND]
    expected = [[(kind, value)] for kind, value in LINES for _ in AROUND]
    assert found_in_graph(texts) == expected


def test_ordinary_and_nasty_texts() -> None:
    assert_twins_agree([*(line.strip() for line in SURVIVES), *(text[:20_000] for text in ALL_NASTY)])


def test_texts_of_a_batch_do_not_meet() -> None:
    """One ends with digits or spaces, the next begins with them, and most are empty."""
    assert_twins_agree(["4111 1111", "", " 1111 1111", "ann@", "example.com", " ", "", "  1", "1234\n", "5"])


def test_no_text_and_no_data() -> None:
    assert found_in_graph([]) == []
    assert found_in_graph([""]) == [[]]
    assert (redacted_in_graph([]), redacted_in_graph(["", "a\ufdd0b"])) == ([], ["", "a\ufffdb"])
    spans = personal_data_graph(tf.constant(["hello"]))
    assert (spans.texts.dtype, spans.kinds.dtype, spans.values.dtype) == (tf.int32, tf.int32, tf.string)


VALUES = [value for _, value in LINES]


def of_values(source: random.Random) -> str:
    return source.choice(["", " "]).join(source.choices([*VALUES, *PIECES], k=source.randint(0, 6)))


@fuzz(60)
@given(st.integers(0, 2**64))
def test_random_texts(seed: int) -> None:
    source = random.Random(seed)
    makers = [of_pieces, of_code_points, of_digits, of_broken_bytes, of_values, of_values]
    assert_twins_agree([source.choice(makers)(source) for _ in range(100)])
