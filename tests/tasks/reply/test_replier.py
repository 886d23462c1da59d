"""Messages in, written replies out: order, empty messages, seeds, thresholds, and what can't be written to."""

import warnings
from functools import cache
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from small_replier import MESSAGES, make_replier

from supportnet.errors import UserError
from supportnet.tasks.reply.answers import Reply
from supportnet.tasks.reply.calibrate import Handoff
from supportnet.tasks.reply.decoding import DecodingOptions
from supportnet.tasks.reply.model import OUTPUTS, Replier
from supportnet.tasks.reply.writer import NO_REPLY, ReplyWriter
from supportnet.text.byte_pairs import END_ID, PAD_ID, START_ID

NOTHING = Reply("", NO_REPLY, handoff=True)
#: The encoder that is left out has the Transformer's decoder.
ARCHITECTURES = ["bilstm_attention", "transformer"]
WIDTHS = [1, 3]


@cache
def small(architecture: str) -> Replier:
    """One for all tests of this file; don't change it."""
    return make_replier(architecture, Handoff(threshold=-1.0))


@pytest.fixture(params=ARCHITECTURES)
def model(request: pytest.FixtureRequest) -> Replier:
    return small(request.param)


@pytest.fixture
def recurrent() -> Replier:
    return small("bilstm_attention")


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    for name in OUTPUTS:
        if name == "reply_score":
            np.testing.assert_allclose(one[name], other[name], atol=1e-5)
        else:
            assert one[name].tolist() == other[name].tolist()


@pytest.mark.parametrize("model", [*ARCHITECTURES, "gpt"], indirect=True)
def test_each_piece_is_the_likeliest_that_the_network_gives(model: Replier) -> None:
    """When it is run whole over what was written, as in training; and the score is the mean log-probability."""

    @tf.function
    def in_both_ways(features: dict[str, Any]) -> tuple[Any, Any]:
        decoded = model.writer.greedy(features)
        before = tf.pad(decoded.ids[:, :-1], [[0, 0], [1, 0]], constant_values=START_ID)
        return decoded, tf.nn.log_softmax(model.network({**features, "pieces": before}, training=False)["logits"])

    decoded, log_probs = in_both_ways(model.preprocessor([message for message in MESSAGES if message.strip()]))
    ids, log_probs = decoded.ids.numpy(), log_probs.numpy()
    allowed = log_probs.copy()
    # No padding, no second start, and at least one piece.
    allowed[:, :, [PAD_ID, START_ID]] = allowed[:, 0, END_ID] = -np.inf
    real = ids != PAD_ID
    np.testing.assert_array_equal(allowed.argmax(axis=2)[real], ids[real])
    gained = np.take_along_axis(log_probs, ids[:, :, None], axis=2)[:, :, 0]
    np.testing.assert_allclose(decoded.score, (gained * real).sum(axis=1) / real.sum(axis=1), atol=1e-4)
    written = model.write([message for message in MESSAGES if message.strip()])
    assert [template.decode() for template in written["template"]] == [model.pieces.decode(row) for row in ids]


@pytest.mark.parametrize("beam", WIDTHS)
def test_messages_keep_their_order_in_batches_of_any_size(model: Replier, beam: int) -> None:
    alone = [model.write([message], beam) for message in MESSAGES]
    joined = {name: np.concatenate([row[name] for row in alone]) for name in OUTPUTS}
    # Otherwise their order would say nothing.
    assert len(set(joined["reply"].tolist())) > 2
    for batch_size in (2, 32):
        assert_same(model.write(MESSAGES, beam, batch_size), joined)


@pytest.mark.parametrize("beam", WIDTHS)
def test_nothing_is_written_to_nothing(model: Replier, beam: int) -> None:
    assert model.reply(["", " \u00a0\n", "\u3000"], beam) == [NOTHING] * 3
    assert model.write(["", "where"], beam)["reply_tokens"].tolist()[0] == 0
    assert model.sample(["", " \n"]) == [NOTHING] * 2


def test_no_messages(recurrent: Replier) -> None:
    assert recurrent.reply([]) == recurrent.reply([], beam=3) == recurrent.sample([]) == []
    assert {name: values.shape for name, values in recurrent.write([]).items()} == dict.fromkeys(OUTPUTS, (0,))


