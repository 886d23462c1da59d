import gzip
import json

import pytest

from supportnet.data import load
from supportnet.data.files import load_file
from supportnet.data.ticket import OUT_OF_SCOPE, Ticket
from supportnet.errors import UserError


def pairs(tickets):
    return [(ticket.text, ticket.intent) for ticket in tickets]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", "text,intent\nHi,greet\nBye,part\n"),
        ("t.CSV", "\ufefftext;intent\r\nHi;greet\r\nBye;part\r\n"),
        ("t.tsv", "text\tintent\nHi\tgreet\nBye\tpart\n"),
        ("t.jsonl", '{"text": "Hi", "intent": "greet"}\n{"intent": "part", "text": "Bye"}\n'),
        ("t.json", '{"text": "Hi", "intent": "greet"}\n{"text": "Bye", "intent": "part"}'),
        ("t.csv.gz", gzip.compress(b"text,intent\nHi,greet\nBye,part\n", mtime=0)),
        (
            "t.jsonl.gz",
            gzip.compress(b'{"text": "Hi", "intent": "greet"}\n{"text": "Bye", "intent": "part"}', mtime=0),
        ),
    ],
)
def test_every_kind_of_file_gives_the_same_tickets(write, name, content):
    path = write(name, content)
    dataset = load_file(path)
    assert dataset.splits == {"all": [Ticket("Hi", "greet"), Ticket("Bye", "part")]}
    assert (dataset.name, dataset.source, dataset.licence) == (str(path), str(path), "unknown")
    assert dataset.description == f"2 messages from {name}."


def test_texts_are_kept_as_they_are_and_labels_stripped(write):
    path = write("t.csv", 'text,intent\n" Hi ", greet \n,greet\n"\n",part\n')
    assert pairs(load_file(path)["all"]) == [(" Hi ", "greet"), ("", "greet"), ("\n", "part")]


@pytest.mark.parametrize("label", ["oos", "OOS", "out_of_scope", "Out_Of_Scope "])
def test_out_of_scope_labels(write, label):
    assert load_file(write("t.csv", f"text,intent\nHi,{label}\n"))["all"][0].intent == OUT_OF_SCOPE


@pytest.mark.parametrize("text_column", ["text", "Message", "utterance", "query"])
@pytest.mark.parametrize("label_column", ["intent", "LABEL", "category", "class"])
def test_usual_column_names_are_found(write, text_column, label_column):
    path = write("t.csv", f"id,{label_column},{text_column}\n7,greet,Hi\n")
    assert pairs(load_file(path)["all"]) == [("Hi", "greet")]


def test_columns_can_be_named(write):
    path = write("t.csv", "text,intent,a,b\nx,y,greet,Hi\n")
    assert pairs(load_file(path, text_column="b", label_column="a")["all"]) == [("Hi", "greet")]


def test_whole_numbers_are_labels(write):
    assert load_file(write("t.jsonl", '{"text": "Hi", "label": 3}'))["all"][0].intent == "3"


def test_half_a_surrogate_pair_becomes_a_replacement_character(write):
    path = write("t.jsonl", r'{"text": "cut \ud83d whole \ud83d\ude00", "label": "a"}')
    assert load_file(path)["all"][0].text == "cut \ufffd whole \U0001f600"


@pytest.mark.parametrize("options", [{}, {"split_column": "split"}])
def test_a_split_column_divides_in_the_files_order(write, options):
    values = ["Test", "train", "training", "val", "valid", "validation", "dev", "test"]
    path = write("t.csv", "text,intent,split\n" + "".join(f"{v},a,{v}\n" for v in values))
    splits = load_file(path, **options).splits
    assert list(splits) == ["train", "validation", "test"]
    assert [ticket.text for ticket in splits["train"]] == ["train", "training"]
    assert [ticket.text for ticket in splits["validation"]] == ["val", "valid", "validation", "dev"]
    assert [(ticket.text, ticket.split) for ticket in splits["test"]] == [("Test", "test"), ("test", "test")]


