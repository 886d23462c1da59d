"""Greedy decoding, beside a plain Python loop, and what all ways of decoding have in common."""

import re
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from campaigns import fuzz
from hypothesis import given
from hypothesis import strategies as st
from toy_decoders import (
    Chains,
    Network,
    Watched,
    assert_as_one_by_one,
    assert_replies,
    is_without_repeats,
    plain_greedy,
)

from supportnet.errors import UserError
from supportnet.tasks.reply.decoding import Decoded, DecodingOptions, greedy
from supportnet.text.byte_pairs import END_ID

QUICK = fuzz(20)
OPTIONS = st.builds(
    lambda max_length, min_length, no_repeat_ngram: DecodingOptions(
        max_length, min(min_length, max_length), no_repeat_ngram
    ),
    st.integers(1, 9),
    st.integers(0, 4),
    st.integers(0, 4),
)


@QUICK
@given(seed=st.integers(0, 2**32 - 1), rows=st.sampled_from([0, 1, 7]), options=OPTIONS)
def test_greedy_is_a_plain_loop(seed: int, rows: int, options: DecodingOptions) -> None:
    chains = Chains(seed, rows, vocab_size=8)
    replies = greedy(chains.step, chains.start(), rows, options)
    assert_replies(replies, [plain_greedy(chains.after(row), options) for row in range(rows)], chains, options)


@pytest.mark.parametrize("no_repeat_ngram", [0, 2])
def test_greedy_with_a_network(no_repeat_ngram: int) -> None:
    network, options = Network(seed=20, rows=7), DecodingOptions(10, 2, no_repeat_ngram)
    replies = greedy(network.step, network.start(), 7, options)
    assert_replies(replies, [plain_greedy(network.after(row), options) for row in range(7)], network, options)
    assert len({tuple(ids) for ids in replies.ids.numpy().tolist()}) > 4, "or the comparison would say little"
    assert_as_one_by_one(lambda state, rows: greedy(network.step, state, len(rows), options), network)


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_in_a_graph_of_any_batch_size(rows: int) -> None:
    chains, options = Chains(2, rows, vocab_size=8), DecodingOptions(max_length=9, min_length=2, no_repeat_ngram=2)

    @tf.function(input_signature=[{"of each": {"logits": tf.TensorSpec([None, 8, 8])}}])
    def decode(state: Any) -> Decoded:
        return greedy(chains.step, state, tf.shape(state["of each"]["logits"])[0], options)

    assert decode.get_concrete_function().structured_outputs.ids.shape.as_list() == [None, 9]
    replies = decode(chains.start())
    assert_replies(replies, [plain_greedy(chains.after(row), options) for row in range(rows)], chains, options)


def test_the_special_tokens_are_never_written() -> None:
    logits = tf.constant([[9.0, 8.0, 7.0, 1.0, 2.0]])
    replies = greedy(lambda ids, position, state: (logits, state), {}, 1, DecodingOptions(max_length=4, min_length=3))
    assert replies.ids.numpy().tolist() == [[4, 4, 4, END_ID]]
    # Their probability stays theirs.
    expected = tf.nn.log_softmax(logits).numpy()[0, [4, 4, 4, END_ID]].mean()
    np.testing.assert_allclose(replies.score, [expected], rtol=1e-5)


def test_a_reply_is_cut_at_the_maximum_length() -> None:
    logits = tf.constant([[0.0, 0.0, 0.0, 3.0]])
    replies = greedy(lambda ids, position, state: (logits, state), {}, 1, DecodingOptions(max_length=3))
    assert replies.ids.numpy().tolist() == [[3, 3, 3]]
    assert replies.length.numpy().tolist() == [3]
    np.testing.assert_allclose(replies.score, tf.nn.log_softmax(logits)[:, 3], rtol=1e-5)


@pytest.mark.parametrize(("n", "beginning"), [(1, [3, 4, 5]), (2, [3, 4, 3, 3, 5]), (3, [3, 4, 3, 4, 4])])
def test_no_ngram_is_repeated(n: int, beginning: list[int]) -> None:
    """A decoder that wants to say 3 4 3 4 for ever, and to end last of all."""
    logits = np.zeros((30, 30), "float32")
    logits[:, END_ID], logits[:, 3], logits[3, 4] = -9, 5, 9
    step = lambda ids, position, state: (tf.gather(logits, ids), state)  # noqa: E731
    ids = greedy(step, {}, 1, DecodingOptions(max_length=20, no_repeat_ngram=n)).ids.numpy()[0].tolist()
    assert is_without_repeats(ids, n)
    assert ids[: len(beginning)] == beginning
    assert len(ids) == 20


def test_decoding_ends_with_the_longest_reply() -> None:
    chains = Watched(3, rows=4, vocab_size=8)
    chains.logits[:, :, END_ID] += 3
    replies = greedy(chains.step, chains.start(), 4, DecodingOptions(max_length=500))
    longest = int(replies.length.numpy().max())
    assert 0 < longest < 100
    assert chains.positions == list(range(longest + 1))


def test_low_precision_is_scored_in_float32() -> None:
    logits = tf.constant([[0.0, 0.0, 1.0, 4.0, 2.0]], tf.bfloat16)
    replies = greedy(lambda ids, position, state: (logits, state), {}, 1, DecodingOptions(max_length=7))
    assert replies.score.dtype == tf.float32
    np.testing.assert_allclose(replies.score, tf.nn.log_softmax(tf.cast(logits, tf.float32))[:, 3], rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_length": 0}, "max_length must be at least 1. Received: max_length=0"),
        ({"max_length": 2.5}, "max_length must be a whole number. Received: max_length=2.5"),
        ({"min_length": -1}, "min_length must be at least 0. Received: min_length=-1"),
        ({"no_repeat_ngram": -1}, "no_repeat_ngram must be at least 0. Received: no_repeat_ngram=-1"),
        (
            {"min_length": 5, "max_length": 4},
            "min_length must be at most max_length. Received: min_length=5, max_length=4",
        ),
    ],
)
def test_options_that_no_reply_can_keep(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        DecodingOptions(**options)


@pytest.mark.parametrize(
    ("vocab_size", "options"),
    [(3, DecodingOptions()), (5, DecodingOptions(min_length=3, no_repeat_ngram=1))],
    ids=["nothing but the special tokens", "fewer than the shortest reply"],
)
def test_a_vocabulary_that_runs_out(vocab_size: int, options: DecodingOptions) -> None:
    chains = Chains(0, rows=1, vocab_size=vocab_size)
    with pytest.raises(UserError, match=f"Too few tokens for these options: {vocab_size}, of them 3 special. Received"):
        greedy(chains.step, chains.start(), 1, options)


def test_a_vocabulary_that_just_suffices() -> None:
    logits = tf.constant([[0.0, 0, 9, 1, 2, 3]])
    options = DecodingOptions(max_length=5, min_length=3, no_repeat_ngram=1)
    replies = greedy(lambda ids, position, state: (logits, state), {}, 1, options)
    assert replies.ids.numpy().tolist() == [[5, 4, 3, END_ID, 0]]