@pytest.mark.parametrize("message", ["?!", "zzyzx qwxyzzy", "\ud800", "कृपया", "x" * 100_000])
def test_unknown_words_get_a_defined_reply(model: Replier, message: str) -> None:
    (reply,) = model.reply([message])
    assert reply == NOTHING if not reply.text else reply.score > NO_REPLY
    assert np.isfinite(reply.score)
    assert reply.handoff == (reply.score < -1 or "{" in reply.text)


def test_a_beam_of_one_is_greedy(recurrent: Replier) -> None:
    features = recurrent.preprocessor(MESSAGES)
    greedy, beam = recurrent.writer.greedy(features), recurrent.writer.beam(features, 1)
    np.testing.assert_array_equal(greedy.ids, beam.ids)
    np.testing.assert_allclose(greedy.score, beam.score, atol=1e-5)


def test_a_beam_finds_another_reply(recurrent: Replier) -> None:
    assert [reply.text for reply in recurrent.reply(MESSAGES)] != [r.text for r in recurrent.reply(MESSAGES, beam=3)]


def test_the_same_seed_draws_the_same(model: Replier) -> None:
    first = model.sample(MESSAGES, temperature=1.5, seed=7)
    assert model.sample(MESSAGES, temperature=1.5, seed=7) == first
    assert model.sample(MESSAGES, temperature=1.5, seed=8) != first
    assert len({reply.text for reply in first}) > 2
    # Whatever stands beside it.
    assert model.sample(MESSAGES[2:3], temperature=1.5, seed=7)[0].text == first[2].text


@pytest.mark.parametrize("options", [{"temperature": 0.0}, {"top_p": 0.0}, {"temperature": float("nan")}])
def test_drawing_the_likeliest_is_greedy(recurrent: Replier, options: dict[str, float]) -> None:
    drawn, greedy = recurrent.sample(MESSAGES, **options, seed=3), recurrent.reply(MESSAGES)
    assert [reply.text for reply in drawn] == [reply.text for reply in greedy]


def test_another_seed_or_temperature_compiles_nothing(recurrent: Replier) -> None:
    """It took more than a second for each one."""
    recurrent.sample(MESSAGES, temperature=0.5, top_p=0.9, seed=1)
    before = recurrent._sample.experimental_get_tracing_count()
    recurrent.sample(MESSAGES[:2], temperature=1, top_p=1, seed=-5)
    assert recurrent._sample.experimental_get_tracing_count() == before == 1


