import json
from pathlib import Path

import pytest

from supportnet.data import OUT_OF_SCOPE, Ticket, TicketDataset, describe, load

DUMMY_DATA = Path(__file__).parent / "dummy_data"


def test_figures_of_a_split():
    tickets = [
        Ticket("one two three", "b", "yes"),
        Ticket("one", "a"),
        Ticket("", "b"),
        Ticket("one  two\nthree four", "c"),
        Ticket("one", OUT_OF_SCOPE),
        Ticket("one two", reply="yes"),
    ]
    dataset = TicketDataset("mine", {"all": tickets}, "What it is.", "CC0-1.0", "tickets.csv")
    assert describe(dataset) == {
        "name": "mine",
        "description": "What it is.",
        "licence": "CC0-1.0",
        "source": "tickets.csv",
        "splits": {
            "all": {
                "num_messages": 6,
                "num_intents": 3,
                "num_out_of_scope": 1,
                "num_unlabelled": 1,
                "num_replies": 2,
                "num_different_replies": 1,
                "text_length": {"median": 1.5, "longest": 4},
                "smallest_intent": {"intent": "a", "num_messages": 1},
                "largest_intent": {"intent": "b", "num_messages": 2},
                "attributes": {},
            }
        },
    }


def test_of_intents_of_one_size_the_first_in_the_alphabet_is_named():
    figures = describe(TicketDataset("mine", {"all": [Ticket("x", "b"), Ticket("y", "a")]}))["splits"]["all"]
    assert figures["smallest_intent"] == figures["largest_intent"] == {"intent": "a", "num_messages": 1}


def test_attributes_are_counted_in_each_split():
    train = [
        Ticket("a", labels={"priority": "high"}),
        Ticket("b", labels={"channel": "mail", "priority": "low"}),
        Ticket("c", "x", labels={"priority": "high"}),
        Ticket("d"),
    ]
    splits = describe(TicketDataset("mine", {"train": train, "test": train[3:]}))["splits"]
    assert splits["train"]["attributes"] == {
        "priority": {"num_messages": 3, "num_values": 2},
        "channel": {"num_messages": 1, "num_values": 1},
    }
    assert splits["test"]["attributes"] == {}


def test_a_split_without_tickets_or_intents():
    splits = describe(TicketDataset("mine", {"train": [], "test": [Ticket("x", OUT_OF_SCOPE)]}))["splits"]
    assert splits["train"]["text_length"] is None
    assert splits["test"]["smallest_intent"] is None
    assert splits["test"]["largest_intent"] is None


@pytest.mark.filterwarnings("ignore:.*isn't the recorded file")
def test_a_name_is_loaded_and_the_figures_go_into_json():
    figures = describe("clinc150", data_dir=DUMMY_DATA)
    assert figures == describe(load("clinc150", data_dir=DUMMY_DATA))
    assert json.loads(json.dumps(figures)) == figures
    assert figures["splits"]["test"]["num_messages"] == 5
    assert figures["splits"]["test"]["num_out_of_scope"] == 2
