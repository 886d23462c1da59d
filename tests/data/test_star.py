import json
import warnings
import zipfile

import pytest
from star_archive import DIALOGUES, write_archive

from supportnet.data import OUT_OF_SCOPE, Ticket, star
from supportnet.data.star import INFO, Pair, dialogues_sha256, load, read_dialogues, read_pairs
from supportnet.errors import UserError

pytestmark = pytest.mark.filterwarnings("ignore:.*isn't the recorded file")


def test_a_pair_is_a_reply_that_follows_the_customer_at_once():
    """Not the greeting before anyone spoke, no draft of a reply, and not the second one in a row."""
    assert read_pairs(DIALOGUES["2.json"], "2.json", 3) == [
        Pair(
            "customer: Hi, I need a kite.\nagent: Hello, this is the kite shop.",
            "Which colour would you like?",
            "ask_colour",
            "2",
        ),
        Pair(
            "customer: Or green, if you have it.\ncustomer: Red.\nagent: Which colour would you like?",
            "Both are here,\nand so is blue.",
            "",
            "2",
        ),
        Pair(
            "customer: I'll take it!\nagent: A red one costs 12 euros.\nagent: Both are here, and so is blue.",
            "Thank you, goodbye.",
            "bye",
            "2",
        ),
    ]


def test_turns_without_text_do_not_count():
    _, last = read_pairs(DIALOGUES["4.json"], "4.json", 2)
    assert last.text == "customer: When do you open?\nagent: Oh no! Bring it along."


@pytest.mark.parametrize(
    ("dialogue", "problem"),
    [
        (b"{", "isn't JSON"),
        (b'"\xff"', r"line 1: byte 0xff isn't valid utf-8"),
        (b"[" * 100_000, "isn't JSON"),
        (b"[]", "must hold one JSON object with a number DialogueID and a list Events"),
        (b'{"DialogueID": "7", "Events": []}', "must hold one JSON object with a number DialogueID"),
        (b'{"DialogueID": 7, "Events": {}}', "must hold one JSON object .* and a list Events"),
        (b'{"DialogueID": 7, "Events": [{}, []]}', "event 1 must be a JSON object. Received: a list"),
    ],
)
def test_a_damaged_dialogue_is_named(tmp_path, dialogue, problem):
    write_archive(tmp_path, {**DIALOGUES, "7.json": dialogue})
    with pytest.raises(UserError, match=rf"^dialogues/7\.json.*{problem}"):
        load(tmp_path)


@pytest.mark.parametrize("damage", [{"Text": 3}, {"Text": None}, {"ActionLabel": ["a"]}])
def test_a_damaged_event_is_named(damage):
    event = {"Agent": "Wizard", "Action": "pick_suggestion", "Text": "Hi", "ActionLabel": "hello"}
    dialogue = {"DialogueID": 7, "Events": [event, {"Agent": ["?"], "Text": 3}, {**event, **damage}]}
    with pytest.raises(UserError, match=r"^7\.json: Text and ActionLabel of event 2 must be strings"):
        read_pairs(json.dumps(dialogue).encode(), "7.json", 3)


def test_dialogues_are_split_as_a_whole_and_stand_in_the_order_of_their_numbers(dummy_data):
    dataset = load(dummy_data)
    assert {split: [ticket.conversation for ticket in tickets] for split, tickets in dataset.splits.items()} == {
        "train": ["2", "2", "2", "10", "10"],
        "validation": ["19", "19"],
        "test": ["4", "4"],
    }
    assert [ticket.turn for ticket in dataset["train"]] == [0, 1, 2, 0, 1]
    assert dataset.intents == ["ask_colour", "bye", "inform_hours", "inform_price"]
    assert (dataset.name, dataset.licence, dataset.source) == ("star", "MIT", INFO.source)


def test_tickets_have_the_label_of_their_reply(dummy_data):
    dataset = load(dummy_data, context_turns=1)
    assert dataset["test"] == [
        Ticket("My kite is torn.", None, "Oh no! Bring it along.", "4", 0, "test"),
        Ticket("When do you open?", "inform_hours", "We open at nine.", "4", 1, "test"),
    ]
    assert dataset["validation"][0].intent == OUT_OF_SCOPE


@pytest.mark.parametrize("context_turns", [0, -2])
def test_a_context_has_at_least_one_turn(dummy_data, context_turns):
    with pytest.raises(
        UserError, match=rf"^context_turns \(--context-turns\) must be at least 1\. .*context_turns={context_turns}$"
    ):
        load(dummy_data, context_turns)


def test_a_missing_archive_is_named_with_its_address(tmp_path):
    with pytest.raises(UserError, match=r"star/STAR-3058975\w+\.zip is missing\. .*github\.com/RasaHQ/STAR/archive/"):
        load(tmp_path)


def test_a_damaged_archive_is_named(tmp_path):
    path = write_archive(tmp_path)
    content = path.read_bytes()
    damaged = bytearray(content)
    # Within what the first dialogue's file holds.
    damaged[content.index(b"dialogues/10.json") + 40] ^= 0xFF
    for wrong in (content[:-30], bytes(damaged), b"404: Not Found"):
        path.write_bytes(wrong)
        with pytest.raises(UserError, match=r"STAR-\w+\.zip isn't a whole zip archive \("):
            load(tmp_path)


def test_an_encrypted_archive_is_refused(tmp_path):
    content = bytearray(write_archive(tmp_path).read_bytes())
    for index in range(len(content)):
        # An entry in the list of all files at the archive's end; the flags say that the file is encrypted.
        if content.startswith(b"PK\x01\x02", index):
            content[index + 8] |= 1
    with pytest.raises(UserError, match=r"^x\.zip isn't a whole zip archive \(.*encrypted"):
        read_dialogues(bytes(content), "x.zip")


def test_an_archive_without_dialogues_is_refused(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("dialogues/1.json", "{}")
        file.writestr("STAR/dialogues/1.json/2.json", "{}")
        file.writestr("STAR/dialogues/notes.json", "{}")
    with pytest.raises(UserError, match=r"^x\.zip has no dialogues/NUMBER\.json\.$"):
        read_dialogues(path.read_bytes(), "x.zip")


def test_the_recorded_dialogues_are_read_without_a_warning(tmp_path, monkeypatch):
    """Whatever else is in the archive, and however it was packed."""
    write_archive(tmp_path)
    monkeypatch.setattr(star, "DIALOGUES_SHA256", dialogues_sha256(DIALOGUES))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(tmp_path)
    for others in ({**DIALOGUES, "5.json": DIALOGUES["4.json"]}, {**DIALOGUES, "4.json": DIALOGUES["4.json"] + b"\n"}):
        path = write_archive(tmp_path, others)
        with pytest.warns(UserWarning, match=rf"^{path} isn't the recorded file \(the SHA-256 of its dialogues"):
            load(tmp_path)