def test_messages_that_are_too_long_are_counted(recurrent: Replier) -> None:
    messages = ["parcel " * 128, "parcel " * 129, "x" * (64 * 128 + 1), "x" * 64 * 128, "?" * 1000, ""]
    for call in (recurrent.reply, recurrent.sample):
        with pytest.warns(UserWarning, match="--max-length") as warned:
            call(iter(messages))
        assert [str(warning.message) for warning in warned] == [
            "Of 2 of 6 messages only the first 128 tokens are read (--max-length): "
            "a conversation loses its oldest turns."
        ]
        assert warned[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recurrent.warn_if_cut(messages[3:])
        recurrent.warn_if_cut([])


@pytest.mark.parametrize("seed", [2**31, -(2**31) - 1, 1.5, None])
def test_a_seed_is_what_an_export_takes(recurrent: Replier, seed: Any) -> None:
    with pytest.raises(UserError, match=r"seed must be a whole number of 32 bits\. Received: seed="):
        recurrent.sample(MESSAGES, seed=seed)


def test_the_threshold_hands_off(recurrent: Replier) -> None:
    """A new one is used at once, and without one a person sees to every message."""
    # Of the same batch: in another one, the last bit may differ.
    written = recurrent.reply(MESSAGES)
    scores = sorted([written[0].score, written[2].score])
    before = recurrent.handoff
    try:
        recurrent.handoff = Handoff(threshold=scores[1])
        # A score that equals it is sent.
        replies = recurrent.reply(MESSAGES)
        assert [reply.handoff for reply in replies] == [
            reply.score < scores[1] or "{" in reply.text for reply in replies
        ]
        assert {replies[0].handoff, replies[2].handoff} == {True, False}
        recurrent.handoff = Handoff()
        assert all(reply.handoff for reply in recurrent.reply(MESSAGES))
    finally:
        recurrent.handoff = before
    assert make_replier("none").handoff == Handoff()


def test_slots_get_the_values_of_their_message() -> None:
    """Those that the message has; the others stay."""
    model = small("transformer")
    messages = [f"Where is parcel {1000000 + row}?" for row in range(9)]
    written = model.write(messages)
    drawn = model.sample(messages, temperature=2.0)
    for row, (template, reply) in enumerate(zip(written["template"], written["reply"], strict=True)):
        assert reply.decode() == template.decode().replace("{number}", str(1000000 + row))
    for row, reply in enumerate(drawn):
        assert "{number}" not in reply.text
        assert "10000" not in reply.text.replace(str(1000000 + row), "")
    # Otherwise the lines above would say nothing.
    assert any(str(1000000 + row) in reply.text for row, reply in enumerate(drawn))
    is_open = ["{email}" in reply.text or "{first_name}" in reply.text for reply in drawn]
    assert any(is_open)
    # Whatever its score, nobody sends a customer `{email}`.
    model.handoff = Handoff(threshold=-1000.0)
    assert [reply.handoff for reply in model.sample(messages, temperature=2.0)] == is_open


def test_a_blank_reply_is_none() -> None:
    """Of pieces that are white space, or no whole character: nobody would send it, however sure the model is."""
    model = make_replier("none", Handoff(threshold=-1000.0))
    blank = [" ", "\n", " \t", b"\xf0\x9f"]
    pieces = [b"", b"", b"", *(blank[i % 4] for i in range(len(model.pieces) - 3))]
    writer = ReplyWriter(model.head, model.reader, pieces, DecodingOptions(8))
    features = model.preprocessor(MESSAGES)
    answers = writer.answers(writer.greedy(features), MESSAGES, features)
    assert set(answers["reply"].numpy()) == set(answers["template"].numpy()) == {b""}
    assert set(answers["reply_score"].numpy()) == {NO_REPLY}
    assert set(answers["reply_tokens"].numpy()) == {0}


def test_of_a_long_context_the_newest_turns_are_read() -> None:
    """They come first: what follows the last token that fits changes nothing."""
    model = make_replier("none", max_length=8, max_reply_length=2)
    newest = "customer: where is my parcel, please?\n"
    replies = model.write([newest + "agent: hello " * count for count in (1, 20, 20_000)])
    assert len(set(replies["template"].tolist())) == 1
    np.testing.assert_allclose(replies["reply_score"], replies["reply_score"][0], atol=1e-5)
    other = model.write(["customer: refund " + newest])
    assert abs(other["reply_score"][0] - replies["reply_score"][0]) > 1e-4


def test_a_reply_has_at_most_max_reply_length_pieces() -> None:
    model = make_replier("none", max_reply_length=3)
    written = model.write(MESSAGES)
    assert written["reply_tokens"].max() == 3
    assert written["reply_tokens"][1] == 0
    for template, count in zip(written["template"], written["reply_tokens"], strict=True):
        spelled = template.decode()
        for piece in sorted((p.decode() for p in model.pieces.pieces[3:]), key=len, reverse=True):
            spelled = spelled.replace(piece, "#")
        assert spelled == "#" * count


def test_the_model_is_float32_outside_in_half_precision() -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        models = [make_replier(architecture, max_reply_length=2) for architecture in [*ARCHITECTURES, "gpt"]]
    finally:
        keras.config.set_dtype_policy("float32")
    for model in models:
        assert model.write(MESSAGES)["reply_score"].dtype == np.float32


@pytest.mark.parametrize("container", [tuple, iter, np.array, pd.Series])
def test_messages_come_in_any_iterable(recurrent: Replier, container: Any) -> None:
    assert recurrent.reply(container(MESSAGES)) == recurrent.reply(MESSAGES)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda model: model.reply("where"), "must be given as a list of strings. Received one string: 'where'"),
        (lambda model: model.sample("where"), "must be given as a list of strings"),
        (lambda model: model.reply(["a", None]), r"Message 1 \(counted from 0\) must be a string\. Received: None"),
        (lambda model: model.sample([b"a"]), r"Message 0 \(counted from 0\) must be a string"),
        (lambda model: model.reply({"a": 1}), "a list or one column of strings"),
        (lambda model: model.reply(7), "a list or one column of strings"),
        (lambda model: model.reply(["a"], beam=0), r"beam must be at least 1\. Received: beam=0"),
        (lambda model: model.reply(["a"], beam=1.5), "beam must be"),
        (lambda model: model.write(["a"], batch_size=0), "batch_size must be at least 1"),
    ],
)
def test_what_cannot_be_written_to(recurrent: Replier, call: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        call(recurrent)