def test_only_the_splits_that_occur_are_there(write):
    assert list(load_file(write("t.csv", "text,intent,part\nHi,a,test\n"), split_column="part").splits) == ["test"]


def test_an_unknown_split_value_is_named_with_its_row(write):
    path = write("t.csv", "text,intent,split\nHi,a,train\nHo,a,fold2\n")
    with pytest.raises(UserError, match=r"t\.csv, row 3: 'split' must be train, validation or test.*'fold2'$"):
        load_file(path)


def test_a_delimiter_can_be_given_for_any_ending(write):
    assert pairs(load_file(write("t.txt", "text|intent\nHi|a\n"), delimiter="|")["all"]) == [("Hi", "a")]
    assert pairs(load_file(write("t.dat", "text\tintent\nHi\ta\n"), delimiter="\\t")["all"]) == [("Hi", "a")]


@pytest.mark.parametrize("delimiter", ["", ",,", '"', "\n"])
def test_a_delimiter_must_be_one_usable_character(write, delimiter):
    with pytest.raises(UserError, match=r"--delimiter\) must be one character.*Received: delimiter="):
        load_file(write("t.csv", "text,intent\nHi,a\n"), delimiter=delimiter)


def test_a_delimiter_is_not_for_json_lines(write):
    with pytest.raises(UserError, match=r"--delimiter\) is for CSV and TSV.*t\.jsonl"):
        load_file(write("t.jsonl", "{}"), delimiter=",")


def test_another_encoding(write):
    path = write("t.csv", "text,intent\ncafé,a\n".encode("cp1252"))
    assert load_file(path, encoding="cp1252")["all"][0].text == "café"
    with pytest.raises(UserError, match=r"t\.csv, line 2: byte 0xe9"):
        load_file(path)


def test_a_wrong_column_lists_those_there_are(write):
    path = write("t.csv", "text,intent,note\nHi,a,b\n")
    with pytest.raises(
        UserError, match=r"no column 'topic'\. Set label_column \(--label-column\).*'text', 'intent', 'note'"
    ):
        load_file(path, label_column="topic")


@pytest.mark.parametrize("option", ["text_column", "label_column"])
def test_without_a_usual_column_name_the_option_is_named(write, option):
    path = write("t.csv", "a,b\nHi,x\n" if option == "text_column" else "text,b\nHi,x\n")
    with pytest.raises(UserError, match=rf"no column has a usual name\. Set {option} .*'b'"):
        load_file(path)


def test_two_usual_column_names_are_ambiguous(write):
    with pytest.raises(UserError, match=r"several columns could be meant \(category, intent\)\. Set label_column"):
        load_file(write("t.csv", "text,category,intent\nHi,a,b\n"))


def test_a_column_name_that_occurs_twice_is_ambiguous(write):
    with pytest.raises(UserError, match="2 columns are named 'b'"):
        load_file(write("t.csv", "text,b,b\nHi,a,b\n"), label_column="b")


def test_text_and_label_must_be_different_columns(write):
    with pytest.raises(UserError, match=r"text_column and label_column must differ\. Received: 'intent'"):
        load_file(write("t.csv", "text,intent\nHi,a\n"), text_column="intent")


