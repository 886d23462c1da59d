"""How good written replies are: the figures by hand, and with nothing to score."""

import json
import math
import warnings
from typing import Any

import keras
import numpy as np
import pytest
from small_replier import randomize

from supportnet.config import NetworkConfig
from supportnet.data.ticket import Ticket
from supportnet.errors import UserError
from supportnet.tasks.reply.calibrate import Handoff
from supportnet.tasks.reply.evaluate import EXAMPLES, evaluate_replier, perplexity, reply_scores
from supportnet.tasks.reply.model import Replier
from supportnet.text.byte_pairs import END_ID, START_ID, BytePairVocabulary
from supportnet.text.rouge import rouge_l
from supportnet.text.slots import fill_slots, has_open_slot
from supportnet.text.vocabulary import Vocabulary

CONSTANTS = {"{our_url_1}": "www.shop.example/returns"}
TICKETS = [
    Ticket("where is parcel 1234567", reply="Parcel 1234567 is on its way.", conversation="a"),
    Ticket("refund my money", reply="We refund your money, {first_name}.", conversation="a"),
    Ticket("where is 7654321\nagent: hello", reply="Parcel {number} is on its way.", conversation="b"),
    Ticket("how do I return it", reply="See www.shop.example/returns for it.", conversation="b"),
    Ticket("nobody answers"),
    Ticket("nor here", reply="  "),
    Ticket("", reply="Hello? Is somebody there?"),
    Ticket("mail me at ann@example.com", reply="We wrote to ann@example.com, see our long, long, long letter."),
]
ANSWERED = [ticket for ticket in TICKETS if (ticket.reply or "").strip()]
#: What is written to each of them, and how sure the model is.
TEMPLATES = [
    "parcel {number}  is on its way.",
    "We refund your money.",
    "Parcel {number} is lost.",
    "See www.shop.example/returns for it.",
    "",
    "We wrote to {email}.",
]
SCORES = [-0.1, -0.9, -0.4, -0.2, -100.0, -0.3]
THRESHOLD = -0.35


class Parrot(Replier):
    """Writes the templates above, as a trained model would."""

    def write(self, texts: Any, beam: int = 1, batch_size: int = 32) -> dict[str, Any]:
        texts = list(texts)
        rows = [next(i for i, ticket in enumerate(ANSWERED) if ticket.text == text) for text in texts]
        templates = [TEMPLATES[row] for row in rows]
        replies = fill_slots(templates, texts)
        return {
            "reply": replies.numpy(),
            "complete": np.array([template != "" for template in templates]) & ~has_open_slot(replies).numpy(),
            "template": np.array([template.encode() for template in templates], object),
            "reply_score": np.array([SCORES[row] for row in rows], "float32"),
            "reply_tokens": np.array([len(template.split()) for template in templates], "int32"),
        }


def make(kind: type[Replier], handoff: Handoff, max_reply_length: int = 24) -> Replier:
    keras.utils.set_random_seed(0)
    sizes = {"embedding_dim": 16, "hidden_dim": 16, "num_heads": 2, "num_buckets": 500}
    config = NetworkConfig("none", max_reply_length=max_reply_length, **sizes)
    replies = ["Parcel {number} is on its way.", "We wrote to {email}.", "We refund your money."] * 3
    pieces = BytePairVocabulary.train(replies, 300, constants=CONSTANTS)
    model = kind(config, Vocabulary(["where", "parcel"]), pieces, handoff)
    randomize(model.network)
    return model


@pytest.fixture(scope="module")
def parrot() -> Replier:
    return make(Parrot, Handoff(THRESHOLD))


@pytest.fixture(scope="module")
def figures(parrot: Replier) -> dict[str, Any]:
    return evaluate_replier(parrot, TICKETS)


def test_what_is_scored(figures: dict[str, Any]) -> None:
    """Messages without a reply are left out; JSON can hold the rest."""
    assert (figures["task"], figures["num_examples"], figures["beam"]) == ("reply", 6, 1)
    assert json.loads(json.dumps(figures))["num_examples"] == 6
    assert figures["tokens_per_second"] > 0


def test_slots_are_filled_on_both_sides(figures: dict[str, Any]) -> None:
    """What was written and the true reply are compared as the customer reads them."""
    shown = {example["text"]: (example["written"], example["reply"]) for example in figures["examples"]}
    assert shown["where is parcel 1234567"] == ("parcel 1234567  is on its way.", "Parcel 1234567 is on its way.")
    assert shown["where is 7654321\nagent: hello"] == ("Parcel 7654321 is lost.", "Parcel 7654321 is on its way.")
    # The message has no such value.
    assert shown["refund my money"][1] == "We refund your money, {first_name}."
    assert shown["mail me at ann@example.com"][0] == "We wrote to ann@example.com."


