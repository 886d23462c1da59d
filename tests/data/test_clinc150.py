import json
from pathlib import Path

import pytest

from supportnet.data.clinc150 import INFOS, load, parse, parse_domains
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket
from supportnet.errors import UserError

DUMMY_DATA = Path(__file__).parent / "dummy_data"
PARTS = {
    "oos_val": [["v?", "oos"]],
    "val": [["v", "a"]],
    "train": [["t", "a"], ["u", "b"]],
    "oos_test": [["s?", "oos"]],
    "test": [["s", "b"]],
    "oos_train": [["t?", "oos"]],
}
pytestmark = pytest.mark.filterwarnings("ignore:.*isn't the recorded file")


def test_parse_joins_out_of_scope_messages_except_for_training():
    assert parse(json.dumps(PARTS).encode(), "data_full.json") == {
        "train": [("t", "a"), ("u", "b")],
        "validation": [("v", "a"), ("v?", OUT_OF_SCOPE)],
        "test": [("s", "b"), ("s?", OUT_OF_SCOPE)],
        "oos_train": [("t?", OUT_OF_SCOPE)],
    }


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "isn't JSON"),
        (b'{"val": "\xff"}', "line 1: byte 0xff isn't valid utf-8"),
        (b"[]", "must hold one JSON object. Received: a list"),
        (b"{}", "must hold a list 'train'"),
        (json.dumps({**PARTS, "test": {}}).encode(), "must hold a list 'test'"),
        (
            json.dumps({**PARTS, "val": [["v", "a"], ["v"]]}).encode(),
            r"message 1 of 'val' must be \[text, intent\]",
        ),
        (json.dumps({**PARTS, "val": [["v", 3]]}).encode(), r"message 0 of 'val' must be \[text, intent\]"),
    ],
)
def test_a_damaged_data_file_is_named(content, problem):
    with pytest.raises(UserError, match=rf"^data_full\.json.*{problem}"):
        parse(content, "data_full.json")


@pytest.mark.parametrize("content", [b'{"travel": "book"}', b'{"travel": [1]}'])
def test_a_damaged_domains_file_is_named(content):
    with pytest.raises(UserError, match=r"^domains\.json: 'travel' must be a list of strings"):
        parse_domains(content)


@pytest.mark.parametrize(
    ("variant", "num_train", "num_oos_train"),
    [("full", 6, 1), ("small", 3, 1), ("imbalanced", 5, 1), ("oos_plus", 6, 3)],
)
def test_variants_differ_in_training_only(variant, num_train, num_oos_train):
    dataset = load(variant, DUMMY_DATA)
    assert dataset.name == INFOS[variant].name
    assert {split: len(tickets) for split, tickets in dataset.splits.items()} == {
        "train": num_train,
        "validation": 4,
        "test": 5,
    }
    with_oos = load(variant, DUMMY_DATA, train_oos=True)["train"]
    assert with_oos[:num_train] == dataset["train"]
    assert [ticket.intent for ticket in with_oos[num_train:]] == [OUT_OF_SCOPE] * num_oos_train


def test_tickets_know_their_split_and_categories_are_domains():
    dataset = load(data_dir=DUMMY_DATA)
    assert dataset["validation"][-1] == Ticket("translate owl into elvish", OUT_OF_SCOPE, split="validation")
    assert dataset.intents == ["boil_egg", "set_timer", "water_roses"]
    assert dataset.categories == {"boil_egg": "kitchen", "set_timer": "kitchen", "water_roses": "garden"}