@pytest.mark.parametrize("label", ["", "  "])
def test_an_empty_label_is_named_with_its_row(write, label):
    with pytest.raises(UserError, match=r"t\.csv, row 3: the label in column 'intent' is empty"):
        load_file(write("t.csv", f"text,intent\nHi,a\nHo,{label}\n"))


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ({"text": "Hi"}, "there is no value for 'intent'"),
        ({"text": "Hi", "intent": None}, "there is no value for 'intent'"),
        ({"text": 1.5, "intent": "a"}, "'text' must be a string. Received: a float"),
        ({"text": "Hi", "intent": ["a"]}, "'intent' must be a string. Received: a list"),
        ({"text": "Hi", "intent": True}, "'intent' must be a string. Received: a bool"),
    ],
)
def test_a_json_line_with_an_unusable_value_is_named(write, record, problem):
    path = write("t.jsonl", '{"text": "Hi", "intent": "a"}\n' + json.dumps(record))
    with pytest.raises(UserError, match=rf"t\.jsonl, line 2: {problem}"):
        load_file(path)


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.txt"])
def test_a_missing_file_is_named(tmp_path, name):
    with pytest.raises(UserError, match=rf"{name} is missing"):
        load_file(tmp_path / name)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match="is a folder"):
        load_file(tmp_path)


def test_an_unknown_ending_is_refused(write):
    with pytest.raises(UserError, match=r"t\.xlsx: the ending must be one of \.csv, .*--delimiter"):
        load_file(write("t.xlsx", "PK"))


@pytest.mark.parametrize("name", ["t.csv", "t.json"])
def test_an_empty_file_is_named(write, name):
    with pytest.raises(UserError, match=rf"{name} is empty"):
        load_file(write(name, ""))


@pytest.mark.parametrize("content", [b"text,intent\n", gzip.compress(b"text,intent\nHi,a\n", mtime=0)[:-12]])
def test_a_damaged_gzip_file_is_named(write, content):
    with pytest.raises(UserError, match=r"t\.csv\.gz isn't a whole gzip file"):
        load_file(write("t.csv.gz", content))


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    path = tmp_path / ("x" * 300 + ".csv")
    with pytest.raises(UserError, match=r"\.csv can't be read: File name too long"):
        load_file(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", "text,answer,intent\nHi, Hello! ,greet\nBye, ,\n"),
        ("t.jsonl", '{"text": "Hi", "answer": " Hello! ", "intent": "greet"}\n{"text": "Bye", "answer": ""}'),
        (
            "t.jsonl",
            '{"text": "Hi", "answer": " Hello! ", "intent": "greet"}\n{"text": "Bye", "answer": "", "intent": null}',
        ),
    ],
)
def test_a_reply_column_is_read_and_labels_may_be_missing_then(write, name, content):
    tickets = load_file(write(name, content), reply_column="answer")["all"]
    assert tickets == [Ticket("Hi", "greet", " Hello! "), Ticket("Bye")]


def test_replies_need_no_label_column(write):
    path = write("t.csv", "text,reply,topics\nHi,Hello!,greet\n")
    assert load_file(path, reply_column="reply")["all"] == [Ticket("Hi", None, "Hello!")]
    assert load_file(path, reply_column="reply", label_column="topics")["all"] == [Ticket("Hi", "greet", "Hello!")]
    with pytest.raises(UserError, match=r"no column 'intent'\. Set label_column \(--label-column\)"):
        load_file(path, reply_column="reply", label_column="intent")


def test_a_column_named_reply_is_not_read_unasked(write):
    assert load_file(write("t.csv", "text,intent,reply\nHi,a,b\n"))["all"] == [Ticket("Hi", "a")]


def test_a_wrong_reply_column_lists_those_there_are(write):
    with pytest.raises(UserError, match=r"no column 'reply'\. Set reply_column \(--reply-column\) .*'text', 'answer'"):
        load_file(write("t.csv", "text,answer\nHi,Hello!\n"), reply_column="reply")


