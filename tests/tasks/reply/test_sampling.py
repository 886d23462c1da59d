"""Sampling: how often each token comes, beside the exact distribution, and what a reply depends on."""

import re
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from campaigns import fuzz
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from test_decoding import OPTIONS
from toy_decoders import Chains, Network, assert_as_one_by_one, log_softmax

from supportnet.errors import UserError
from supportnet.tasks.reply import writer
from supportnet.tasks.reply.decoding import Decoded, DecodingOptions, greedy
from supportnet.tasks.reply.writer import pick, sample
from supportnet.text.byte_pairs import END_ID

QUICK = fuzz(20)
MANY = 20_000


def distribution(logits: np.ndarray, temperature: float, top_p: float, forbidden: list[int]) -> np.ndarray:
    """The exact probabilities, in double precision."""
    logits = logits.astype("float64").copy()
    logits[forbidden] = -np.inf
    probabilities = np.exp(log_softmax(logits / temperature))
    falling = np.argsort(-probabilities, kind="stable")
    fewest = int((np.cumsum(probabilities[falling]) < top_p).sum()) + 1
    kept = np.zeros_like(probabilities)
    kept[falling[:fewest]] = probabilities[falling[:fewest]]
    return kept / kept.sum()


def one_chain(seed: int, options: DecodingOptions, temperature: float, top_p: float) -> tuple[np.ndarray, np.ndarray]:
    """The logits of a chain, and the first two tokens of many replies that it writes."""
    logits = np.random.default_rng(seed).normal(scale=1.5, size=(12, 12)).astype("float32")

    @tf.function
    def decode() -> Decoded:
        values = tf.fill([MANY], temperature), tf.fill([MANY], top_p), tf.range(MANY)
        return sample(lambda ids, position, state: (tf.gather(logits, ids), state), {}, MANY, options, *values)

    return logits, decode().ids.numpy()


@pytest.mark.parametrize(("temperature", "top_p"), [(0.7, 0.9), (1.0, 1.0), (1.5, 0.5), (0.7, 1.0), (3.0, 0.3)])
def test_tokens_are_as_frequent_as_they_are_probable(temperature: float, top_p: float) -> None:
    logits, pairs = one_chain(0, DecodingOptions(max_length=2), temperature, top_p)
    first = distribution(logits[1], temperature, top_p, [0, 1, END_ID])
    expected = np.zeros((12, 12))
    for token in np.flatnonzero(first):
        expected[token] = first[token] * distribution(logits[token], temperature, top_p, [0, 1])
    counts = np.zeros((12, 12))
    np.add.at(counts, tuple(pairs.T), 1)
    assert counts[expected == 0].sum() == 0
    assert (expected > 0).sum() > 3
    # That two tokens of a reply are independent is part of it: pairs are counted.
    assert chisquare(counts[expected > 0], MANY * expected[expected > 0]).pvalue > 1e-3


@pytest.mark.parametrize("odd", [0.0, -1.0, 1e-9, float("nan")])
@pytest.mark.parametrize("which", ["temperature", "top_p"])
def test_the_most_probable_tokens(odd: float, which: str) -> None:
    network, options = Network(seed=20, rows=7), DecodingOptions(max_length=10)
    values = {"temperature": [1.0] * 7, "top_p": [0.9] * 7, which: [odd] * 7, "seed": list(range(7))}
    drawn = sample(network.step, network.start(), 7, options, **values)
    for values, expected in zip(drawn, greedy(network.step, network.start(), 7, options), strict=True):
        assert values.numpy().tolist() == expected.numpy().tolist()


@pytest.mark.parametrize(("temperature", "top_p"), [(float("inf"), 1.0), (1e9, 2.0), (1.0, float("inf"))])
def test_values_that_are_too_large(temperature: float, top_p: float) -> None:
    network, options = Network(seed=20, rows=7), DecodingOptions(max_length=10)
    drawn = sample(network.step, network.start(), 7, options, [temperature] * 7, [top_p] * 7, list(range(7)))
    assert np.isfinite(drawn.score).all()
    assert (drawn.ids.numpy()[drawn.ids.numpy() != 0] > 1).all()


@QUICK
@given(seed=st.integers(0, 2**32 - 1), options=OPTIONS)
def test_a_reply_depends_on_nothing_else_of_its_batch(seed: int, options: DecodingOptions) -> None:
    chains, random = Chains(seed, rows=5, vocab_size=8), np.random.default_rng(seed)
    temperature, top_p = random.uniform(0, 2, 5).astype("float32"), random.uniform(0, 1.2, 5).astype("float32")
    seeds = random.integers(-(2**31), 2**31, 5)

    def decode(state: Any, rows: list[int]) -> Decoded:
        return sample(chains.step, state, len(rows), options, temperature[rows], top_p[rows], seeds[rows])

    assert_as_one_by_one(decode, chains)
    order = [3, 0, 4, 1, 2]
    shuffled, straight = decode(chains.start(order), order), decode(chains.start(), [0, 1, 2, 3, 4])
    assert shuffled.ids.numpy().tolist() == straight.ids.numpy()[order].tolist()