def test_the_scores_of_strings(figures: dict[str, Any]) -> None:
    written = [example["written"] for example in figures["examples"]]
    references = [example["reply"] for example in figures["examples"]]
    # The first and the fourth, but for case and space.
    assert figures["exact_match"] == 2 / 6
    expected = reply_scores(written, references)
    for name in ("bleu", "rouge_l", "exact_match", "distinct_1", "distinct_2"):
        assert figures[name] == pytest.approx(expected[name])
    assert figures["bleu_signature"] == expected["bleu_signature"]
    for name, (low, high) in figures["intervals"].items():
        assert low <= figures[name] <= high


def test_slots_by_hand(figures: dict[str, Any]) -> None:
    """Before they are filled: right are 1, 3 and 6; 2 lacks the name; 4 and 5 have none (the company's own is text)."""
    assert figures["slot_accuracy"] == 3 / 4


def test_handed_off_by_hand(figures: dict[str, Any]) -> None:
    sent = [row for row, score in enumerate(SCORES) if score >= THRESHOLD]
    assert sent == [0, 3, 5]
    assert figures["handoff_rate"] == 3 / 6
    written = [fill_slots([TEMPLATES[row]], [ANSWERED[row].text]).numpy()[0].decode() for row in sent]
    quality = rouge_l(written, [str(ANSWERED[row].reply) for row in sent])
    assert figures["sent_quality"] == pytest.approx(quality.mean())
    assert 0.5 < figures["sent_quality"] < 1


def test_nothing_is_sent(parrot: Replier) -> None:
    before = parrot.handoff
    parrot.handoff = Handoff()
    try:
        found = evaluate_replier(parrot, TICKETS)
    finally:
        parrot.handoff = before
    assert (found["handoff_rate"], found["sent_quality"]) == (1, None)


def test_examples_are_sorted_by_score(figures: dict[str, Any], parrot: Replier) -> None:
    """And of many, evenly spaced ones."""
    scores = [example["score"] for example in figures["examples"]]
    assert scores == pytest.approx(sorted(SCORES, reverse=True))
    many = evaluate_replier(parrot, TICKETS * 5)["examples"]
    assert len(many) == EXAMPLES
    assert [many[0]["score"], many[-1]["score"]] == pytest.approx([max(SCORES), min(SCORES)])
    assert [row["score"] for row in many] == sorted((row["score"] for row in many), reverse=True)


@pytest.mark.parametrize("max_reply_length", [24, 5])
def test_perplexity_by_a_plain_loop(max_reply_length: int) -> None:
    """One reply at a time, cut where it is too long; batches and their padding change nothing."""
    model = make(Replier, Handoff(), max_reply_length)
    total, count, cut = 0.0, 0, 0
    for ticket, template in zip(
        ANSWERED,
        [
            "Parcel {number} is on its way.",
            "We refund your money, {first_name}.",
            "Parcel {number} is on its way.",
            "See {our_url_1} for it.",
            "Hello? Is somebody there?",
            "We wrote to {email}, see our long, long, long letter.",
        ],
        strict=True,
    ):
        ids = [*model.pieces.encode([template])[0], END_ID]
        cut += len(ids) > max_reply_length
        ids = ids[:max_reply_length]
        before = keras.ops.convert_to_tensor([[START_ID, *ids[:-1]]], "int32")
        logits = model.network({**model.preprocessor([ticket.text]), "pieces": before}, training=False)["logits"]
        log_probs = keras.ops.convert_to_numpy(keras.ops.log_softmax(logits))[0]
        total -= sum(float(log_probs[place, index]) for place, index in enumerate(ids))
        count += len(ids)
    assert 0 < cut <= 6
    with warnings.catch_warnings():
        # Of a batch of messages without words, Keras would warn that a softmax has one place.
        warnings.simplefilter("error", UserWarning)
        assert perplexity(model, ANSWERED[4:5]) > 1
        assert perplexity(model, ANSWERED) == pytest.approx(math.exp(total / count), rel=1e-4)
    assert perplexity(model, ANSWERED * 40) == pytest.approx(math.exp(total / count), rel=1e-4)


def test_a_model_that_writes(parrot: Replier) -> None:
    """Its own replies are scored, with a beam too; a lone surrogate, which JSON can hold, is taken."""
    model = make(Replier, Handoff(), max_reply_length=2)
    tickets = [*TICKETS, Ticket("lone \ud800 half", reply="as \udc00 here")]
    found = evaluate_replier(model, tickets, beam=2)
    assert (found["beam"], found["num_examples"]) == (2, 7)
    written = {reply.decode() for reply in model.write([ticket.text for ticket in tickets], 2)["reply"]}
    assert {example["written"] for example in found["examples"]} <= written
    assert math.isfinite(found["perplexity"])


@pytest.mark.parametrize("tickets", [[], [Ticket("hello"), Ticket("hello", reply=" ")]])
def test_no_replies(parrot: Replier, tickets: list[Ticket]) -> None:
    with pytest.raises(UserError, match="no message has a reply"):
        evaluate_replier(parrot, tickets)


def test_a_beam_is_a_positive_number() -> None:
    with pytest.raises(UserError, match=r"beam must be at least 1\. Received: beam=0"):
        evaluate_replier(make(Replier, Handoff()), TICKETS, beam=0)
