"""The tool that writes the built-in data set: its grammar, and the files that it makes."""

import itertools
import json
import os
import random
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from make_sample.generator import REPLY_SLOTS, write_tickets
from make_sample.grammar import (
    CATEGORIES,
    SPLITS,
    expansions,
    fitting,
    lines,
    read_intents,
    read_resource,
    slots,
)
from make_sample.values import INVENTED, fill, words
from make_sample.voice import registers

from supportnet.data import OUT_OF_SCOPE, Ticket, sample

ROOT = Path(__file__).parents[2]
Tickets = dict[str, list[Ticket]]

VALUES = {word.casefold() for values in words().values() for word in values}
KNOWN_WORDS = re.compile(rf"\b({'|'.join(map(re.escape, sorted(VALUES, key=len, reverse=True)))})\b")


@pytest.fixture(scope="module")
def tickets() -> Tickets:
    return write_tickets()


def word_sets(templates: tuple[str, ...]) -> dict[frozenset[str], str]:
    """Every expansion as the set of its words, with the template that it comes from."""
    return {
        frozenset(re.findall(r"[\w{}']+", text)): template for template in templates for text in expansions(template)
    }


def masked(text: str) -> str:
    """The message without its values, case and punctuation."""
    text = text.casefold()
    text = re.sub(r"\S+@\S+", "_", text)
    text = KNOWN_WORDS.sub("_", text)
    return " ".join(re.sub(r"[^a-z_' ]+", " ", text).split())


# --- the data set as a whole ---


def test_the_files_are_what_the_tool_makes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tools.make_sample", tmp_path]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": "7"}, check=True)
    for name in ("sample.csv", "articles.csv"):
        assert (tmp_path / name).read_bytes() == (Path(sample.__file__).parent / name).read_bytes(), name


def test_another_seed_gives_other_messages_of_the_same_shape(tickets: Tickets) -> None:
    other = write_tickets(seed=1)
    assert [len(other[split]) for split in SPLITS] == [len(tickets[split]) for split in SPLITS]
    shared = {ticket.text for ticket in other["train"]} & {ticket.text for ticket in tickets["train"]}
    assert len(shared) < len(tickets["train"]) / 4


# --- splits share nothing ---


def test_each_intent_has_enough_templates_and_replies() -> None:
    for intent in read_intents().values():
        counts = [len(intent.templates[split]) for split in SPLITS]
        assert all(count >= least for count, least in zip(counts, (24, 6, 8), strict=True)), intent.name
        assert 4 <= len(intent.replies + intent.replies_with_order) <= 8, intent.name


def test_no_expansion_belongs_to_two_splits_or_two_intents() -> None:
    owner: dict[str, tuple[str, str]] = {}
    for intent, split in itertools.product(read_intents().values(), SPLITS):
        for template in intent.templates[split]:
            for text in expansions(template):
                key = masked(fill(text, random.Random(0)))
                place = (intent.name, split)
                assert owner.setdefault(key, place) == place, text


def test_held_out_templates_are_paraphrases() -> None:
    """No wording of a held-out template shares 60% of its words (Jaccard) with one of training's."""
    for intent in read_intents().values():
        held_out = word_sets(intent.templates["validation"]) | word_sets(intent.templates["test"])
        for seen, template in word_sets(intent.templates["train"]).items():
            for unseen, paraphrase in held_out.items():
                assert len(seen & unseen) < 0.6 * len(seen | unseen), (template, paraphrase)


@pytest.mark.parametrize("seed", [0, 1])
def test_no_masked_message_is_in_two_splits(seed: int) -> None:
    splits_of = defaultdict(set)
    for split, tickets in write_tickets(seed).items():
        for ticket in tickets:
            splits_of[masked(ticket.text)].add(split)
    assert [text for text, splits in splits_of.items() if len(splits) > 1] == []


# --- out of scope ---


def test_out_of_scope_templates_are_disjoint() -> None:
    content = read_resource("out_of_scope.toml")
    texts = [
        text
        for kind, split in itertools.product(("unrelated", "near"), SPLITS)
        for template in lines(content[kind][split])
        for text in set(expansions(template))
    ]
    assert len(texts) == len(set(texts))


# --- messages ---


def test_templates_use_known_slots_only() -> None:
    known = set(INVENTED) | set(words())
    intents = read_intents().values()
    texts = [t for intent in intents for split in SPLITS for t in intent.templates[split]]
    texts += [detail for intent in intents for detail in intent.details]
    texts += [
        text for mood in registers().values() if isinstance(mood, dict) for many in mood.values() for text in many
    ]
    content = read_resource("out_of_scope.toml")
    texts += [line for kind in ("unrelated", "near") for split in SPLITS for line in lines(content[kind][split])]
    assert {slot.removeprefix("other_") for text in texts for slot in slots(text)} <= known


def test_phone_numbers_are_fictional() -> None:
    rng = random.Random(0)
    for _ in range(300):
        digits = re.sub(r"\D", "", INVENTED["phone"](rng))
        assert re.fullmatch(r"1?\d{3}55501\d\d|02079460\d{3}|07700900\d{3}|447700900\d{3}", digits), digits


def test_ibans_are_wellformed_examples() -> None:
    rng = random.Random(0)
    for iban in {INVENTED["iban"](rng).replace(" ", "") for _ in range(100)}:
        assert int("".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])) % 97 == 1, iban


def test_messages_hold_slips(tickets: Tickets) -> None:
    """A word of the messages that no template, value or opening holds is a slip or a run-on."""
    sources = json.dumps([read_resource("registers.toml"), read_resource("words.toml")])
    for category in CATEGORIES:
        sources += json.dumps(read_resource(f"intents/{category}.toml")).replace("\\n", " ")
    known = set(re.findall(r"[a-z]+", sources.casefold()))
    slipped = 0
    in_scope = [ticket for split in SPLITS for ticket in tickets[split] if ticket.intent != OUT_OF_SCOPE]
    for ticket in in_scope:
        plain = re.findall(r"(?<!\S)[a-z]{4,}(?!\S)", ticket.text)
        slipped += any(word not in known for word in plain)
    assert 0.1 < slipped / len(in_scope) < 0.35


# --- conversations and replies ---


def test_replies_hold_known_slots_only(tickets: Tickets) -> None:
    replies = [ticket.reply for split in SPLITS for ticket in tickets[split]]
    assert all(replies)
    assert {slot for reply in replies for slot in slots(reply or "")} == set(REPLY_SLOTS)


def test_a_reply_names_the_order_only_if_the_conversation_did(tickets: Tickets) -> None:
    intents = read_intents()
    told: dict[str | None, bool] = defaultdict(bool)
    for ticket in [ticket for split in SPLITS for ticket in tickets[split]]:
        told[ticket.conversation] |= re.search(r"(?<!\d)\d{7}(?!\d)", ticket.text) is not None
        if ticket.intent != OUT_OF_SCOPE and (with_order := intents[str(ticket.intent)].replies_with_order):
            texts = [reply.text for reply in with_order]
            assert (ticket.reply in texts) == told[ticket.conversation], ticket


def test_every_intent_has_a_reply_for_any_message() -> None:
    for intent in read_intents().values():
        assert fitting(intent.replies, "")
        assert not intent.replies_with_order or fitting(intent.replies_with_order, "")


def test_related_intents_exist() -> None:
    intents = read_intents()
    assert {name for intent in intents.values() for name in intent.related} <= set(intents)