def test_the_score_is_the_models_own() -> None:
    network, options = Network(seed=2, rows=5), DecodingOptions(max_length=6)
    drawn = sample(network.step, network.start(), 5, options, [2.0] * 5, [0.8] * 5, [1, 2, 3, 4, 5])
    for row, ids in enumerate(drawn.ids.numpy().tolist()):
        written = tuple(id for id in ids if id)
        after = network.after(row)
        expected = np.mean([after(written[:i])[id] for i, id in enumerate(written)])
        np.testing.assert_allclose(drawn.score[row], expected, rtol=1e-4)


def test_seeds() -> None:
    step = lambda ids, position, state: (tf.zeros((3, 50)), state)  # noqa: E731
    draw = lambda seed: sample(step, {}, 3, DecodingOptions(9), [1.0] * 3, [1.0] * 3, seed).ids.numpy()  # noqa: E731
    ids = draw(tf.constant([7, 8, 7]))
    assert ids[0].tolist() == ids[2].tolist() != ids[1].tolist()
    assert draw(tf.constant([7, 8, 7], tf.int64)).tolist() == ids.tolist()


@pytest.mark.parametrize("vocab_size", [5, 127, 128, 129, 1000])
@pytest.mark.parametrize("scale", [0.01, 1.0, 8.0])
def test_few_tokens_or_all_make_no_difference(vocab_size: int, scale: float) -> None:
    random = np.random.default_rng(vocab_size)
    logits = random.normal(scale=scale, size=(200, vocab_size)).astype("float32")
    # Many of equal probability.
    logits[::2] = np.round(logits[::2])
    probabilities = tf.nn.softmax(logits)
    drawn = tf.constant(random.random(200), tf.float32)
    top_p = tf.constant(random.choice([0.0, 0.3, 0.9, 0.99, 1.0], 200), tf.float32)
    expected, _ = writer._pick_among(vocab_size, probabilities, top_p, drawn)
    ids, sure = writer._pick_among(min(writer.FEW, vocab_size), probabilities, top_p, drawn)
    assert ids[sure].numpy().tolist() == expected[sure].numpy().tolist()
    assert pick(probabilities, top_p, drawn).numpy().tolist() == expected.numpy().tolist()
    for row in [*np.flatnonzero(~sure.numpy())[:5].tolist(), 0, 1, 2]:
        alone = pick(*(values[row : row + 1] for values in (probabilities, top_p, drawn)))
        assert alone.numpy().tolist() == expected[row : row + 1].numpy().tolist()
    if vocab_size == 1000:
        assert {0.01: 0, 1.0: 50, 8.0: 150}[scale] <= sure.numpy().sum()
        assert (~sure.numpy()).sum() >= {0.01: 100, 1.0: 20, 8.0: 0}[scale]


def test_the_last_draw_is_no_forbidden_token() -> None:
    """Seven tenths don't add up to 0.7 in float32, and the largest number drawn lies beyond what they do."""
    probabilities = tf.constant([[0.0, 0.0, *[0.1] * 10, 0.0]])
    almost_one = tf.constant([np.nextafter(np.float32(1), np.float32(0))])
    for top_p in (0.7, 0.99999994, 1.0):
        assert 2 <= pick(probabilities, tf.constant([top_p]), almost_one).numpy()[0] <= 11


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_in_a_graph_of_any_batch_size(rows: int) -> None:
    chains, options = Chains(2, rows, vocab_size=200), DecodingOptions(max_length=9)
    values = [np.linspace(0, 2, rows, dtype="float32"), np.linspace(1, 0.5, rows, dtype="float32"), np.arange(rows)]

    @tf.function(
        input_signature=[tf.TensorSpec([None, 200, 200]), *[tf.TensorSpec([None])] * 2, tf.TensorSpec([None], "int64")]
    )
    def decode(logits: Any, temperature: Any, top_p: Any, seed: Any) -> Decoded:
        state = {"of each": {"logits": logits}}
        return sample(chains.step, state, tf.shape(logits)[0], options, temperature, top_p, seed)

    assert decode.get_concrete_function().structured_outputs.ids.shape.as_list() == [None, 9]
    found = decode(chains.start()["of each"]["logits"], *values)
    expected = sample(chains.step, chains.start(), rows, options, *values)
    assert found.ids.numpy().tolist() == expected.ids.numpy().tolist()
    np.testing.assert_allclose(found.score, expected.score, rtol=1e-5)


def test_a_vocabulary_that_runs_out() -> None:
    chains = Chains(0, rows=1, vocab_size=3)
    with pytest.raises(UserError, match=re.escape("Too few tokens for these options: 3")):
        sample(chains.step, chains.start(), 1, DecodingOptions(), [1.0], [1.0], [0])
