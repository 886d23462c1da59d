"""Beam search, beside plain Python: the same search without a bound, and all replies there are."""

import re
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from campaigns import fuzz
from hypothesis import given
from hypothesis import strategies as st
from test_decoding import OPTIONS
from toy_decoders import (
    Chains,
    Network,
    Watched,
    all_replies,
    assert_as_one_by_one,
    assert_replies,
    best_of,
    pick_rows,
    plain_beam,
)

from supportnet.errors import UserError
from supportnet.tasks.reply.decoding import Decoded, DecodingOptions, beam_search, greedy
from supportnet.text.byte_pairs import END_ID

QUICK = fuzz(20)
SEEDS = st.integers(0, 2**32 - 1)
PENALTIES = st.sampled_from([0.0, 0.6, 1.0, 3.0])


def search(decoder: Any, options: DecodingOptions, width: int, length_penalty: float) -> Decoded:
    return beam_search(decoder.step, decoder.start(), pick_rows, decoder.rows, options, width, length_penalty)


@QUICK
@given(seed=SEEDS, rows=st.sampled_from([0, 1, 7]), options=OPTIONS, penalty=PENALTIES)
def test_a_beam_of_one_is_greedy(seed: int, rows: int, options: DecodingOptions, penalty: float) -> None:
    chains = Chains(seed, rows, vocab_size=8)
    found, expected = search(chains, options, 1, penalty), greedy(chains.step, chains.start(), rows, options)
    for values, expected_values in zip(found, expected, strict=True):
        assert values.numpy().tolist() == expected_values.numpy().tolist()


@QUICK
@given(seed=SEEDS, rows=st.sampled_from([0, 1, 7]), options=OPTIONS, width=st.integers(1, 9), penalty=PENALTIES)
def test_a_beam_is_a_plain_search(seed: int, rows: int, options: DecodingOptions, width: int, penalty: float) -> None:
    chains = Chains(seed, rows, vocab_size=8)
    expected = [plain_beam(chains.after(row), options, width, penalty) for row in range(rows)]
    assert_replies(search(chains, options, width, penalty), expected, chains, options)


@pytest.mark.parametrize("penalty", [0.0, 0.6, 1.0, 3.0])
@pytest.mark.parametrize(
    "options",
    [DecodingOptions(4, 0), DecodingOptions(4, 2), DecodingOptions(5, 1, 2)],
    ids=["any", "long", "no repeats"],
)
def test_a_wide_beam_finds_the_best_of_all_replies(options: DecodingOptions, penalty: float) -> None:
    chains = Chains(seed=5, rows=6, vocab_size=6)
    replies = all_replies(6, options)
    expected = [best_of(chains.after(row), replies, penalty) for row in range(6)]
    assert_replies(search(chains, options, len(replies), penalty), expected, chains, options)


def test_a_beam_finds_what_greedy_misses() -> None:
    chains, options = Chains(seed=6, rows=20, vocab_size=8), DecodingOptions(max_length=5, min_length=5)
    by_width = [search(chains, options, width, 0.6).score.numpy() for width in (1, 4)]
    assert (by_width[1] > by_width[0] + 0.05).sum() > 5
    assert by_width[1].mean() > by_width[0].mean()


@pytest.mark.parametrize("no_repeat_ngram", [0, 2])
def test_with_a_network(no_repeat_ngram: int) -> None:
    network, options = Network(seed=20, rows=7), DecodingOptions(10, 2, no_repeat_ngram)
    expected = [plain_beam(network.after(row), options, 3, 0.6) for row in range(7)]
    assert_replies(search(network, options, 3, 0.6), expected, network, options)
    assert len(set(expected)) > 4, "or the comparison would say little"
    assert_as_one_by_one(
        lambda state, rows: beam_search(network.step, state, pick_rows, len(rows), options, 3), network
    )


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_in_a_graph_of_any_batch_size(rows: int) -> None:
    chains, options = Chains(2, rows, vocab_size=8), DecodingOptions(max_length=7, min_length=2, no_repeat_ngram=2)

    @tf.function(input_signature=[{"of each": {"logits": tf.TensorSpec([None, 8, 8])}}])
    def decode(state: Any) -> Decoded:
        batch_size = tf.shape(state["of each"]["logits"])[0]
        return beam_search(chains.step, state, pick_rows, batch_size, options, width=4)

    assert decode.get_concrete_function().structured_outputs.ids.shape.as_list() == [None, 7]
    expected = [plain_beam(chains.after(row), options, 4, 0.6) for row in range(rows)]
    assert_replies(decode(chains.start()), expected, chains, options)


@pytest.mark.parametrize("penalty", [0.0, 0.6, 1.0])
def test_the_search_ends_when_nothing_better_can_come(penalty: float) -> None:
    chains, options = Watched(3, rows=4, vocab_size=8, scale=0.5), DecodingOptions(max_length=60)
    chains.logits[:, :, END_ID] += 1
    expected = [plain_beam(chains.after(row), options, 3, penalty) for row in range(4)]
    assert_replies(search(chains, options, 3, penalty), expected, chains, options)
    assert chains.positions == list(range(len(chains.positions)))
    assert max(map(len, expected)) < len(chains.positions) < 40


def test_a_short_reply_that_ended_early_beats_a_long_one() -> None:
    """At the second position both places of the beam go on from the worse beginning."""
    logits = np.full((6, 6), -np.inf, "float32")
    logits[1, [3, 4]] = np.log([0.6, 0.4])
    logits[3, [END_ID, 5]] = np.log([0.5, 0.5])
    logits[4, [END_ID, 5]] = np.log([0.9, 0.1])
    logits[5, [3, 4]] = np.log([0.5, 0.5])
    step = lambda ids, position, state: (tf.gather(logits, ids), state)  # noqa: E731
    replies = beam_search(step, {}, pick_rows, 1, DecodingOptions(max_length=4), width=2, length_penalty=0.0)
    assert replies.ids.numpy().tolist() == [[4, END_ID, 0, 0]]


@pytest.mark.parametrize(
    ("width", "length_penalty", "message"),
    [
        (0, 0.6, "width must be at least 1. Received: width=0"),
        (2.5, 0.6, "width must be a whole number. Received: width=2.5"),
        (4, -0.1, "length_penalty must be a number of at least 0. Received: length_penalty=-0.1"),
        (4, float("nan"), "length_penalty must be a number of at least 0. Received: length_penalty=nan"),
        (4, float("inf"), "length_penalty must be a number of at least 0. Received: length_penalty=inf"),
    ],
)
def test_what_no_beam_can_be(width: int, length_penalty: float, message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        search(Chains(0, rows=1, vocab_size=8), DecodingOptions(), width, length_penalty)