@pytest.mark.parametrize("column", ["text", "intent"])
def test_replies_must_have_a_column_of_their_own(write, column):
    with pytest.raises(UserError, match=rf"{column.replace('intent', 'label')}_column and reply_column must differ"):
        load_file(write("t.csv", "text,intent\nHi,a\n"), reply_column=column)


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ({"text": "Hi"}, "there is no value for 'reply'"),
        ({"text": "Hi", "reply": ["Hello!"]}, "'reply' must be a string. Received: a list"),
    ],
)
def test_an_unusable_reply_is_named_with_its_line(write, record, problem):
    path = write("t.jsonl", '{"text": "Hi", "reply": "Hello!"}\n' + json.dumps(record))
    with pytest.raises(UserError, match=rf"t\.jsonl, line 2: {problem}"):
        load_file(path, reply_column="reply")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", "text,intent,priority,channel\nHi,greet, high ,mail\nBye,,, \nOh,,low,\n"),
        ("t.tsv", "text\tintent\tpriority\tchannel\nHi\tgreet\thigh\tmail\nBye\t\t\t\nOh\t\tlow\t\n"),
        (
            "t.jsonl",
            '{"text": "Hi", "intent": "greet", "priority": "high", "channel": "mail"}\n'
            '{"text": "Bye", "priority": null}\n{"text": "Oh", "priority": "low"}',
        ),
    ],
)
def test_attribute_columns_are_further_labels(write, name, content):
    """An empty or missing value is no label of that name, and an intent may be missing then."""
    assert load(write(name, content), attribute_columns=["priority", "channel"])["all"] == [
        Ticket("Hi", "greet", labels={"priority": "high", "channel": "mail"}),
        Ticket("Bye"),
        Ticket("Oh", labels={"priority": "low"}),
    ]


def test_attributes_need_no_column_of_intents(write):
    """Not even one with a usual name is taken for it, if it is an attribute."""
    path = write("t.csv", "text,Topic,level,answer\nHi,greet,3,Hello!\n")
    for names, labels in ((["Topic"], {"Topic": "greet"}), (("level", "Topic"), {"level": "3", "Topic": "greet"})):
        assert load_file(path, attribute_columns=names)["all"] == [Ticket("Hi", labels=labels)]
    (ticket,) = load_file(path, attribute_columns=["level"], reply_column="answer")["all"]
    assert ticket == Ticket("Hi", "greet", "Hello!", labels={"level": "3"})
    with pytest.raises(UserError, match=r"no column 'intent'\. Set label_column \(--label-column\)"):
        load_file(path, attribute_columns=["level"], label_column="intent")


def test_attributes_are_read_only_where_they_are_named(write):
    path = write("t.csv", "text,intent,priority,split\nHi,a,high,test\n")
    assert load_file(path)["test"] == [Ticket("Hi", "a", split="test")]
    assert load(path, attribute_columns=[]) == load_file(path)
    assert load_file(path, attribute_columns=["priority"], labelled=False)["test"] == [Ticket("Hi", split="test")]
    (ticket,) = load_file(path, attribute_columns=["priority"])["test"]
    assert (ticket.split, ticket.labels) == ("test", {"priority": "high"})


def test_a_wrong_attribute_column_lists_those_there_are(write):
    path = write("t.csv", "text,intent\nHi,a\n")
    with pytest.raises(
        UserError, match=r"t\.csv: there is no column 'tone'\. Set attribute_columns \(--attribute-columns\) .*'text'"
    ):
        load_file(path, attribute_columns=["intent", "tone"])


@pytest.mark.parametrize("option", ["text_column", "label_column", "reply_column"])
def test_attributes_must_have_columns_of_their_own(write, option):
    path = write("t.csv", "text,intent,tone,other\nHi,a,b,c\n")
    with pytest.raises(UserError, match=rf"{option} and attribute_columns must differ\. Received: 'tone' for both"):
        load_file(path, attribute_columns=["other", "tone"], **{option: "tone"})


def test_an_unusable_attribute_is_named_with_its_line(write):
    path = write("t.jsonl", '{"text": "Hi", "tone": "a"}\n{"text": "Hi", "tone": ["b"]}')
    with pytest.raises(UserError, match=r"t\.jsonl, line 2: 'tone' must be a string\. Received: a list"):
        load_file(path, attribute_columns=["tone"])
